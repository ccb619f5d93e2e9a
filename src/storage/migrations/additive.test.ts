import { sql, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely'
import { expect, test } from 'vitest'
import type { Schema } from '../database.ts'
import { MIGRATIONS } from './index.ts'
import type { Migration } from './migration.ts'

/** Statements that take away or change what a process of an earlier version may be using. */
const CHANGES_WHAT_IS_USED =
  /\b(drop\s+(table|column|view|index|type|function|schema)|rename\s|alter\s+(column\s+)?\w+\s+(type|set\s+data\s+type|set\s+not\s+null)|truncate\b)/i

/** The statements of a step, without a database: each is answered with no rows. */
async function statementsOf(step: Migration): Promise<readonly string[]> {
  const statements: string[] = []
  const connection = {
    executeQuery: async ({ sql: text }: { readonly sql: string }) => {
      statements.push(text)
      return { rows: [] }
    },
    streamQuery: () => {
      throw new Error('a step reads no streams')
    },
  }
  const recorder = new Kysely<Schema>({
    dialect: {
      createAdapter: () => new PostgresAdapter(),
      createIntrospector: (database) => new PostgresIntrospector(database),
      createQueryCompiler: () => new PostgresQueryCompiler(),
      createDriver: () => ({
        init: async () => undefined,
        acquireConnection: async () => connection,
        beginTransaction: async () => undefined,
        commitTransaction: async () => undefined,
        rollbackTransaction: async () => undefined,
        releaseConnection: async () => undefined,
        destroy: async () => undefined,
      }),
    },
  })
  await recorder.transaction().execute(async (transaction) => await step.up(transaction))
  return statements
}

test.each(MIGRATIONS)('step $id only adds, or says since when processes can work after it', async (step) => {
  const statements = await statementsOf(step)
  expect(statements.length).toBeGreaterThan(0)
  const changes = statements.filter((statement) => CHANGES_WHAT_IS_USED.test(statement))
  if (step.oldestCompatible === undefined) expect(changes).toEqual([])
})

test('a step that takes away would be noticed', async () => {
  const step: Migration = {
    id: '9999-drop',
    up: async (transaction) => void (await sql`alter table t drop column c`.execute(transaction)),
  }
  expect((await statementsOf(step)).some((text) => CHANGES_WHAT_IS_USED.test(text))).toBe(true)
})

test('steps are in the order of their ids, and no id stands twice', () => {
  const ids = MIGRATIONS.map(({ id }) => id)
  expect(ids).toEqual([...new Set(ids)].toSorted())
})
