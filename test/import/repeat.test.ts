/** An import that is run again, dies halfway, or only tries itself out; on both kinds of database. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openDatabase } from '../../src/storage/open-database.ts'
import { readSpends, writeSpends } from '../../src/storage/queries/spend-windows.ts'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { countsOf, importInto, NOW_MS, remarksOf } from './imported.ts'
import { LitellmDatabase, type SchemaAge } from './litellm-database.ts'
import { fillSample, hashOf, KEYS, RESETS_AT } from './sample-rows.ts'
import type { Database } from '../../src/storage/database.ts'

let server: TestPostgresql
let old: LitellmDatabase

beforeAll(async () => {
  server = await startPostgresql()
})

afterAll(async () => await server?.[Symbol.asyncDispose]())

beforeEach(async () => {
  old = await LitellmDatabase.create(await server.createDatabase())
  await fillSample(old)
})

afterEach(async () => await old.close())

/** Counts of a first import of the sample. */
const FIRST = {
  budgets: '4: 4 new, 0 changed, 0 same, 0 skipped',
  organizations: '1: 1 new, 0 changed, 0 same, 0 skipped',
  users: '5: 4 new, 0 changed, 0 same, 1 skipped',
  'organization members': '2: 2 new, 0 changed, 0 same, 0 skipped',
  teams: '2: 2 new, 0 changed, 0 same, 0 skipped',
  'team members': '8: 6 new, 0 changed, 0 same, 2 skipped',
  'users that only teams name': '1: 1 new, 0 changed, 0 same, 0 skipped',
  keys: '9: 6 new, 0 changed, 0 same, 3 skipped',
  customers: '2: 2 new, 0 changed, 0 same, 0 skipped',
  tags: '1: 1 new, 0 changed, 0 same, 0 skipped',
  'spend totals': '25: 25 new, 0 changed, 0 same, 0 skipped',
}

const unchanged = Object.fromEntries(
  Object.entries(FIRST).map(([name, counts]) => [
    name,
    counts.replace(/(\d+) new, 0 changed, 0 same/, '0 new, 0 changed, $1 same'),
  ]),
)

async function look<Result>(url: string, at: (database: Database) => Promise<Result>): Promise<Result> {
  const database = await openDatabase({ url })
  try {
    return await at(database)
  } finally {
    await database.close()
  }
}

/** All that stands in the tables of the destination, but for the feed of changes. */
async function contents(url: string): Promise<string> {
  return await look(url, async ({ sql: database }) => {
    const { rows: tables } = await sql<{ name: string }>`
      select table_name as name from information_schema.tables
      where table_name like 'sluice\\_%' and table_name <> 'sluice_principal_change' order by 1`.execute(
      database,
    )
    const all: unknown[] = []
    for (const { name } of tables) {
      const { rows } = await sql`select to_jsonb(t) as row from ${sql.table(name)} t order by 1`.execute(
        database,
      )
      all.push(name, rows)
    }
    return JSON.stringify(all)
  })
}

test('a second run changes nothing', async () => {
  const url = await server.createDatabase()
  expect(countsOf(await importInto(url, old.url))).toEqual(FIRST)
  const first = await contents(url)
  expect(countsOf(await importInto(url, old.url))).toEqual(unchanged)
  expect(await contents(url)).toBe(first)
})

test('two runs at once take each row and each amount once', async () => {
  const url = await server.createDatabase()
  const reports = await Promise.all([importInto(url, old.url), importInto(url, old.url)])
  const taken = (name: string): number =>
    reports.reduce((sum, { tables }) => sum + (tables.find((table) => table.name === name)?.new ?? 0), 0)
  expect([taken('users'), taken('keys'), taken('spend totals')]).toEqual([4, 6, 25])
  const alone = await server.createDatabase()
  await importInto(alone, old.url)
  const spends = `select scope, scope_id, picodollars, baseline from sluice_spend_total order by 1, 2`
  const rowsOf = async (at: string) =>
    (await look(at, async (database) => sql.raw(spends).execute(database.sql))).rows
  expect(await rowsOf(url)).toEqual(await rowsOf(alone))
})

