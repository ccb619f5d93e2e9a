import { sql } from 'kysely'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { migratedDatabase, type TestDatabase } from '../../../test/databases.ts'
import type { DatabaseKind } from '../database.ts'
import { releaseLease, renewLease, takeLease, type LeaseRequest } from './leases.ts'

const HOUR_MS = 3_600_000
const ONE: LeaseRequest = { name: 'work', holder: 'one', termMs: 60_000, intervalMs: HOUR_MS }
const TWO: LeaseRequest = { ...ONE, holder: 'two' }

describe.each<DatabaseKind>(['postgresql', 'embedded'])('leases on the database %s', (kind) => {
  let stored: TestDatabase

  beforeAll(async () => {
    stored = await migratedDatabase(kind)
  })
  afterAll(() => stored[Symbol.asyncDispose]())
  beforeEach(async () => void (await sql`delete from sluice_lease`.execute(stored.database.sql)))

  /** Moves a column of the lease back in time: the clock that counts is the database's own. */
  async function age(column: 'begun_at' | 'expires_at', byMs: number): Promise<void> {
    await sql`update sluice_lease set ${sql.ref(column)} = ${sql.ref(column)}
      - make_interval(secs => ${byMs / 1000}::float8)`.execute(stored.database.sql)
  }

  test('of two processes one gets it', async () => {
    const taken = await Promise.all([takeLease(stored.database, ONE), takeLease(stored.database, TWO)])
    expect(taken.toSorted()).toEqual([false, true])
  })

  test('work that was done is due again an interval after its beginning, for any process', async () => {
    await takeLease(stored.database, ONE)
    await releaseLease(stored.database, ONE)
    expect(await takeLease(stored.database, TWO)).toBe(false)
    expect(await takeLease(stored.database, ONE)).toBe(false)
    await age('begun_at', HOUR_MS)
    expect(await takeLease(stored.database, TWO)).toBe(true)
  })

  test('work whose process died is another’s as soon as its term is over', async () => {
    await takeLease(stored.database, ONE)
    expect(await takeLease(stored.database, TWO)).toBe(false)
    await age('expires_at', 60_001)
    expect(await takeLease(stored.database, TWO)).toBe(true)
    expect(await renewLease(stored.database, ONE)).toBe(false)
    expect(await renewLease(stored.database, TWO)).toBe(true)
  })

  test('who gives back what is another’s changes nothing', async () => {
    await takeLease(stored.database, ONE)
    await releaseLease(stored.database, TWO)
    expect(await renewLease(stored.database, ONE)).toBe(true)
  })
})
