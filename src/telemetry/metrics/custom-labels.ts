/** Labels of the configuration's own: values of metadata, and whether a call has a tag. */
import type { CallStart } from '../../record/call-record.ts'

type Metadata = Readonly<Record<string, unknown>>

interface MetadataLabel {
  readonly path: readonly string[]
}

const NONE = 'None'
const NO_VALUES: readonly string[] = []

export class CustomLabels {
  readonly names: readonly string[]
  /** Labels whose values come from requests. */
  readonly clientGiven: readonly string[]
  readonly #metadata: readonly MetadataLabel[]
  /** A tag, in which `*` stands for anything. */
  readonly #tags: readonly string[]

  /**
   * @param metadata `custom_prometheus_metadata_labels`, e.g. `metadata.project` or `metadata.a.b`.
   * @param tags `custom_prometheus_tags`, e.g. `production` or `User-Agent: claude-cli/*`.
   */
  constructor(metadata: readonly string[], tags: readonly string[]) {
    const unlike = <Item extends { readonly name: string }>(items: readonly Item[]): readonly Item[] =>
      items.filter(({ name }, index) => items.findIndex((item) => item.name === name) === index)
    const labels = unlike(metadata.map((text) => ({ name: metadataLabelName(text), path: pathOf(text) })))
    const chosen = unlike(tags.map((tag) => ({ name: tagLabelName(tag), tag })))
    this.#metadata = labels
    this.#tags = chosen.map(({ tag }) => tag)
    this.clientGiven = labels.map(({ name }) => name)
    this.names = [...this.clientGiven, ...chosen.map(({ name }) => name)]
  }

  /** In the order of the names. */
  valuesOf(start: CallStart): readonly string[] {
    if (this.names.length === 0) return NO_VALUES
    const values = this.#metadata.map(({ path }) => metadataValue(start, path))
    if (this.#tags.length === 0) return values
    const tags =
      start.userAgent === undefined ? start.tags : [...start.tags, ...userAgentTags(start.userAgent)]
    for (const pattern of this.#tags) values.push(String(tags.some((tag) => matchesTag(pattern, tag))))
    return values
  }

  /** Those of a caller that is not known. */
  absent(): readonly string[] {
    return this.names.map((_, index) => (index < this.#metadata.length ? NONE : 'false'))
  }
}

export const NO_CUSTOM_LABELS = new CustomLabels([], [])

/** `metadata.foo` as a label: `metadata_foo`. */
export function metadataLabelName(text: string): string {
  return labelName(`metadata.${pathOf(text).join('.')}`)
}

/** A tag as a label: `tag_`, and what may not stand in a name as underscores. */
export function tagLabelName(tag: string): string {
  return labelName(`tag_${tag}`)
}

function labelName(text: string): string {
  return text.replace(/[^A-Za-z0-9_]/g, '_')
}

function pathOf(text: string): readonly string[] {
  return text.replace(/^metadata\./, '').split('.')
}

/** LiteLLM's order: the request's metadata, then that of key and team, then what is kept with the call; the last wins. */
function metadataValue(start: CallStart, path: readonly string[]): string {
  return (
    textAt(start.spendLogsMetadata, path) ??
    textAt(start.caller.metadata, path) ??
    textAt(start.requestMetadata, path) ??
    NONE
  )
}

function textAt(metadata: Metadata | undefined, path: readonly string[]): string | undefined {
  let value: unknown = metadata
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    // It was just looked at: an object has members of any kind.
    value = (value as Metadata)[name]
  }
  return typeof value === 'string' ? value : undefined
}

/** LiteLLM gives each call two tags of its user agent: the name alone, and with the version. */
function userAgentTags(userAgent: string): readonly string[] {
  const name = userAgent.split('/', 1)[0] ?? userAgent
  return [`User-Agent: ${name}`, `User-Agent: ${userAgent}`]
}

/** Whether a tag is as the pattern says; each `*` stands for any text, also for none. Linear in the tag's length. */
export function matchesTag(pattern: string, tag: string): boolean {
  const parts = pattern.split('*')
  const first = parts[0] ?? ''
  const last = parts.at(-1) ?? ''
  if (parts.length === 1) return pattern === tag
  if (tag.length < first.length + last.length || !tag.startsWith(first) || !tag.endsWith(last)) return false
  const end = tag.length - last.length
  let from = first.length
  for (const part of parts.slice(1, -1)) {
    const found = tag.indexOf(part, from)
    if (found < 0 || found + part.length > end) return false
    from = found + part.length
  }
  return true
}
