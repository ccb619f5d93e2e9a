/**
 * Metrics whose numbers belong to other rooms, as data: each room registers its own with `Telemetry.gauge` or
 * `Telemetry.counter`, and the docs page lists them from here.
 */
import type { AcrossWorkers } from './family.ts'

export interface MetricDefinition {
  readonly name: string
  readonly help: string
  readonly labels?: readonly string[]
  /** How the gauges of several worker processes make one. Default: `sum`. */
  readonly acrossWorkers?: AcrossWorkers
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
  ledgerSpilledRecords: {
    name: 'sluice_ledger_spilled_records',
    help: 'Of these, the ones that memory had no room for: they are read back from the journal',
  },
  databaseReachable: {
    name: 'sluice_database_reachable',
    help: '1 while the database answers, else 0',
    acrossWorkers: 'min',
  },
  requestBodyBytes: {
    name: 'sluice_request_body_bytes',
    help: 'Size of the request bodies that are held in this process: at most a quarter of its memory',
  },
  cacheBytes: {
    name: 'sluice_cache_bytes',
    help: 'Size of the answers that the response cache keeps in this process',
  },
  cacheEntries: {
    name: 'sluice_cache_entries',
    help: 'Answers that the response cache keeps in this process',
  },
  exportQueueCalls: {
    name: 'sluice_export_queue_calls',
    help: 'Calls that wait to be told to callbacks such as datadog or s3',
  },
  memoryBytes: {
    name: 'sluice_memory_bytes',
    help: 'Memory of what this process keeps by design, as its parts count it: the rest is code, and calls at work',
    labels: ['component'],
  },
  workers: {
    name: 'sluice_workers',
    help: 'Worker processes, those that are being replaced included; only with --num_workers',
  },
  alertsQueued: {
    name: 'sluice_alerts_queued',
    help: 'Alerts that are not delivered yet',
  },
} as const satisfies Record<string, MetricDefinition>

/** Times, and their buckets in seconds. */
export const OPERATION_HISTOGRAMS = {
  cleanupSeconds: {
    name: 'litellm_spend_log_cleanup_batch_duration_seconds',
    help: 'How long it took to drop a day of the call log, or a batch of rows; where a retention is set',
  },
  limitStoreSeconds: {
    name: 'sluice_limit_store_seconds',
    help: 'How long calls waited for the store that processes share limits in',
  },
} as const satisfies Record<string, MetricDefinition>

export const LIMIT_STORE_BUCKETS = [0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5] as const

