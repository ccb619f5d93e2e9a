/** The chart's README, its schema and its values tell the same. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { isMap, isScalar, parseDocument } from 'yaml'
import { CHART } from './helm.ts'
import { valueSections, valuesTable } from './values-table.ts'

const README = join(CHART, 'README.md')
const VALUES = readFileSync(join(CHART, 'values.yaml'), 'utf8')

test('the table in the README is the one that the comments of the values give', () => {
  const page = readFileSync(README, 'utf8')
  const expected = page.replace(
    /(<!-- values:[^\n]*-->\n)[^]*?(<!-- \/values -->)/,
    (_, open: string, close: string) => `${open}\n${valuesTable(VALUES)}\n\n${close}`,
  )
  if (process.env['SLUICE_WRITE_DOCS'] === '1') writeFileSync(README, expected)
  else expect(page).toBe(expected)
})

test('a key without a comment is found', () => {
  expect(() => valueSections('## Names\n\n# What it is.\na: 1\nb: 2\n')).toThrow('b has no comment')
  expect(() => valueSections('## Names\n\na:\n  # One.\n  b: 1\n  c:\n    d: 1\n')).toThrow('a.c.d')
})

test('every key of the values is in the schema, and nothing at the top that is in neither', () => {
  const schema = JSON.parse(readFileSync(join(CHART, 'values.schema.json'), 'utf8')) as Schema
  const missing = keysOf(parseDocument(VALUES).contents, schema, schema).flat()
  expect(missing).toEqual([])
  expect(schema.additionalProperties).toBe(false)
})

interface Schema {
  readonly $ref?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly definitions?: Readonly<Record<string, Schema>>
  readonly additionalProperties?: unknown
}

/** Paths of the values that the schema does not describe. A map without properties of its own describes all. */
function keysOf(values: unknown, schema: Schema, root: Schema, prefix = ''): readonly string[] {
  const resolved =
    schema.$ref === undefined ? schema : root.definitions?.[schema.$ref.replace('#/definitions/', '')]
  if (!isMap(values) || resolved?.properties === undefined) return []
  const { properties } = resolved
  return values.items.flatMap(({ key, value }) => {
    const name = isScalar(key) ? String(key.value) : ''
    const below = properties[name]
    return below === undefined ? [prefix + name] : keysOf(value, below, root, `${prefix}${name}.`)
  })
}
