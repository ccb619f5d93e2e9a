/** The table of values in the chart's README, from the comments of values.yaml: a comment above a key is its row. */
import { isMap, isScalar, parseDocument, type Pair, type YAMLMap } from 'yaml'

export interface ValueRow {
  readonly path: string
  readonly defaultValue: string
  readonly text: string
}

export interface ValueSection {
  readonly title: string
  readonly rows: readonly ValueRow[]
}

/**
 * The keys that the comments describe, by the sections that a line `## Title` begins.
 * @throws Error at a key that neither has a comment nor holds keys that have.
 */
export function valueSections(yaml: string): readonly ValueSection[] {
  const document = parseDocument(yaml)
  if (!isMap(document.contents)) throw new Error('values.yaml: expected a map')
  const sections: { title: string; rows: ValueRow[] }[] = []
  const head = document.commentBefore ?? ''
  for (const [index, { path, pair, comment }] of keysOf(document.contents, '').entries()) {
    const lines = (index === 0 ? `${head}\n${comment}` : comment).split('\n').map((line) => line.trim())
    const titleAt = lines.findLastIndex((line) => line.startsWith('# '))
    const title = lines[titleAt]
    if (title !== undefined) sections.push({ title: title.slice(2), rows: [] })
    const text = lines
      .slice(titleAt + 1)
      .filter((line) => line !== '')
      .join(' ')
    const section = sections.at(-1)
    if (section === undefined) throw new Error(`values.yaml: ${path} stands before the first section`)
    section.rows.push(...rowsOf(path, pair, text))
  }
  return sections
}

export function valuesTable(yaml: string): string {
  return valueSections(yaml)
    .map(({ title, rows }) => {
      const lines = rows.map(
        ({ path, defaultValue, text }) => `| \`${path}\` | ${text} | \`${defaultValue}\` |`,
      )
      return [`### ${title}`, '', '| key | what it is | default |', '|---|---|---|', ...lines].join('\n')
    })
    .join('\n\n')
}

interface Key {
  readonly path: string
  readonly pair: Pair
  readonly comment: string
}

function keysOf(map: YAMLMap, prefix: string): readonly Key[] {
  return map.items.map((pair, index) => {
    if (!isScalar(pair.key)) throw new Error(`${prefix}: expected a key`)
    // The parser hangs what stands before the first key of a map on the map.
    const first = index === 0 ? (map.commentBefore ?? '') : ''
    return {
      path: prefix + String(pair.key.value),
      pair,
      comment: [first, pair.key.commentBefore ?? ''].join('\n'),
    }
  })
}

function rowsOf(path: string, pair: Pair, text: string): readonly ValueRow[] {
  const { value } = pair
  const children = isMap(value) ? keysOf(value, `${path}.`) : []
  const own = text === '' ? [] : [{ path, text, defaultValue: defaultOf(value, children.length > 0) }]
  const described = children.flatMap((child) =>
    rowsOf(child.path, child.pair, child.comment.replaceAll('\n', ' ').trim()),
  )
  if (own.length === 0 && described.length === 0) throw new Error(`values.yaml: ${path} has no comment`)
  return [...own, ...described]
}

function defaultOf(value: unknown, hasRowsOfItsOwn: boolean): string {
  if (hasRowsOfItsOwn) return 'see below'
  const plain = (value as { toJSON?: () => unknown } | null)?.toJSON?.() ?? null
  return JSON.stringify(plain)
}