/** Counts of events. */
export const OPERATION_COUNTERS = {
  cleanupRuns: {
    name: 'litellm_spend_log_cleanup_runs_total',
    help: 'Looks for rows of the call log that are past their retention: success or failure; where a retention is set',
    labels: ['outcome'],
  },
  cleanupRows: {
    name: 'litellm_spend_log_cleanup_rows_deleted_total',
    help: 'Rows dropped with days of the call log, as the database estimates them; where a retention is set',
    labels: ['table'],
  },
  cleanupFailures: {
    name: 'litellm_spend_log_cleanup_batch_failures_total',
    help: 'Days of the call log that could not be dropped because the table was in use; where a retention is set',
    labels: ['table'],
  },
  receivedCalls: {
    name: 'sluice_received_calls_total',
    help: 'Model calls that came in, refused ones included, by what took them: the front (front), or Node’s server (node)',
    labels: ['way'],
  },
  handedOverConnections: {
    name: 'sluice_handed_over_connections_total',
    help: 'Connections of clients that the front gave to Node’s server, by what they brought that is not for it',
    labels: ['reason'],
  },
  logLinesDropped: {
    name: 'sluice_log_lines_dropped_total',
    help: 'Log lines given up because nobody read standard output',
  },
  journalWriteFailures: {
    name: 'sluice_journal_write_failures_total',
    help: 'Writes to the journal that failed',
  },
  unjournaledRecords: {
    name: 'sluice_unjournaled_records_total',
    help: 'Records that stand in no journal: a crash before they are in the database loses them',
  },
  bookingFailures: {
    name: 'sluice_booking_failures_total',
    help: 'Tries to bring calls to the database that failed; each is tried again',
  },
  bookedCalls: { name: 'sluice_booked_calls_total', help: 'Calls brought to the database' },
  rejectedCalls: {
    name: 'sluice_rejected_calls_total',
    help: 'Calls that the database refused: they stand in rejected.log and are not counted as spend',
  },
  lostCalls: {
    name: 'sluice_lost_calls_total',
    help: 'Calls dropped because neither the journal nor memory had room for them',
  },
  recoveredCalls: {
    name: 'sluice_recovered_calls_total',
    help: 'Calls booked from the journals of processes that died',
  },
  interruptedCalls: {
    name: 'sluice_interrupted_calls_total',
    help: 'Of these, the ones that had not ended: they are booked with an estimate',
  },
  contentsDropped: {
    name: 'sluice_contents_dropped_total',
    help: 'Calls whose prompt and answer were to be kept and were given up, for lack of memory or as unreadable',
  },
  callbackFailures: {
    name: 'litellm_callback_logging_failures_metric_total',
    help: 'Tries to tell a callback of calls that failed; most are tried again',
    labels: ['callback_name'],
  },
  exportedCalls: {
    name: 'sluice_exported_calls_total',
    help: 'Calls that a callback was told of',
    labels: ['callback_name'],
  },
  exportDroppedCalls: {
    name: 'sluice_export_dropped_calls_total',
    help: 'Calls that a callback was not told of: queue_full, refused by the receiver, unreachable, or stopping',
    labels: ['callback_name', 'reason'],
  },
  exportRejectedItems: {
    name: 'sluice_export_rejected_items_total',
    help: 'Spans, log records and data points that a collector of OTLP rejected of messages that it took',
    labels: ['callback_name', 'signal'],
  },
  alertsSent: {
    name: 'sluice_alerts_sent_total',
    help: 'Alerts that were delivered',
    labels: ['channel', 'alert_type'],
  },
  alertDeliveryFailures: {
    name: 'sluice_alert_delivery_failures_total',
    help: 'Tries to deliver alerts that failed; most are tried again',
    labels: ['channel'],
  },
  alertsDropped: {
    name: 'sluice_alerts_dropped_total',
    help: 'Alerts given up: queue_full, refused by the receiver, unreachable, or stopping',
    labels: ['channel', 'reason'],
  },
  reportFailures: {
    name: 'sluice_call_report_failures_total',
    help: 'Calls that were booked, and that a part failed to take up: answer, spend, limits, metrics, log, listeners or alerts',
    labels: ['part'],
  },
  workerExits: {
    name: 'sluice_worker_exits_total',
    help: 'Worker processes that ended, by cause: replaced, or died',
    labels: ['cause'],
  },
  configReloads: {
    name: 'sluice_config_reloads_total',
    help: 'Changed configurations that were taken up (success), or refused (failure)',
    labels: ['result'],
  },
  limitRefusals: {
    name: 'sluice_limit_refusals_total',
    help: 'Calls refused at a limit: of which kind of scope, and whether of requests, tokens, parallel calls or budget',
    labels: ['scope', 'limit'],
  },
  limitAdmissions: {
    name: 'sluice_limit_admissions_total',
    help: 'Limited calls that were admitted: counted in the shared store, or by this process alone (local)',
    labels: ['store'],
  },
  limitStoreFailures: {
    name: 'sluice_limit_store_failures_total',
    help: 'Admissions and settlements that the shared store did not take in time',
    labels: ['step'],
  },
  cacheEvictions: {
    name: 'sluice_cache_evictions_total',
    help: 'Answers that had to leave the response cache of this process before their time',
  },
  cacheFailedReads: {
    name: 'sluice_cache_failed_reads_total',
    help: 'Calls that Redis was asked an answer for and gave none in time: they went to a provider',
  },
  cacheFailedWrites: {
    name: 'sluice_cache_failed_writes_total',
    help: 'Answers that could not be kept in Redis',
  },
} as const satisfies Record<string, MetricDefinition>