test('a dry run gives the counts of a real one, and leaves nothing behind', async () => {
  const url = await server.createDatabase()
  const report = await importInto(url, old.url, { dryRun: true })
  expect(report.dryRun).toBe(true)
  expect(countsOf(report)).toEqual(FIRST)
  expect(await contents(url)).toBe('[]')
  await importInto(url, old.url)
  const before = await contents(url)
  await old.run(`update "LiteLLM_UserTable" set user_alias = 'Ada', spend = 7 where user_id = 'ada'`)
  expect(countsOf(await importInto(url, old.url, { dryRun: true }))).toMatchObject({
    users: '5: 0 new, 1 changed, 3 same, 1 skipped',
    'spend totals': '25: 0 new, 1 changed, 24 same, 0 skipped',
  })
  expect(await contents(url)).toBe(before)
})

test('the database of LiteLLM itself can be the destination, and stays as it is', async () => {
  const before = await old.run('select * from "LiteLLM_VerificationToken" order by token')
  const report = await importInto(old.url, old.url)
  expect(countsOf(report)).toEqual(FIRST)
  expect(report.sharesSchema).toBe(true)
  expect(countsOf(await importInto(old.url, old.url))).toEqual(unchanged)
  expect(await old.run('select * from "LiteLLM_VerificationToken" order by token')).toEqual(before)
})

test('in LiteLLM’s database a schema of its own is made, out of reach of LiteLLM’s migrations', async () => {
  const report = await importInto(`${old.url}?schema=sluice`, old.url)
  expect(countsOf(report)).toEqual(FIRST)
  expect(report.sharesSchema).toBe(false)
  const schemas = await old.run(`select distinct table_schema as name from information_schema.tables
    where table_name like 'sluice%'`)
  expect(schemas).toEqual([{ name: 'sluice' }])
  expect(countsOf(await importInto(`${old.url}?schema=sluice`, old.url))).toEqual(unchanged)
})

test('the embedded database takes the same', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'sluice-import-'))
  try {
    expect(countsOf(await importInto({ dataDir }, old.url))).toEqual(FIRST)
    expect(countsOf(await importInto({ dataDir }, old.url))).toEqual(unchanged)
  } finally {
    rmSync(dataDir, { recursive: true, force: true })
  }
})

test.each<SchemaAge>(['oldest', 'pushed'])('a database of the age "%s" is taken', async (age) => {
  const other = await LitellmDatabase.create(await server.createDatabase(), age)
  try {
    await fillSample(other, age === 'oldest' ? 'oldest' : 'newest')
    const report = await importInto(await server.createDatabase(), other.url, {
      calls: { sinceMs: undefined, contents: true },
    })
    expect(countsOf(report)).toMatchObject({ keys: FIRST.keys, 'team members': FIRST['team members'] })
    expect(report.source.newestMigration).toBe(age === 'oldest' ? '20250326162113_baseline' : null)
    expect(report.source.unknownColumns).toEqual([])
  } finally {
    await other.close()
  }
})

