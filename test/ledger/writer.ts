/**
 * A process that writes to a ledger until it is killed, and says on its standard output what it may rely on:
 * `S <id>` when a start, `E <id>` when an end is in the operating system's hands.
 *
 *   node writer.ts <database URL, or nothing for the embedded one> <data directory>
 */
import { writeSync } from 'node:fs'
import { join } from 'node:path'
import { picodollars } from '../../src/money/picodollars.ts'
import { openLedger } from '../../src/spend/open-ledger.ts'
import { migrate } from '../../src/storage/migrate.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { callEnd, callStart, DEPLOYMENT, ESTIMATE, Waiter } from './calls.ts'

const [, , url = '', dataDir = ''] = process.argv
const quiet = { info: () => {}, warn: () => {}, error: () => {} }
const database = await openDatabase(
  url === '' ? { dataDir: join(dataDir, 'database') } : { url: `${url}?connection_limit=2` },
)
await migrate(database)
const ledger = await openLedger({
  database,
  dataDir,
  log: quiet,
  settings: { flushIntervalMs: 5 },
  journal: { segmentBytes: 50_000, syncIntervalMs: 5 },
})

/** A promise has to be out before the next line of code runs, so it is written at once, even to a full pipe. */
function say(line: string): void {
  for (;;) {
    try {
      writeSync(1, line)
      return
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EAGAIN')) throw error
    }
  }
}

/** Calls one after the other; one in ten never ends. */
async function caller(): Promise<never> {
  for (;;) {
    const start = callStart()
    const waiter = new Waiter()
    ledger.start(start, DEPLOYMENT, ESTIMATE, waiter)
    await waiter.started
    say(`S ${start.callId}\n`)
    if (Math.random() < 0.1) continue
    await new Promise((resolve) => setImmediate(resolve))
    ledger.settle(start, callEnd(start, { cost: picodollars(1000n) }), waiter)
    await waiter.ended
    say(`E ${start.callId}\n`)
  }
}

await Promise.race(Array.from({ length: 8 }, caller))
