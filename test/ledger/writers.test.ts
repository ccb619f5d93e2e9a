import { afterAll, beforeAll, expect, test } from 'vitest'
import { picodollars } from '../../src/money/picodollars.ts'
import { settledRow, startText } from '../../src/spend/call-row.ts'
import type { Database } from '../../src/storage/database.ts'
import { migrate } from '../../src/storage/migrate.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { bookCalls } from '../../src/storage/queries/book-calls.ts'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { readBooks } from './books.ts'
import { CALLER, callEnd, callStart } from './calls.ts'

const WRITERS = 20
const BATCHES = 15
const ROWS = 40

let server: TestPostgresql
let database: Database

beforeAll(async () => {
  server = await startPostgresql()
  database = await openDatabase({ url: await server.createDatabase(), connectionLimit: WRITERS })
  await migrate(database)
})

afterAll(async () => {
  await database.close()
  await server[Symbol.asyncDispose]()
})

function row(): string {
  const key = Math.floor(Math.random() * 12)
  const caller = { ...CALLER, keyHash: `key-${key}`, userId: `user-${key % 5}` }
  const start = callStart({ caller, endUser: `customer-${Math.floor(Math.random() * 6)}` })
  return settledRow(startText(start, true), start, callEnd(start, { cost: picodollars(1n) }))
}

test(
  'twenty writers on one team at once: no deadlock, and every call is counted',
  { timeout: 120_000 },
  async () => {
    await Promise.all(
      Array.from({ length: WRITERS }, async () => {
        for (let batch = 0; batch < BATCHES; batch += 1) {
          await bookCalls(database, Array.from({ length: ROWS }, row))
        }
      }),
    )
    const sum = BigInt(WRITERS * BATCHES * ROWS)
    const books = await readBooks(database)
    expect(books).toMatchObject({ calls: sum, logged: sum, daily: sum, dailyRequests: sum })
    expect(books.totals['team/team-1']).toBe(sum)
    expect(server.log()).not.toMatch(/deadlock/i)
  },
)

test('the same calls booked by several writers at once are counted once', async () => {
  const before = await readBooks(database)
  const rows = Array.from({ length: ROWS }, row)
  const results = await Promise.all(
    Array.from(
      { length: 8 },
      async (_, index) => await bookCalls(database, index % 2 === 0 ? rows : rows.toReversed()),
    ),
  )
  expect(results.reduce((booked, result) => booked + result.booked, 0)).toBe(ROWS)
  const books = await readBooks(database)
  expect(books.logged - before.logged).toBe(BigInt(ROWS))
  expect((books.totals['team/team-1'] ?? 0n) - (before.totals['team/team-1'] ?? 0n)).toBe(BigInt(ROWS))
  expect(server.log()).not.toMatch(/deadlock/i)
})