describe('changes', () => {
  test('what has changed in the source is changed here, unless it was changed or deleted here', async () => {
    const url = await server.createDatabase()
    await importInto(url, old.url)
    await look(url, async (database) => {
      await sql`update sluice_team set team_alias = 'Ours' where team_id = 'team-1'`.execute(database.sql)
      await sql`delete from sluice_customer where customer_id = 'customer-2'`.execute(database.sql)
    })
    await old.run(`update "LiteLLM_TeamTable" set max_budget = 60`)
    await old.run(`update "LiteLLM_UserTable" set max_budget = 30 where user_id = 'ada'`)
    await old.run(`update "LiteLLM_EndUserTable" set alias = 'Them' where user_id = 'customer-2'`)
    await old.run(`update "LiteLLM_VerificationToken" set updated_at = now() + interval '1 day'`)
    const report = await importInto(url, old.url)
    expect(countsOf(report)).toMatchObject({
      users: '5: 0 new, 1 changed, 3 same, 1 skipped',
      teams: '2: 0 new, 1 changed, 0 same, 1 skipped',
      customers: '2: 0 new, 0 changed, 1 same, 1 skipped',
      keys: '9: 0 new, 0 changed, 6 same, 3 skipped',
    })
    expect(remarksOf(report)).toEqual(
      expect.arrayContaining([
        'teams: team-1: has changed in the source, but was changed here since its import',
        'customers: customer-2: has changed in the source, but was deleted here since its import',
      ]),
    )
    const { rows } = await look(url, async (database) =>
      sql<{
        alias: string
        budget: bigint
      }>`select team_alias as alias, max_budget as budget from sluice_team order by 1`.execute(database.sql),
    )
    expect(rows).toEqual([
      { alias: 'Old', budget: 60_000_000_000_000n },
      { alias: 'Ours', budget: 50_000_000_000_000n },
    ])
  })

  test('a row that was made here under the same id stays as it is', async () => {
    const url = await server.createDatabase()
    await importInto(url, old.url)
    await old.insert('LiteLLM_UserTable', [{ user_id: 'both', user_email: 'old@example.com', spend: 5 }])
    await look(url, async (database) =>
      sql`insert into sluice_user (user_id, user_role, user_email) values ('both', 'internal_user', 'GRACE2@example.com')`.execute(
        database.sql,
      ),
    )
    const report = await importInto(url, old.url)
    expect(remarksOf(report)).toContain('users: both: is here already, and was not imported')
    const [spend] = await look(url, async (database) =>
      readSpends(database.sql, [{ kind: 'user', id: 'both' }]),
    )
    expect(spend?.total).toBe(0n)
  })

  test('an address that somebody else has here is left out', async () => {
    const url = await server.createDatabase()
    await importInto(url, old.url)
    await look(url, async (database) =>
      sql`insert into sluice_user (user_id, user_role, user_email) values ('here', 'internal_user', 'NEW@example.com')`.execute(
        database.sql,
      ),
    )
    await old.insert('LiteLLM_UserTable', [{ user_id: 'new', user_email: 'new@example.com' }])
    const report = await importInto(url, old.url)
    expect(remarksOf(report)).toContain('users: new: user_email: another row here has it; left empty')
    expect(countsOf(report)).toMatchObject({ users: '6: 1 new, 0 changed, 4 same, 1 skipped' })
  })
})

