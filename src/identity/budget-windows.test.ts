import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { migratedDatabase, type TestDatabase } from '../../test/databases.ts'
import { CALLER, callEnd, callStart } from '../../test/ledger/calls.ts'
import { parseDollars, type Picodollars } from '../money/picodollars.ts'
import { isLimited, type Scope } from '../record/scope.ts'
import { settledRow, startText } from '../spend/call-row.ts'
import type { Database } from '../storage/database.ts'
import { bookCalls } from '../storage/queries/book-calls.ts'
import { readSpends, resetSpends } from '../storage/queries/spend-windows.ts'
import { hashCredential } from './credential.ts'
import { createIdentity, DEFAULT_IDENTITY_SETTINGS, type Identity } from './identity.ts'

const START_MS = Date.parse('2026-11-22T12:00:00Z')
const HOUR_MS = 3_600_000

let nowMs = START_MS
let serial = 0
const open: Identity[] = []

beforeEach(() => {
  nowMs = START_MS
})

afterAll(async () => {
  for (const identity of open) await identity.close()
})

function identityOver(database: Database): Identity {
  const identity = createIdentity({
    database,
    masterKey: undefined,
    settings: DEFAULT_IDENTITY_SETTINGS,
    clock: () => nowMs,
  })
  open.push(identity)
  return identity
}

