/** Takes LiteLLM's call log: each call once, into the log and the roll-up by day, and never into the totals. */
import type { Kysely } from 'kysely'
import type { Schema } from '../storage/database.ts'
import { logCalls, positionsOfBookedCalls } from '../storage/queries/book-calls.ts'
import type { Destination } from './destination.ts'
import { callText } from './map-call.ts'
import { readCallPages } from './read-calls.ts'
import type { SourceRow } from './source-row.ts'
import type { TableColumns } from './source-schema.ts'
import type { Progress } from './take-rows.ts'
import { TableTally, type TableReport } from './tally.ts'

export interface CallTaking {
  readonly source: Kysely<Schema>
  readonly tables: TableColumns
  readonly destination: Destination
  readonly sinceMs: number | undefined
  /** Calls that begin later are left to the next import. */
  readonly untilMs: number
  readonly progress: Progress
}

export async function takeCalls(parts: CallTaking): Promise<TableReport> {
  const tally = new TableTally('calls')
  for await (const page of readCallPages(parts.source, parts.tables, parts.sinceMs, parts.untilMs)) {
    const fresh = await takePage(parts.destination, page)
    tally.add({ new: fresh, same: page.length - fresh })
    parts.progress('calls', tally.read)
  }
  return tally.report()
}

async function takePage(destination: Destination, page: readonly SourceRow[]): Promise<number> {
  return await destination.page(async (transaction) => {
    if (destination.dryRun) {
      // Written and rolled back they would be millions of dead rows.
      const keys = page.map((row) => ({
        callId: row.key('request_id').slice(0, 256),
        startedAtMs: row.momentMs('startTime') ?? 0,
      }))
      return page.length - (await positionsOfBookedCalls({ sql: transaction }, keys)).size
    }
    return (await logCalls(transaction, page.map(callText))).booked
  })
}