describe('spend', () => {
  const KEY = { kind: 'key', id: hashOf(KEYS.ada) }
  const spendOf = async (url: string, scope = KEY) => {
    const [spend] = await look(url, async (database) => readSpends(database.sql, [scope]))
    return { ...spend, counted: spend === undefined ? 0n : spend.total - spend.baseline }
  }

  test('totals are the floats’ decimal texts in whole picodollars, with their windows', async () => {
    const url = await server.createDatabase()
    await importInto(url, old.url)
    const endsAtMs = Date.parse(`${RESETS_AT}Z`)
    expect(await spendOf(url)).toMatchObject({
      total: 3_300_000_000_000n,
      counted: 3_300_000_000_000n,
      duration: '30d',
      endsAtMs,
    })
    const scopes = [
      ['user', 'ada', 300_000_000_000n],
      ['user', 'grace', 100_000n],
      ['team', 'team-1', 12_345_678_901_234n],
      ['organization', 'org-1', 70_300_000_000_000n],
      ['end_user', 'customer-1', 2_000_000_000_001n],
      ['tag', 'prod', 9_990_000_000_000n],
      ['proxy', 'proxy', 123_456_789_000_000n],
    ] as const
    for (const [kind, id, total] of scopes)
      expect((await spendOf(url, { kind, id })).counted, kind).toBe(total)
    expect(await spendOf(url, { kind: 'team_member', id: 'team-1::ada' })).toMatchObject({
      total: 4_750_000_000_000n,
      counted: 250_000_000_000n,
    })
  })

  test('what both gateways have counted since adds up, and each call counts once', async () => {
    const url = await server.createDatabase()
    await importInto(url, old.url)
    await look(url, async (database) =>
      sql`update sluice_spend_total set picodollars = picodollars + 5 where scope_id = ${KEY.id}`.execute(
        database.sql,
      ),
    )
    await old.run(`update "LiteLLM_VerificationToken" set spend = 4.3 where token = '${KEY.id}'`)
    await importInto(url, old.url)
    await importInto(url, old.url)
    expect((await spendOf(url)).counted).toBe(4_300_000_000_005n)
  })

  test('a window that began anew in the source begins anew here', async () => {
    const url = await server.createDatabase()
    await importInto(url, old.url)
    await old.run(
      `update "LiteLLM_VerificationToken" set spend = 0.5, budget_reset_at = '2099-02-01' where token = '${KEY.id}'`,
    )
    await importInto(url, old.url)
    expect(await spendOf(url)).toMatchObject({
      total: 3_800_000_000_000n,
      counted: 500_000_000_000n,
      endsAtMs: Date.parse('2099-02-01T00:00:00Z'),
    })
  })

  test('spend that an administrator set here is the basis of what comes', async () => {
    const url = await server.createDatabase()
    await importInto(url, old.url)
    await look(url, async (database) =>
      database.sql
        .transaction()
        .execute(async (transaction) => await writeSpends(transaction, [{ ...KEY, spent: 0n }], [], NOW_MS)),
    )
    await old.run(`update "LiteLLM_VerificationToken" set spend = 3.4 where token = '${KEY.id}'`)
    await importInto(url, old.url)
    expect((await spendOf(url)).counted).toBe(100_000_000_000n)
  })
})

describe('limits that stand elsewhere', () => {
  test('nothing becomes allowed that was not: projects, members’ models, access groups', async () => {
    await old.insert('LiteLLM_ProjectTable', [
      { project_id: 'p-blocked', models: [], blocked: true },
      { project_id: 'p-small', models: ['gpt'] },
    ])
    await old.insert('LiteLLM_AccessGroupTable', [
      { access_group_id: 'ag', access_group_name: 'extra', access_model_names: ['claude'] },
    ])
    await old.insert('LiteLLM_BudgetTable', [{ budget_id: 'b-models', allowed_models: ['embedder'] }])
    await old.run(
      `update "LiteLLM_TeamMembership" set budget_id = 'b-models' where user_id = 'ada' and team_id = 'team-1'`,
    )
    const key = (name: string, fields: Record<string, unknown>): Record<string, unknown> => ({
      token: hashOf(name),
      key_name: 'sk-...',
      key_alias: name,
      ...fields,
    })
    await old.insert('LiteLLM_VerificationToken', [
      key('in-blocked', { project_id: 'p-blocked' }),
      key('in-small', { project_id: 'p-small', models: ['gpt', 'claude'] }),
      key('nothing-left', { project_id: 'p-small', models: ['claude'] }),
      key('of-member', { user_id: 'ada', team_id: 'team-1', models: ['all-team-models'] }),
      key('of-group', { models: ['gpt'], access_group_ids: ['ag'] }),
      key('all', { access_group_ids: ['ag'] }),
    ])
    const url = await server.createDatabase()
    await importInto(url, old.url)
    const { rows } = await look(url, async (database) =>
      sql<{ alias: string; models: string[]; blocked: boolean }>`
        select key_alias as alias, models, blocked from sluice_virtual_key`.execute(database.sql),
    )
    const byAlias = Object.fromEntries(
      rows.map(({ alias, models, blocked }) => [alias, blocked ? 'blocked' : models.join(' ')]),
    )
    expect(byAlias).toMatchObject({
      'in-blocked': 'blocked',
      'in-small': 'gpt',
      'nothing-left': 'no-default-models',
      'of-member': 'embedder',
      'of-group': 'gpt claude',
      all: '',
    })
  })
})
