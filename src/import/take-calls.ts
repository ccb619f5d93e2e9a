/**
 * Takes LiteLLM's call log: each call once, into the log and the roll-up by day, and never into the totals; by choice
 * with what was asked and answered.
 */
import type { Kysely, Transaction } from 'kysely'
import type { ContentLimits } from '../spend/call-content.ts'
import type { Schema } from '../storage/database.ts'
import { logCalls, positionsOfBookedCalls } from '../storage/queries/book-calls.ts'
import { addContents, countContents } from '../storage/queries/call-contents.ts'
import type { Destination } from './destination.ts'
import { callKey, callText } from './map-call.ts'
import { contentOf } from './map-content.ts'
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
  /** How prompts and answers are kept; undefined leaves them where they are. */
  readonly contents: ContentLimits | undefined
  readonly progress: Progress
}

/** @returns the reports of the calls and, where they are taken, of their prompts and answers. */
export async function takeCalls(parts: CallTaking): Promise<readonly TableReport[]> {
  const { source, tables, destination, sinceMs, untilMs, contents: limits, progress } = parts
  const calls = new TableTally('calls')
  const contents = new TableTally('prompts and answers')
  const choice = { sinceMs, untilMs, contents: limits !== undefined }
  for await (const page of readCallPages(source, tables, choice)) {
    await destination.page(async (transaction) => {
      const fresh = await takePage(transaction, destination, page)
      calls.add({ new: fresh, same: page.length - fresh })
      if (limits !== undefined) await takeContents(transaction, destination, page, limits, contents)
    })
    progress('calls', calls.read)
  }
  return limits === undefined ? [calls.report()] : [calls.report(), contents.report()]
}

/** @returns how many calls were not here yet. */
async function takePage(
  transaction: Transaction<Schema>,
  { dryRun }: Destination,
  page: readonly SourceRow[],
): Promise<number> {
  if (!dryRun) return (await logCalls(transaction, page.map(callText))).booked
  // Written and rolled back they would be millions of dead rows.
  return page.length - (await positionsOfBookedCalls({ sql: transaction }, page.map(callKey))).size
}

async function takeContents(
  transaction: Transaction<Schema>,
  { dryRun }: Destination,
  page: readonly SourceRow[],
  limits: ContentLimits,
  tally: TableTally,
): Promise<void> {
  const contents = page.map((row) => contentOf(row, limits)).filter((content) => content !== undefined)
  const fresh = dryRun
    ? contents.length - (await countContents(transaction, contents))
    : await addContents(transaction, contents)
  tally.add({ new: fresh, same: contents.length - fresh })
}
