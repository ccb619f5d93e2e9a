/**
 * V8 lets a heap that grows slowly grow by a few megabytes before it collects all of it. A gateway with 25 MB in use, at
 * 1,000 calls a second, has that each three seconds, and each time calls wait for 5 to 15 ms. Where there is memory for
 * it the heap may grow to four times what is in use, as V8 lets a large one that grows fast: a seventh of these
 * collections remain (docs/decisions/2026-11-29-tail-latency.md).
 */
import { getHeapStatistics, setFlagsFromString } from 'node:v8'
import type { Database } from '../storage/database.ts'

/** A pod of 512 MiB, with the chart's share of it, has a heap of 307 MB: there buffers need what is left. */
const ENOUGH_BYTES = 512 * 1_048_576

const FLAG = '--heap-growing-percent=300'

/**
 * Called when all is open, so that what the start leaves behind is collected as ever. The embedded database has memory
 * of its own that would count as in use.
 *
 * @param limitBytes the largest heap that this process may have.
 */
export function letHeapGrow(
  database: Database['kind'],
  limitBytes: number = getHeapStatistics().heap_size_limit,
  setFlags: (flags: string) => void = setFlagsFromString,
): void {
  if (database !== 'embedded' && limitBytes >= ENOUGH_BYTES) setFlags(FLAG)
}
