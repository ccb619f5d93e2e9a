import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { migratedDatabase, type TestDatabase } from '../../test/databases.ts'
import { startPostgresql } from '../../test/postgresql.ts'
import { parseDollars } from '../money/picodollars.ts'
import type { Database } from '../storage/database.ts'
import { migrate } from '../storage/migrate.ts'
import { openDatabase } from '../storage/open-database.ts'
import { readSpends } from '../storage/queries/spend-windows.ts'
import { MASTER_PRINCIPAL } from './build-principal.ts'
import {
  createIdentity,
  DEFAULT_IDENTITY_SETTINGS,
  type Identity,
  type IdentitySettings,
} from './identity.ts'

const START_MS = Date.parse('2026-11-22T12:00:00Z')
const nowMs = START_MS
const open: Identity[] = []

function identityOver(database: Database, settings: Partial<IdentitySettings> = {}): Identity {
  const identity = createIdentity({
    database,
    masterKey: undefined,
    settings: { ...DEFAULT_IDENTITY_SETTINGS, ...settings },
    clock: () => nowMs,
  })
  open.push(identity)
  return identity
}

afterAll(async () => {
  for (const identity of open) await identity.close()
})

async function scopeOf(identity: Identity, endUser: string | undefined, tags: readonly string[] = []) {
  return (await identity.callScopes(MASTER_PRINCIPAL, endUser, tags, 'gpt-4o'))[0]
}

describe.each(['embedded', 'postgresql'] as const)('on %s', (kind) => {
  let held: TestDatabase
  let database: Database

  beforeAll(async () => {
    held = await migratedDatabase(kind)
    database = held.database
  })

  afterAll(async () => await held[Symbol.asyncDispose]())

  async function spent(scope: string, id: string, dollars: number): Promise<void> {
    await database.sql
      .insertInto('sluice_spend_total')
      .values({ scope, scope_id: id, picodollars: parseDollars(dollars) })
      .execute()
  }

  test('every end user without a budget of its own has the default one, and its spend is found out by itself', async () => {
    await spent('end_user', 'spender', 3)
    const identity = identityOver(database, {
      endUserDefaults: { maxBudget: parseDollars(2), budgetId: undefined },
    })
    await identity.maintain()
    const scope = identity.callScopes(MASTER_PRINCIPAL, 'spender', [], 'gpt-4o')
    expect(scope).not.toBeInstanceOf(Promise)
    expect(await scope).toMatchObject([
      { kind: 'end_user', id: 'spender', maxBudget: parseDollars(2), spent: 0n },
    ])
    const [ofSpender] = await scope
    await vi.waitFor(() => expect(ofSpender!.spent).toBe(parseDollars(3)))
    expect(await scopeOf(identity, undefined)).toBeUndefined()
  })

  test('the default may be a budget with limits and a window, which is opened for each end user', async () => {
    await database.sql
      .insertInto('sluice_budget')
      .values({ budget_id: 'default', max_budget: parseDollars(5), rpm_limit: 3n, budget_duration: '1d' })
      .execute()
    const identity = identityOver(database, {
      endUserDefaults: { maxBudget: undefined, budgetId: 'default' },
    })
    await identity.maintain()
    expect(await scopeOf(identity, 'somebody')).toMatchObject({
      maxBudget: parseDollars(5),
      requestsPerMinute: 3,
      resetsAtMs: Date.parse('2026-11-23T00:00:00Z'),
    })
    await vi.waitFor(async () =>
      expect(await readSpends(database.sql, [{ kind: 'end_user', id: 'somebody' }])).toMatchObject([
        { duration: '1d', endsAtMs: Date.parse('2026-11-23T00:00:00Z') },
      ]),
    )
  })

  test('a customer’s own budget goes before the default', async () => {
    await database.sql.insertInto('sluice_budget').values({ budget_id: 'own', max_budget: 7n }).execute()
    await database.sql
      .insertInto('sluice_customer')
      .values({ customer_id: 'own', budget_id: 'own' })
      .execute()
    const identity = identityOver(database, {
      endUserDefaults: { maxBudget: 9n as never, budgetId: undefined },
    })
    await identity.maintain()
    expect((await scopeOf(identity, 'own'))!.maxBudget).toBe(7n)
    expect((await scopeOf(identity, 'other'))!.maxBudget).toBe(9n)
  })

  test('budgets of tags in the configuration bind, until a row says otherwise', async () => {
    const budget = { maxBudget: parseDollars(4), duration: '30d' }
    const identity = identityOver(database, { tagBudgets: new Map([['configured', budget]]) })
    await identity.maintain()
    expect(await scopeOf(identity, undefined, ['x', 'configured'])).toMatchObject({
      kind: 'tag',
      maxBudget: parseDollars(4),
      resetsAtMs: Date.parse('2026-12-01T00:00:00Z'),
    })
    await database.sql.insertInto('sluice_budget').values({ budget_id: 'row', max_budget: 1n }).execute()
    await database.sql.insertInto('sluice_tag').values({ tag_name: 'configured', budget_id: 'row' }).execute()
    identity.changed({ subject: 'tag', id: 'configured' })
    expect((await scopeOf(identity, undefined, ['configured']))!.maxBudget).toBe(1n)
    identity.configure(undefined, DEFAULT_IDENTITY_SETTINGS)
    expect((await scopeOf(identity, undefined, ['configured']))!.maxBudget).toBe(1n)
  })

  test('calls that come before the limited names are read wait for them', async () => {
    await database.sql.insertInto('sluice_customer').values({ customer_id: 'early', blocked: true }).execute()
    const identity = identityOver(database)
    await expect(async () => await scopeOf(identity, 'early')).rejects.toMatchObject({
      code: 'customer_blocked',
    })
  })

  test('a change that another process made is in force after the next look at the changes', async () => {
    const identity = identityOver(database)
    await identity.maintain()
    expect(await scopeOf(identity, 'late')).toBeUndefined()
    await database.sql.insertInto('sluice_customer').values({ customer_id: 'late', blocked: true }).execute()
    await database.sql
      .insertInto('sluice_principal_change')
      .values({ subject: 'customer', subject_id: 'late' })
      .execute()
    await identity.maintain()
    await expect(async () => await scopeOf(identity, 'late')).rejects.toThrow('is blocked')
  })
})

