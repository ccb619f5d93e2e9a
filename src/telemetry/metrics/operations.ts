/**
 * Metrics whose numbers belong to other rooms, as data: each room registers its own with `Telemetry.gauge` or
 * `Telemetry.counter`, and the docs page lists them from here.
 */

export interface MetricDefinition {
  readonly name: string
  readonly help: string
  readonly labels?: readonly string[]
}

/** Values read at each scrape. */
export const OPERATION_GAUGES = {
  journalBytes: {
    name: 'sluice_journal_bytes',
    help: 'Size of the journal files whose records are not yet in the database',
  },
  ledgerQueueRecords: {
    name: 'sluice_ledger_queue_records',
    help: 'Settled calls that are not yet in the database',
  },
  databaseReachable: {
    name: 'sluice_database_reachable',
    help: '1 while the database answers, else 0',
  },
} as const satisfies Record<string, MetricDefinition>

/** Counts of events. */
export const OPERATION_COUNTERS = {
  logLinesDropped: {
    name: 'sluice_log_lines_dropped_total',
    help: 'Log lines given up because nobody read standard output',
  },
} as const satisfies Record<string, MetricDefinition>
