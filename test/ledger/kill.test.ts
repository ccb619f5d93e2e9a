import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { openLedger } from '../../src/spend/open-ledger.ts'
import type { Database } from '../../src/storage/database.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { readBooks } from './books.ts'

const QUIET = { info: () => {}, warn: () => {}, error: () => {} }

let server: TestPostgresql
let dataDir: string

beforeAll(async () => {
  server = await startPostgresql()
})

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'sluice-kill-'))
})

afterEach(() => rmSync(dataDir, { recursive: true, force: true }))

afterAll(async () => await server[Symbol.asyncDispose]())

/** What the killed processes said they had journaled. */
interface Promised {
  readonly started: Set<string>
  readonly ended: Set<string>
}

test(
  'thirty processes killed at random moments lose no call and book none twice',
  { timeout: 240_000 },
  async () => {
    const url = await server.createDatabase()
    const promised: Promised = { started: new Set(), ended: new Set() }
    for (let round = 0; round < 10; round += 1) {
      await Promise.all([1, 2, 3].map(async () => await runAndKill(url, promised)))
    }
    await using database = await settledDatabase({ url })
    await expectKept(database.database, promised)
  },
)

test(
  'so it is with the embedded database, in one process after the other',
  { timeout: 120_000 },
  async () => {
    const promised: Promised = { started: new Set(), ended: new Set() }
    for (let round = 0; round < 6; round += 1) await runAndKill('', promised)
    await using database = await settledDatabase({ dataDir: join(dataDir, 'database') })
    await expectKept(database.database, promised)
  },
)

/** Starts a writer, and kills it after a random number of calls. */
async function runAndKill(url: string, { started, ended }: Promised): Promise<void> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'writer.ts'), url, dataDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  let left = 20 + Math.floor(Math.random() * 400)
  for await (const line of createInterface({ input: child.stdout })) {
    const [kind, id = ''] = line.split(' ')
    if (kind === 'S') started.add(id)
    else ended.add(id)
    left -= 1
    if (left === 0) child.kill('SIGKILL')
  }
  await closed
}

/** The database, once a last process has taken over what the killed ones left. */
async function settledDatabase(
  place: { url: string } | { dataDir: string },
): Promise<AsyncDisposable & { database: Database }> {
  const database = await openDatabase(place)
  const ledger = await openLedger({ database, dataDir, log: QUIET })
  await ledger.flush()
  await ledger.close(10_000)
  return { database, [Symbol.asyncDispose]: async () => await database.close() }
}

async function expectKept(database: Database, { started, ended }: Promised): Promise<void> {
  const rows = await database.sql
    .selectFrom('sluice_call_log')
    .select(['call_id', 'ending', 'picodollars'])
    .execute()
  const byId = new Map(rows.map((row) => [row.call_id, row]))
  expect(byId.size).toBe(rows.length)
  expect(ended.size).toBeGreaterThan(100)
  expect([...started].filter((id) => !byId.has(id))).toEqual([])
  expect([...ended].filter((id) => byId.get(id)?.ending !== 'complete')).toEqual([])
  const unended = [...started].filter((id) => !ended.has(id))
  expect(unended.filter((id) => byId.get(id)?.ending === 'interrupted').length).toBeGreaterThan(10)

  const sum = rows.reduce((total, row) => total + row.picodollars, 0n)
  const books = await readBooks(database)
  expect(books).toMatchObject({ logged: sum, daily: sum, dailyRequests: BigInt(rows.length) })
  expect(books.totals['team/team-1']).toBe(sum)
  const journals = join(dataDir, 'journal')
  const left = readdirSync(journals).flatMap((name) => readdirSync(join(journals, name)))
  expect(left.filter((name) => name.endsWith('.log'))).toEqual([])
}
