/** Sums of money past the 9.2 million dollars that an 8-byte integer of picodollars can hold. */
import { sql } from 'kysely'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { buildPrincipal, MASTER_PRINCIPAL } from '../../src/identity/build-principal.ts'
import { ScopeBook } from '../../src/identity/scope-book.ts'
import { spendRoutes } from '../../src/management/spend/index.ts'
import { picodollars } from '../../src/money/picodollars.ts'
import { openLedger } from '../../src/spend/open-ledger.ts'
import { migrate } from '../../src/storage/migrate.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { beginDueWindows } from '../../src/storage/queries/spend-windows.ts'
import { findPrincipals } from '../../src/storage/queries/principals.ts'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { readBooks } from './books.ts'
import { CALLER, callEnd, callStart, runCall } from './calls.ts'

const COST = picodollars(9_000_000_000_000_000_001n)
const KEY = CALLER.keyHash
const PERSONAL = { ...CALLER, teamId: undefined, organizationId: undefined }

let server: TestPostgresql
let directory: string

beforeAll(async () => {
  server = await startPostgresql()
  directory = mkdtempSync(join(tmpdir(), 'sluice-large-'))
})

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true, force: true })
})

test.each(['postgresql', 'embedded'] as const)(
  'on %s, a scope that has spent tens of millions of dollars is booked and shown exactly',
  async (kind) => {
    const database = await openDatabase(
      kind === 'embedded' ? { dataDir: join(directory, 'embedded') } : { url: await server.createDatabase() },
    )
    onTestFinished(async () => await database.close())
    await migrate(database)
    await sql`insert into sluice_user (user_id, user_role) values ('user-1', 'internal_user')`.execute(
      database.sql,
    )
    await sql`insert into sluice_virtual_key (key_hash, key_name, user_id, max_budget, budget_duration)
      values (${KEY}, 'sk-...aaaa', 'user-1', 1000, '30d')`.execute(database.sql)
    const log = { info: () => {}, warn: () => {}, error: () => {} }
    const ledger = await openLedger({ database, dataDir: join(directory, kind), log })
    const book = async (count: number): Promise<void> => {
      const calls = Array.from({ length: count }, async () => {
        const start = callStart({ caller: PERSONAL })
        await runCall(ledger, start, callEnd(start, { cost: COST }))
      })
      await Promise.all(calls)
      await ledger.flush()
    }
    // Past the bound within one batch, and again on top of what stands there.
    await book(3)
    await book(2)
    expect(ledger.stats).toMatchObject({ bookedCalls: 5, rejectedCalls: 0, bookingFailures: 0 })
    const sum = 45_000_000_000_000_000_005n
    expect(await readBooks(database)).toMatchObject({
      calls: 5n,
      logged: sum,
      daily: sum,
      totals: { [`key/${KEY}`]: sum, 'user/user-1': sum },
    })

    const get = async (path: string, query: Record<string, string> = {}): Promise<unknown> =>
      await spendRoutes({ database })
        .find((route) => route.path === path)
        ?.handle({ principal: MASTER_PRINCIPAL, query, params: {}, body: undefined })
    expect(await get('/spend/keys')).toMatchObject([{ token: KEY, spend: 45_000_000 }])
    expect(await get('/spend/users')).toMatchObject([{ user_id: 'user-1', spend: 45_000_000 }])
    const dates = { start_date: '2000-01-01', end_date: '2100-01-01' }
    expect(await get('/user/daily/activity', dates)).toMatchObject({ metadata: { total_spend: 45_000_000 } })

    const scopesOf = async () => {
      const [row] = await findPrincipals(database.sql, [KEY])
      if (row === undefined) throw new Error('no such key')
      return buildPrincipal(row, new ScopeBook(database, Date.now)).scopes.map(({ kind: scope, spent }) => [
        scope,
        spent,
      ])
    }
    expect(await scopesOf()).toEqual([
      ['key', sum],
      ['user', sum],
    ])

    // A new budget window takes the total as its baseline, so that it has to be as wide.
    const now = Date.now()
    await sql`update sluice_spend_total set window_duration = '1d', window_ends_at = ${new Date(now)}::timestamptz
      where scope = 'key'`.execute(database.sql)
    await sql`update sluice_virtual_key set budget_duration = '1d'`.execute(database.sql)
    await beginDueWindows(database.sql, now, () => ({ startedAtMs: now, endsAtMs: now + 86_400_000 }))
    await book(1)
    expect(await scopesOf()).toEqual([
      ['key', COST],
      ['user', sum + COST],
    ])
    await ledger.close(10_000)
  },
  60_000,
)