test('with the database away, blocks that were seen stay, and unknown limits are asked for again', async () => {
  await using server = await startPostgresql()
  const database = await openDatabase({ url: server.url })
  await migrate(database)
  await database.sql
    .insertInto('sluice_customer')
    .values([
      { customer_id: 'seen', blocked: true },
      { customer_id: 'unseen', blocked: true },
    ])
    .execute()
  const strict = identityOver(database)
  const lenient = identityOver(database, { allowRequestsOnDatabaseUnavailable: true })
  for (const identity of [strict, lenient]) {
    await identity.maintain()
    await expect(async () => await scopeOf(identity, 'seen')).rejects.toThrow('is blocked')
  }
  await server.stop('immediate')
  for (const identity of [strict, lenient]) {
    identity.changed({ subject: 'customer', id: 'seen' })
    await expect(async () => await scopeOf(identity, 'seen')).rejects.toThrow('is blocked')
    expect(await scopeOf(identity, 'nobody')).toBeUndefined()
  }
  await expect(async () => await scopeOf(strict, 'unseen')).rejects.toMatchObject({
    code: 'identity_unavailable',
    status: 503,
  })
  expect(await scopeOf(lenient, 'unseen')).toBeUndefined()
  await server.start()
  await vi.waitFor(
    async () => await expect(async () => await scopeOf(lenient, 'unseen')).rejects.toThrow('is blocked'),
    { timeout: 10_000 },
  )
  for (const identity of [strict, lenient]) await identity.close()
  await database.close()
}, 60_000)