describe.each(['embedded', 'postgresql'] as const)('on %s', (kind) => {
  let held: TestDatabase
  let database: Database

  beforeAll(async () => {
    held = await migratedDatabase(kind)
    database = held.database
  })

  afterAll(async () => await held[Symbol.asyncDispose]())

  /** A key with a budget of one dollar an hour. */
  async function hourlyKey(): Promise<string> {
    const raw = `sk-window-${serial++}-of-this-test`
    const limits = { max_budget: parseDollars(1), budget_duration: '1h' }
    await database.sql
      .insertInto('sluice_virtual_key')
      .values({ key_hash: hashCredential(raw), key_name: 'sk-...test', ...limits })
      .execute()
    return raw
  }

  async function scopeIn(identity: Identity, key: string): Promise<Scope> {
    const principal = await identity.authenticate({ 'x-api-key': key })
    const scopes = await identity.callScopes(principal, undefined, [], 'gpt-4o')
    return scopes[0]!
  }

  /** Books a call of the key that ended at a moment. */
  async function book(key: string, dollars: number, endedAtMs = nowMs): Promise<void> {
    const caller = { ...CALLER, keyHash: hashCredential(key), teamId: undefined, organizationId: undefined }
    const start = { ...callStart({ caller }), arrivedAtMs: endedAtMs - 100 }
    const end = callEnd(start, { cost: parseDollars(dollars), endedAtMs })
    await bookCalls(database, [settledRow(startText(start, true), start, end)])
  }

  async function spentInDatabase(key: string): Promise<bigint> {
    const [spend] = await readSpends(database.sql, [{ kind: 'key', id: hashCredential(key) }])
    return spend!.total - spend!.baseline
  }

  const amounts = async (identities: readonly Identity[], key: string): Promise<readonly Picodollars[]> =>
    await Promise.all(identities.map(async (identity) => (await scopeIn(identity, key)).spent))

  test('a window that ends begins anew in every process at once, before any has asked the database', async () => {
    const key = await hourlyKey()
    const [one, two] = [identityOver(database), identityOver(database)]
    for (const identity of [one, two]) expect(isLimited(await scopeIn(identity, key))).toBe(true)
    await book(key, 5)
    for (const identity of [one, two]) identity.changed({ subject: 'key', id: hashCredential(key) })
    expect(await amounts([one, two], key)).toEqual([parseDollars(5), parseDollars(5)])
    nowMs = START_MS + HOUR_MS - 1
    expect(await amounts([one, two], key)).toEqual([parseDollars(5), parseDollars(5)])

    nowMs = START_MS + HOUR_MS
    const [ofOne, ofTwo] = [await scopeIn(one, key), await scopeIn(two, key)]
    expect([ofOne.spent, ofTwo.spent]).toEqual([0n, 0n])
    expect(ofOne.budgetWindow).toBe(ofTwo.budgetWindow)
    expect(ofOne.resetsAtMs).toBe(START_MS + 2 * HOUR_MS)
  })

  test('the baseline moves once, whoever comes first, and processes agree on what is spent from then on', async () => {
    const key = await hourlyKey()
    const [one, two] = [identityOver(database), identityOver(database)]
    for (const identity of [one, two]) await scopeIn(identity, key)
    await book(key, 5)
    nowMs = START_MS + HOUR_MS + 10
    // A call of the new window that is booked before anyone has begun the window in the database,
    one.recordSpend([await scopeIn(one, key)], parseDollars(0.25))
    await book(key, 0.25)
    await Promise.all([one.maintain(), two.maintain(), one.beginDueWindows(), two.beginDueWindows()])
    expect(await spentInDatabase(key)).toBe(parseDollars(0.25))
    // and one of the old window that is booked after.
    await book(key, 0.5, START_MS + HOUR_MS - 10)
    expect(await spentInDatabase(key)).toBe(parseDollars(0.25))
    for (const identity of [one, two]) identity.changed({ subject: 'key', id: hashCredential(key) })
    expect(await amounts([one, two], key)).toEqual([parseDollars(0.25), parseDollars(0.25)])
    expect(await readSpends(database.sql, [{ kind: 'key', id: hashCredential(key) }])).toMatchObject([
      { total: parseDollars(5.75), startedAtMs: START_MS + HOUR_MS, endsAtMs: START_MS + 2 * HOUR_MS },
    ])
  })

  test('many sweeps at the same time begin each window once', async () => {
    const key = await hourlyKey()
    const sweepers = [identityOver(database), identityOver(database), identityOver(database)]
    await scopeIn(sweepers[0]!, key)
    await book(key, 3)
    nowMs = START_MS + HOUR_MS
    await book(key, 1)
    await Promise.all(sweepers.flatMap((each) => [each.beginDueWindows(), each.beginDueWindows()]))
    expect(await spentInDatabase(key)).toBe(parseDollars(1))
  })

  test('a key that is first used after its window has ended is in the window that is open now', async () => {
    const key = await hourlyKey()
    await scopeIn(identityOver(database), key)
    await book(key, 5)
    nowMs = START_MS + 5 * HOUR_MS + 1
    const scope = await scopeIn(identityOver(database), key)
    expect(scope).toMatchObject({ spent: 0n, resetsAtMs: START_MS + 6 * HOUR_MS })
    expect(scope.budgetWindow).toBe(String(START_MS + 5 * HOUR_MS))
  })

  test('a spend that is set back stays so, however late calls from before it are booked', async () => {
    const key = await hourlyKey()
    const identity = identityOver(database)
    const scope = await scopeIn(identity, key)
    await book(key, 5)
    const before = scope.budgetWindow
    nowMs += 1_000
    await resetSpends(database.sql, ['key'], nowMs)
    await book(key, 2, nowMs - 500)
    await book(key, 0.5, nowMs + 500)
    identity.changed({ subject: 'all', id: '' })
    expect(await scopeIn(identity, key)).toMatchObject({ spent: parseDollars(0.5) })
    expect(scope.budgetWindow).not.toBe(before)
  })

  // The embedded database has no other process.
  if (kind === 'postgresql') {
    test('without a shared store a process knows within seconds what another has spent', async () => {
      const key = await hourlyKey()
      const [one, two] = [identityOver(database), identityOver(database)]
      const [ofOne, ofTwo] = [await scopeIn(one, key), await scopeIn(two, key)]
      one.recordSpend([ofOne], parseDollars(1))
      expect(ofTwo.spent).toBe(0n)
      await book(key, 1)
      nowMs += 2_000
      await two.maintain()
      // Its own round may have begun to read just before.
      await vi.waitFor(() => expect(ofTwo.spent).toBe(parseDollars(1)))
    })
  }
})
