import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openLedger } from '../../src/spend/open-ledger.ts'
import type { Database } from '../../src/storage/database.ts'
import { migrate } from '../../src/storage/migrate.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { readBooks } from './books.ts'

const KILLS = 30
const AT_ONCE = 3

let server: TestPostgresql
let url: string
let database: Database
let dataDir: string

beforeAll(async () => {
  server = await startPostgresql()
  url = await server.createDatabase()
  database = await openDatabase({ url })
  await migrate(database)
  dataDir = mkdtempSync(join(tmpdir(), 'sluice-kill-'))
})

afterAll(async () => {
  await database.close()
  await server[Symbol.asyncDispose]()
  rmSync(dataDir, { recursive: true, force: true })
})

test(
  'thirty processes killed at random moments lose no call and book none twice',
  { timeout: 240_000 },
  async () => {
    const started = new Set<string>()
    const ended = new Set<string>()
    for (let kills = 0; kills < KILLS; kills += AT_ONCE) {
      await Promise.all(Array.from({ length: AT_ONCE }, async () => await runAndKill(started, ended)))
    }

    const log = { info: () => {}, warn: () => {}, error: () => {} }
    const ledger = await openLedger({ database, dataDir, log })
    // A journal whose process died before it wrote anything is left alone for a while, as if it were just being made.
    await ledger.flush()
    await ledger.close(10_000)

    const rows = await database.sql
      .selectFrom('sluice_call_log')
      .select(['call_id', 'ending', 'picodollars'])
      .execute()
    const byId = new Map(rows.map((row) => [row.call_id, row]))
    expect(byId.size).toBe(rows.length)
    expect(ended.size).toBeGreaterThan(KILLS * 10)
    expect([...started].filter((id) => !byId.has(id))).toEqual([])
    expect([...ended].filter((id) => byId.get(id)?.ending !== 'complete')).toEqual([])
    const unended = [...started].filter((id) => !ended.has(id))
    expect(unended.filter((id) => byId.get(id)?.ending === 'interrupted').length).toBeGreaterThan(KILLS)

    const sum = rows.reduce((total, row) => total + row.picodollars, 0n)
    const books = await readBooks(database)
    expect(books).toMatchObject({ logged: sum, daily: sum, dailyRequests: BigInt(rows.length) })
    expect(books.totals['team/team-1']).toBe(sum)
    const left = readdirSync(join(dataDir, 'journal')).flatMap((name) =>
      readdirSync(join(dataDir, 'journal', name)),
    )
    expect(left.filter((name) => name.endsWith('.log'))).toEqual([])
  },
)

/** Starts a writer, and kills it after a random number of calls. */
async function runAndKill(started: Set<string>, ended: Set<string>): Promise<void> {
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
