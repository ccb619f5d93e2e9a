/** Budget windows that begin while many processes book: nothing counts in the wrong window, and nobody waits in a circle. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { nextBudgetWindow, parseDuration } from '../../src/identity/duration.ts'
import { picodollars } from '../../src/money/picodollars.ts'
import { settledRow, startText } from '../../src/spend/call-row.ts'
import type { Database } from '../../src/storage/database.ts'
import { migrate } from '../../src/storage/migrate.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { bookCalls } from '../../src/storage/queries/book-calls.ts'
import { alignWindows, beginDueWindows, readSpends } from '../../src/storage/queries/spend-windows.ts'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { CALLER, callEnd, callStart } from './calls.ts'

const HOUR_MS = 3_600_000
const END_MS = Date.parse('2026-11-22T13:00:00Z')
const NOW_MS = END_MS + 60_000
const DURATION = parseDuration('1h')!

let server: TestPostgresql

beforeAll(async () => {
  server = await startPostgresql()
})

afterAll(async () => await server[Symbol.asyncDispose]())

const SCOPES = ['a', 'b', 'c'].flatMap((name) => [
  { kind: 'key', id: `key-${name}` },
  { kind: 'team', id: `team-${name}` },
])

/** A call of a key and its team, some milliseconds before or after the end of the window. */
const call = fc.record({
  name: fc.constantFrom('a', 'b', 'c'),
  offsetMs: fc.integer({ min: -2_000, max: 2_000 }),
  cost: fc.bigInt(1n, 1_000n),
})
type TestCall = (typeof call extends fc.Arbitrary<infer Value> ? Value : never) & object

async function book(database: Database, calls: readonly TestCall[]): Promise<void> {
  const rows = calls.map(({ name, offsetMs, cost }) => {
    const caller = { ...CALLER, keyHash: `key-${name}`, teamId: `team-${name}`, organizationId: undefined }
    const start = { ...callStart({ caller }), arrivedAtMs: END_MS + offsetMs - 100 }
    const end = callEnd(start, { cost: picodollars(cost), endedAtMs: END_MS + offsetMs })
    return settledRow(startText(start, true), start, end)
  })
  await bookCalls(database, rows)
}

function sumOf(calls: readonly TestCall[], id: string, isCounted: (call: TestCall) => boolean): bigint {
  return calls
    .filter((each) => id.endsWith(`-${each.name}`) && isCounted(each))
    .reduce((sum, each) => sum + each.cost, 0n)
}

test('each call counts in the window in which it ended, however bookings and sweeps interleave', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(call, { minLength: 1, maxLength: 8 }), { minLength: 4, maxLength: 12 }),
      async (batches) => {
        const database = await openDatabase({ url: await server.createDatabase() })
        try {
          await migrate(database)
          const window = { duration: '1h', endsAtMs: END_MS }
          await alignWindows(
            database.sql,
            SCOPES.map((scope) => ({ ...scope, window })),
          )
          const sweep = async (): Promise<void> => {
            await beginDueWindows(database.sql, NOW_MS, (_, endedAtMs) =>
              nextBudgetWindow(DURATION, endedAtMs, NOW_MS),
            )
          }
          const work = batches.flatMap((batch, index) => [
            async () => await book(database, batch),
            ...(index % 3 === 1 ? [sweep] : []),
          ])
          await Promise.all(work.map(async (each) => await each()))
          await sweep()
          const calls = batches.flat()
          const spends = await readSpends(database.sql, SCOPES)
          for (const [index, spend] of spends.entries()) {
            const { id } = SCOPES[index]!
            expect(spend.total).toBe(sumOf(calls, id, () => true))
            expect(spend.total - spend.baseline).toBe(sumOf(calls, id, ({ offsetMs }) => offsetMs >= 0))
            expect(spend).toMatchObject({ ahead: 0n, startedAtMs: END_MS, endsAtMs: END_MS + HOUR_MS })
          }
        } finally {
          await database.close()
        }
      },
    ),
    { numRuns: 15 },
  )
  expect(server.log()).not.toContain('deadlock detected')
}, 120_000)
