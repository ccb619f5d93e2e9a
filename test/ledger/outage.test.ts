import { sql } from 'kysely'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, afterEach, expect, test, vi } from 'vitest'
import { openLedger, type OpenLedger } from '../../src/spend/open-ledger.ts'
import type { Database } from '../../src/storage/database.ts'
import { migrate } from '../../src/storage/migrate.ts'
import { connectDatabase, openDatabase } from '../../src/storage/open-database.ts'
import { StoreProxy } from '../chaos/store-proxy.ts'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { readBooks } from './books.ts'
import { callEnd, callStart, runCall } from './calls.ts'

let server: TestPostgresql
let url: string
let database: Database
let dataDir: string
let ledger: OpenLedger
const log = { info: vi.fn<() => void>(), warn: vi.fn<() => void>(), error: vi.fn<() => void>() }

beforeAll(async () => {
  server = await startPostgresql()
})

beforeEach(async () => {
  vi.clearAllMocks()
  url = await server.createDatabase()
  database = await openDatabase({ url })
  await migrate(database)
  dataDir = mkdtempSync(join(tmpdir(), 'sluice-outage-'))
})

afterEach(async () => {
  await ledger.close(5000)
  await database.close()
  rmSync(dataDir, { recursive: true, force: true })
})

afterAll(async () => await server[Symbol.asyncDispose]())

async function calls(count: number): Promise<void> {
  await Promise.all(
    Array.from({ length: count }, async () => {
      const start = callStart()
      await runCall(ledger, start, callEnd(start))
    }),
  )
}

test.each(['fast', 'immediate'] as const)(
  'PostgreSQL stopped (%s) and started in the middle: calls go on, each is booked once',
  async (mode) => {
    ledger = await openLedger({ database, dataDir, log, settings: { flushIntervalMs: 2 } })
    await calls(300)
    const stopping = server.stop(mode)
    await calls(300)
    await stopping
    await calls(300)
    expect(ledger.stats.queuedCalls).toBeGreaterThan(0)
    await server.start()
    await calls(300)
    await ledger.flush()
    expect(await readBooks(database)).toMatchObject({ calls: 1200n, logged: 1_200_000n, daily: 1_200_000n })
    expect(ledger.stats).toMatchObject({ queuedCalls: 0, rejectedCalls: 0, lostCalls: 0 })
    // One outage, one error.
    expect(log.error.mock.calls.length).toBeLessThanOrEqual(2)
  },
)

test('connections cut in the middle of bookings lose and double nothing', async () => {
  ledger = await openLedger({ database, dataDir, log, settings: { flushIntervalMs: 1 } })
  const other = await openDatabase({ url: server.url })
  for (let round = 0; round < 25; round += 1) {
    await calls(60)
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'sluice' and pid <> pg_backend_pid()`.execute(other.sql)
  }
  await other.close()
  await ledger.flush()
  expect(await readBooks(database)).toMatchObject({ calls: 1500n, logged: 1_500_000n, dailyRequests: 1500n })
  expect(ledger.stats.bookingFailures).toBeGreaterThan(0)
})

test.each([
  {
    lost: 'question',
    lose: (wire: StoreProxy) => wire.cut(),
    isLost: () => Promise.resolve(true),
    end: (wire: StoreProxy) => wire.heal(),
  },
  {
    lost: 'answer',
    lose: (wire: StoreProxy) => wire.slowDown(3_000),
    isLost: async () => (await readBooks(database)).calls === 40n,
    end: (wire: StoreProxy) => wire.slowDown(0),
  },
])(
  'a booking whose $lost the network has lost is made again on another connection, and counts once',
  async (loss) => {
    const through = new URL(url)
    await using wire = await StoreProxy.start(Number(through.port))
    through.port = String(wire.port)
    const lossy = await openDatabase({ url: `${through.href}?connection_limit=1` })
    const settings = { flushIntervalMs: 2 }
    ledger = await openLedger({ database: lossy, dataDir, log, settings, bookingAnswerMs: 300 })
    await ledger.maintain()
    await calls(20)
    await ledger.flush()
    loss.lose(wire)
    await calls(20)
    await vi.waitFor(async () => expect(await loss.isLost()).toBe(true))
    loss.end(wire)
    await ledger.flush()
    expect(await readBooks(database)).toMatchObject({ calls: 40n, logged: 40_000n, daily: 40_000n })
    expect(ledger.stats).toMatchObject({ queuedCalls: 0, rejectedCalls: 0, lostCalls: 0 })
    expect(ledger.stats.bookingFailures).toBeGreaterThan(0)
    await ledger.close(5000)
    await lossy.close()
  },
)

test('a database that is away when the ledger opens, and not migrated when it comes, gets everything later', async () => {
  const late = await server.createDatabase()
  await server.stop()
  const absent = connectDatabase({ url: late })
  ledger = await openLedger({ database: absent, dataDir, log, settings: { flushIntervalMs: 2 } })
  await calls(50)
  await server.start()
  await calls(50)
  await migrate(absent)
  await ledger.flush()
  expect(await readBooks(absent)).toMatchObject({ calls: 100n, logged: 100_000n })
  await ledger.close(5000)
  await absent.close()
})

test('closing while the database is away keeps to its time, and the next process books what was left', async () => {
  ledger = await openLedger({ database, dataDir, log })
  await ledger.maintain()
  await server.stop('immediate')
  await calls(20)
  const begun = process.hrtime.bigint()
  await ledger.close(200)
  expect(process.hrtime.bigint() - begun).toBeLessThan(5_000_000_000n)
  await server.start()
  ledger = await openLedger({ database, dataDir, log })
  await ledger.flush()
  expect(ledger.stats).toMatchObject({ recoveredCalls: 20, interruptedCalls: 0 })
  expect(await readBooks(database)).toMatchObject({ calls: 20n, logged: 20_000n })
})
