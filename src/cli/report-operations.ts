/** Shows in the metrics what other rooms count: journal, ledger, database. */
import type { ResponseCache } from '../cache/response-cache.ts'
import type { BodyRoom } from '../calls/body-room.ts'
import type { LedgerStats, OpenLedger, RetentionObserver } from '../spend/open-ledger.ts'
import type { Database } from '../storage/database.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { LATENCY_BUCKETS } from '../telemetry/metrics/families.ts'
import {
  OPERATION_COUNTERS,
  OPERATION_GAUGES,
  OPERATION_HISTOGRAMS,
} from '../telemetry/metrics/operations.ts'

/** Members of the ledger's statistics that only grow, by the counter that shows them. */
const LEDGER_COUNTERS = {
  journalWriteFailures: 'journalWriteFailures',
  unjournaledRecords: 'unjournaledRecords',
  bookingFailures: 'bookingFailures',
  bookedCalls: 'bookedCalls',
  rejectedCalls: 'rejectedCalls',
  lostCalls: 'lostCalls',
  recoveredCalls: 'recoveredCalls',
  interruptedCalls: 'interruptedCalls',
  droppedContents: 'contentsDropped',
} as const satisfies Partial<Record<keyof LedgerStats, keyof typeof OPERATION_COUNTERS>>

export function reportOperations(
  telemetry: Telemetry,
  ledger: Pick<OpenLedger, 'stats'>,
  database: Pick<Database, 'reachable'>,
): void {
  telemetry.gauge(OPERATION_GAUGES.journalBytes, () => ledger.stats.journalBytes)
  telemetry.gauge(OPERATION_GAUGES.ledgerQueueRecords, () => ledger.stats.queuedCalls)
  telemetry.gauge(OPERATION_GAUGES.ledgerSpilledRecords, () => ledger.stats.spilledCalls)
  // Object.keys gives the names of a literal whose type lists them all.
  for (const name of Object.keys(LEDGER_COUNTERS) as (keyof typeof LEDGER_COUNTERS)[]) {
    telemetry.counterFrom(OPERATION_COUNTERS[LEDGER_COUNTERS[name]], () => ledger.stats[name])
  }
  telemetry.gauge(OPERATION_GAUGES.databaseReachable, () => (database.reachable ? 1 : 0))
}

/** Counts what is dropped of the call log. */
export function retentionObserver(telemetry: Telemetry): RetentionObserver {
  const runs = telemetry.counter(OPERATION_COUNTERS.cleanupRuns)
  const rows = telemetry.counter(OPERATION_COUNTERS.cleanupRows)
  const failures = telemetry.counter(OPERATION_COUNTERS.cleanupFailures)
  const seconds = telemetry.registry
    .histogram({ ...OPERATION_HISTOGRAMS.cleanupSeconds, labels: [] }, LATENCY_BUCKETS)
    .series([])
  return {
    ran: (outcome) => runs.series([outcome]).add(1),
    dropped: (table, count, tookMs) => {
      rows.series([table]).add(count)
      seconds.observe(tookMs / 1000)
    },
    failed: (table) => failures.series([table]).add(1),
  }
}

export function reportBodies(telemetry: Telemetry, bodyRoom: Pick<BodyRoom, 'held'>): void {
  telemetry.gauge(OPERATION_GAUGES.requestBodyBytes, () => bodyRoom.held)
}

export function reportCache(telemetry: Telemetry, cache: Pick<ResponseCache, 'stats'>): void {
  telemetry.gauge(OPERATION_GAUGES.cacheBytes, () => cache.stats.bytes)
  telemetry.gauge(OPERATION_GAUGES.cacheEntries, () => cache.stats.entries)
  telemetry.counterFrom(OPERATION_COUNTERS.cacheEvictions, () => cache.stats.evictions)
  telemetry.counterFrom(OPERATION_COUNTERS.cacheFailedReads, () => cache.stats.failedReads)
  telemetry.counterFrom(OPERATION_COUNTERS.cacheFailedWrites, () => cache.stats.failedWrites)
}
