/**
 * Reads a config file and all that it includes into one located map, as LiteLLM does: top-level lists are joined, and
 * of a section's key that stands in several files the value of the file that is included last counts.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { ConfigIssue } from './config-issue.ts'
import type { Located, LocatedMap, Place } from './located.ts'
import { readYaml } from './read-yaml.ts'

const LARGEST_FILE_BYTES = 16 * 1024 * 1024

export interface ConfigFiles {
  readonly root: LocatedMap | undefined
  readonly issues: readonly ConfigIssue[]
  /** Every file that was opened, or should have been, the main one first. */
  readonly files: readonly string[]
  /** Of the content that was read: another content has another one. */
  readonly fingerprint: string
}

export function readConfigFiles(path: string): ConfigFiles {
  const reader = new FileReader()
  const root = reader.read(path, [], undefined)
  return {
    root,
    issues: reader.issues,
    files: [...reader.contents.keys()],
    fingerprint: fingerprintOf(reader.contents),
  }
}

/** Hex SHA-256 over paths and contents; undefined stands for a file that cannot be read. */
export function fingerprintOf(contents: ReadonlyMap<string, Buffer | undefined>): string {
  const hash = createHash('sha256')
  for (const [path, bytes] of contents)
    hash.update(`${path}\0${bytes?.length ?? 'none'}\0`).update(bytes ?? '')
  return hash.digest('hex')
}

class FileReader {
  readonly issues: ConfigIssue[] = []
  readonly contents = new Map<string, Buffer | undefined>()

  /** @param includedBy paths from the main file down to the one that includes this. */
  read(path: string, includedBy: readonly string[], place: Place | undefined): LocatedMap | undefined {
    const text = this.#readText(path, place)
    if (text === undefined) return undefined
    const { root, issues } = readYaml(path, text)
    this.issues.push(...issues)
    if (root === undefined) return undefined
    const include = root.entries.get('include')
    if (include === undefined) return root
    const chain = [...includedBy, path]
    const entries = new Map(root.entries)
    entries.delete('include')
    let merged: LocatedMap = { ...root, entries }
    for (const item of this.#includedPaths(include.value, path)) {
      if (chain.some((outer) => resolve(outer) === resolve(item.path))) {
        const circle = [...chain, item.path].join(' → ')
        this.#report(
          item.place,
          'include',
          'bad_reference',
          `the files include each other in a circle: ${circle}`,
        )
        continue
      }
      const included = this.read(item.path, chain, item.place)
      if (included !== undefined) merged = mergeFiles(merged, included)
    }
    return merged
  }

  #readText(path: string, place: Place | undefined): string | undefined {
    this.contents.set(path, undefined)
    try {
      const bytes = readFileSync(path)
      this.contents.set(path, bytes)
      if (bytes.length <= LARGEST_FILE_BYTES) return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
      this.#report(place ?? noPlace(path), '', 'file', `${path} is larger than ${LARGEST_FILE_BYTES} bytes`)
    } catch (error) {
      const key = place === undefined ? '' : 'include'
      this.#report(place ?? noPlace(path), key, 'file', `${path} cannot be read: ${reasonOf(error)}`)
    }
    return undefined
  }

  #includedPaths(include: Located, includingFile: string): { path: string; place: Place }[] {
    const items = include.kind === 'list' ? include.items : [include]
    const paths: { path: string; place: Place }[] = []
    for (const item of items) {
      if (item.kind === 'scalar' && item.value === null) continue
      if (item.kind === 'scalar' && typeof item.value === 'string') {
        paths.push({ path: resolve(dirname(includingFile), item.value), place: item.place })
      } else {
        this.#report(item.place, 'include', 'wrong_type', 'expected a path or a list of paths')
      }
    }
    return paths
  }

  #report(place: Place, key: string, kind: ConfigIssue['kind'], message: string): void {
    this.issues.push({ severity: 'error', kind, ...place, key, message })
  }
}

function noPlace(file: string): Place {
  return { file, line: 0, column: 0 }
}

/** Joins two files, section by section. */
function mergeFiles(outer: LocatedMap, included: LocatedMap): LocatedMap {
  const entries = new Map(outer.entries)
  for (const [name, entry] of included.entries) {
    const own = entries.get(name)
    if (own === undefined) entries.set(name, entry)
    else entries.set(name, { keyPlace: entry.keyPlace, value: mergeSections(own.value, entry.value) })
  }
  return { ...outer, entries }
}

function mergeSections(own: Located, included: Located): Located {
  if (included.kind === 'scalar' && included.value === null) return own
  if (own.kind === 'list' && included.kind === 'list')
    return { ...own, items: [...own.items, ...included.items] }
  if (own.kind === 'map' && included.kind === 'map') {
    return { ...own, entries: new Map([...own.entries, ...included.entries]) }
  }
  return included
}

/** In words, for the cases that a person can mend. */
const REASONS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file'],
  ['EACCES', 'its permissions do not allow it'],
  ['EISDIR', 'it is a directory'],
])

function reasonOf(error: unknown): string {
  if (error instanceof TypeError) return 'it is not UTF-8 text'
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return REASONS.get(code) ?? error.message
}
