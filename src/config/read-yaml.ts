/** Reads one YAML file into located values, and tells every fault with its line. */
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLMap,
} from 'yaml'
import type { ConfigIssue } from './config-issue.ts'
import type { Located, LocatedEntry, LocatedMap, Place, ScalarValue } from './located.ts'

/** Aliases may repeat whole subtrees, and aliases of aliases multiply: more than this is taken for an attack. */
const MOST_ALIASES = 1_000

export interface YamlText {
  /** Undefined when the text is no YAML at all. */
  readonly root: LocatedMap | undefined
  readonly issues: readonly ConfigIssue[]
}

/** Reads YAML 1.2 with the merge key `<<` of YAML 1.1. Never throws. */
export function readYaml(file: string, text: string): YamlText {
  const reader = new YamlReader(file)
  try {
    return { root: reader.read(text), issues: reader.issues }
  } catch (error) {
    // The parser recurses: nesting of many thousand levels ends here.
    if (!(error instanceof RangeError)) throw error
    reader.report({ file, line: 1, column: 1 }, 'syntax', 'the file is nested too deeply')
    return { root: undefined, issues: reader.issues }
  }
}

class YamlReader {
  readonly issues: ConfigIssue[] = []
  readonly #file: string
  readonly #lines = new LineCounter()
  #document: Document.Parsed | undefined
  #aliases = 0

  constructor(file: string) {
    this.#file = file
  }

  report(place: Place, kind: ConfigIssue['kind'], message: string, hint?: string): void {
    this.issues.push({
      severity: 'error',
      kind,
      ...place,
      key: '',
      message,
      ...(hint === undefined ? {} : { hint }),
    })
  }

  read(text: string): LocatedMap | undefined {
    const document = parseDocument(text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      uniqueKeys: false,
      logLevel: 'silent',
    })
    this.#document = document
    for (const error of document.errors) {
      this.report(this.#placeAt(error.pos[0]), 'syntax', `not valid YAML: ${error.message}`)
    }
    for (const warning of document.warnings) {
      const place = this.#placeAt(warning.pos[0])
      this.issues.push({ severity: 'warning', kind: 'syntax', ...place, key: '', message: warning.message })
    }
    if (document.errors.length > 0) return undefined
    const start = { file: this.#file, line: 1, column: 1 }
    if (document.contents === null) return { kind: 'map', place: start, entries: new Map() }
    const root = this.#convert(document.contents)
    if (root.kind === 'map') return root
    if (root.kind === 'scalar' && root.value === null)
      return { kind: 'map', place: start, entries: new Map() }
    this.report(
      root.place,
      'wrong_type',
      'expected a map of sections such as model_list and general_settings',
    )
    return undefined
  }

  #placeAt(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset)
    return { file: this.#file, line: Math.max(line, 1), column: Math.max(col, 1) }
  }

  #placeOf(node: Node | null | undefined): Place {
    return this.#placeAt(node?.range?.[0] ?? 0)
  }

  #convert(node: Node | null): Located {
    const place = this.#placeOf(node)
    if (isAlias(node)) return this.#followAlias(node, place)
    if (isMap(node)) return this.#convertMap(node, place)
    if (isSeq(node)) {
      return { kind: 'list', place, items: node.items.map((item) => this.#convert(asNode(item))) }
    }
    return { kind: 'scalar', place, value: isScalar(node) ? scalarValue(node.value) : null }
  }

  #followAlias(alias: Alias, place: Place): Located {
    this.#aliases += 1
    if (this.#aliases > MOST_ALIASES || this.#document === undefined) {
      if (this.#aliases === MOST_ALIASES + 1) {
        this.report(
          place,
          'syntax',
          `more than ${MOST_ALIASES} aliases, or an alias inside of its own anchor`,
        )
      }
      return { kind: 'scalar', place, value: null }
    }
    const target = alias.resolve(this.#document)
    return target === undefined ? { kind: 'scalar', place, value: null } : this.#convert(target)
  }

  #convertMap(map: YAMLMap, place: Place): LocatedMap {
    const entries = new Map<string, LocatedEntry>()
    const merged: Located[] = []
    for (const pair of map.items) {
      const name = this.#keyName(pair)
      if (name === undefined) continue
      const value = this.#convert(asNode(pair.value))
      if (name === '<<') merged.push(...(value.kind === 'list' ? value.items : [value]))
      else this.#addEntry(entries, name, { keyPlace: this.#placeOf(asNode(pair.key)), value })
    }
    // Own members win over merged ones, and earlier merged maps over later ones.
    for (const source of merged) {
      if (source.kind !== 'map') {
        this.report(source.place, 'wrong_type', 'expected a map, or a list of maps, to merge with <<')
        continue
      }
      for (const [name, entry] of source.entries) if (!entries.has(name)) entries.set(name, entry)
    }
    return { kind: 'map', place, entries }
  }

  #keyName(pair: Pair): string | undefined {
    const key = asNode(pair.key)
    if (
      isScalar(key) &&
      (typeof key.value === 'string' || typeof key.value === 'number' || typeof key.value === 'boolean')
    ) {
      return String(key.value)
    }
    this.report(this.#placeOf(key), 'wrong_type', 'expected a key that is text')
    return undefined
  }

  #addEntry(entries: Map<string, LocatedEntry>, name: string, entry: LocatedEntry): void {
    const first = entries.get(name)
    if (first === undefined) {
      entries.set(name, entry)
      return
    }
    this.report(
      entry.keyPlace,
      'duplicate_key',
      `the key "${name}" stands twice in one map, first in line ${first.keyPlace.line}`,
      'keep one of the two',
    )
  }
}

/** The library types children as unknown; a parsed document holds nodes and null only. */
function asNode(value: unknown): Node | null {
  return isAlias(value) || isMap(value) || isSeq(value) || isScalar(value) ? value : null
}

function scalarValue(value: unknown): ScalarValue {
  // The core schema makes nothing else of a scalar.
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  return null
}
