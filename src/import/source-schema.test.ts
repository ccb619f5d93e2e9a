import { expect, test } from 'vitest'
import { KNOWN_TABLES, NEWEST_KNOWN_DAY } from './known-schema.ts'
import { judgeSchema, type TableColumns } from './source-schema.ts'

/** The tables with the columns that every database has. */
function tables(): Map<string, Map<string, string>> {
  return new Map(
    Object.entries(KNOWN_TABLES)
      .filter(([, { optional }]) => optional !== true)
      .map(([name, { required }]) => [name, new Map(Object.entries(required))]),
  )
}

function without(table: string, column: string): TableColumns {
  const all = tables()
  all.get(table)?.delete(column)
  return all
}

test('the least that there must be is enough', () => {
  expect(judgeSchema(tables(), [])).toMatchObject({ newestMigration: undefined, unknownColumns: [] })
})

test.each(
  Object.entries(KNOWN_TABLES)
    .filter(([, { optional }]) => optional !== true)
    .flatMap(([table, { required }]) => Object.keys(required).map((column) => [table, column] as const)),
)('%s without %s is refused by name', (table, column) => {
  expect(() => judgeSchema(without(table, column), [])).toThrow(`"${table}"."${column}" is missing`)
})

test('the newest migration is the one made on the latest day, whatever order they ran in', () => {
  const names = ['20260108_add_user_email_lower_idx', '0_init', '20250326162113_baseline']
  expect(judgeSchema(tables(), names).newestMigration).toBe('20260108_add_user_email_lower_idx')
})

test('a migration of the last day that is known is accepted, one of the next is refused unless it is named', () => {
  const known = `${NEWEST_KNOWN_DAY}235959_the_last`
  const newer = `${String(Number(NEWEST_KNOWN_DAY) + 1)}000000_too_new`
  expect(judgeSchema(tables(), [known]).newestMigration).toBe(known)
  expect(() => judgeSchema(tables(), [known, newer])).toThrow(newer)
  expect(() => judgeSchema(tables(), [known, newer], known)).toThrow(newer)
  expect(judgeSchema(tables(), [known, newer], newer).newestMigration).toBe(newer)
})

test('a column that is not known is told, and stands in nobody’s way', () => {
  const all = tables()
  all.get('LiteLLM_UserTable')?.set('favourite_colour', 'text')
  expect(judgeSchema(all, []).unknownColumns).toEqual(['LiteLLM_UserTable.favourite_colour'])
})
