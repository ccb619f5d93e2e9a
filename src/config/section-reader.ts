/** Applies schemas to parts of the located config, and turns what they refuse into issues with file, line and key. */
import * as z from 'zod'
import type { ConfigIssue, ConfigIssueKind } from './config-issue.ts'
import { EnvironmentText } from './environment.ts'
import {
  describeFound,
  formatKeyPath,
  type KeyPath,
  type Located,
  type LocatedMap,
  nodeAt,
  placeOf,
  toPlain,
} from './located.ts'
import { nearestName } from './nearest-name.ts'
import { settingFacts } from './setting.ts'

/** What is known about the keys of one map. */
export interface KnownKeys {
  readonly shape: Readonly<Record<string, z.ZodType>>
  /** Further keys of LiteLLM that are accepted and do nothing yet. */
  readonly notInForce: readonly string[]
}

export class SectionReader {
  /** With the values of variables in place. */
  readonly root: LocatedMap
  /** As written in the file, references unresolved. */
  readonly source: LocatedMap
  readonly issues: ConfigIssue[]

  constructor(root: LocatedMap, source: LocatedMap, issues: ConfigIssue[]) {
    this.root = root
    this.source = source
    this.issues = issues
  }

  /** The typed value of what stands at `path`; undefined after reporting why it does not fit. */
  parse<Schema extends z.ZodType>(
    path: KeyPath,
    schema: Schema,
    value?: unknown,
  ): z.output<Schema> | undefined {
    const node = nodeAt(this.root, path)
    const result = schema.safeParse(value ?? (node === undefined ? undefined : toPlain(node)))
    if (result.success) return result.data
    for (const issue of result.error.issues) {
      const at = [...path, ...issue.path.map((name) => (typeof name === 'symbol' ? String(name) : name))]
      this.reportUnfit(at, issue.message, issue.code === 'custom' && issue.params?.['mayShowFound'] === true)
    }
    return undefined
  }

  /** Warns of keys of a map that are unknown, and of those that do nothing yet. */
  warnOfKeys(path: KeyPath, map: LocatedMap, known: KnownKeys): void {
    const names = new Set([...Object.keys(known.shape), ...known.notInForce])
    for (const name of map.entries.keys()) {
      if (names.has(name)) continue
      const nearest = nearestName(name, names)
      this.report(
        'warning',
        'unknown_key',
        [...path, name],
        `the key "${name}" is not known, and is ignored`,
        {
          expected: 'a known key',
          found: `"${name}"`,
          hint: nearest === undefined ? undefined : `did you mean "${nearest}"?`,
        },
      )
    }
    this.warnOfAccepted(path, map, known)
  }

  /** Warns of keys of a map that are accepted and do nothing yet, unless they say what holds without them too. */
  warnOfAccepted(path: KeyPath, map: LocatedMap, known: KnownKeys): void {
    const notInForce = new Set(known.notInForce)
    for (const [name, { value }] of map.entries) {
      const schema = Object.hasOwn(known.shape, name) ? known.shape[name] : undefined
      const isAccepted =
        schema === undefined ? notInForce.has(name) : settingFacts.get(schema)?.status === 'accepted'
      if (isAccepted && !isEmpty(value) && !isDefault(schema, value)) {
        this.report('warning', 'not_in_force', [...path, name], `"${name}" is accepted, but not in force yet`)
      }
    }
  }

  report(
    severity: ConfigIssue['severity'],
    kind: ConfigIssueKind,
    path: KeyPath,
    message: string,
    more: { expected?: string; found?: string; hint?: string | undefined } = {},
  ): void {
    const { hint, ...rest } = more
    this.issues.push({
      severity,
      kind,
      ...placeOf(this.root, path),
      key: formatKeyPath(path),
      message,
      ...rest,
      ...(hint === undefined ? {} : { hint }),
    })
  }

  /** A value for a message: in quotes, or by the name of the variable it came from, for that may be secret. */
  quote(path: KeyPath, value: string): string {
    // A list of one may stand without its list: then the value is where the list would be.
    const node = nodeAt(this.root, path) ?? nodeAt(this.root, path.slice(0, -1))
    const isFromEnvironment = node?.kind === 'scalar' && node.value instanceof EnvironmentText
    return isFromEnvironment ? `of the variable ${node.value.variable}` : `"${value}"`
  }

  /** Reports that what stands at `path`, or nothing there, is not what was expected. */
  reportUnfit(path: KeyPath, expected: string, mayShowFound = false): void {
    const node = nodeAt(this.root, path)
    // A variable that is not set has left an empty value, and is reported already.
    if (node !== undefined && isEmpty(node) && this.#isReported(path)) return
    const found = describeFound(node, mayShowFound)
    const kind = node === undefined ? 'missing_key' : 'wrong_type'
    const hint = expected.startsWith('text') && isNumberOrSwitch(node) ? 'put the value in quotes' : undefined
    this.report('error', kind, path, `expected ${expected}, found ${found}`, { expected, found, hint })
  }

  #isReported(path: KeyPath): boolean {
    const key = formatKeyPath(path)
    return this.issues.some((issue) => issue.kind === 'unset_variable' && issue.key === key)
  }
}

function isEmpty(node: Located): boolean {
  return node.kind === 'scalar' && node.value === null
}

function isNumberOrSwitch(node: Located | undefined): boolean {
  return node?.kind === 'scalar' && (typeof node.value === 'number' || typeof node.value === 'boolean')
}

function isDefault(schema: z.ZodType | undefined, node: Located): boolean {
  if (!(schema instanceof z.ZodDefault)) return false
  const result = schema.safeParse(toPlain(node))
  return result.success && result.data === schema.def.defaultValue
}
