import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPostgresql, type TestPostgresql } from '../../../test/postgresql.ts'
import { migrate } from '../migrate.ts'
import { openDatabase } from '../open-database.ts'
import { readSpends } from '../queries/spend-windows.ts'
import { MIGRATIONS } from './index.ts'

let server: TestPostgresql

beforeAll(async () => {
  server = await startPostgresql()
})

afterAll(async () => await server[Symbol.asyncDispose]())

test('windows and baselines that stood in rows stand among the totals afterwards', async () => {
  const database = await openDatabase({ url: await server.createDatabase() })
  try {
    await migrate(
      database,
      MIGRATIONS.filter(({ id }) => id < '0004'),
    )
    const run = async (text: string): Promise<void> => void (await sql.raw(text).execute(database.sql))
    await run(`insert into sluice_budget (budget_id, max_budget, budget_duration) values ('b', 5, '7d')`)
    await run(`insert into sluice_user (user_id, user_role, spend_baseline, budget_duration, budget_reset_at)
      values ('u', 'internal_user', 10, '30d', '2026-12-01T00:00:00Z')`)
    await run(`insert into sluice_customer (customer_id, budget_id, budget_reset_at)
      values ('c', 'b', '2026-11-23T00:00:00Z')`)
    await run(
      `insert into sluice_spend_total values ('user', 'u', 12), ('end_user', 'c', 3), ('team', 't', 4)`,
    )
    await migrate(database)
    const scopes = [
      { kind: 'user', id: 'u' },
      { kind: 'end_user', id: 'c' },
      { kind: 'team', id: 't' },
    ]
    expect(await readSpends(database.sql, scopes)).toMatchObject([
      { total: 12n, baseline: 10n, duration: '30d', endsAtMs: Date.parse('2026-12-01T00:00:00Z') },
      { total: 3n, baseline: 0n, duration: '7d', endsAtMs: Date.parse('2026-11-23T00:00:00Z') },
      { total: 4n, baseline: 0n, duration: undefined, endsAtMs: undefined },
    ])
  } finally {
    await database.close()
  }
})
