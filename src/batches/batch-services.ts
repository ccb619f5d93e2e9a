/** What calls on files and batches work with. */
import type { Gateway } from '../calls/gateway.ts'
import type { Database } from '../storage/database.ts'
import type { BatchMetrics } from './batch-metrics.ts'

export interface BatchSettings {
  /** Largest file that is no batch file. */
  readonly maxFileBytes: number
  /** Largest input file of a batch. */
  readonly maxBatchFileBytes: number
  /** Time between two rounds in which unfinished batches are asked for; undefined asks never. */
  readonly pollingIntervalMs: number | undefined
}

export interface BatchServices {
  readonly gateway: Gateway
  readonly database: Database
  readonly metrics: BatchMetrics
  /** Epoch milliseconds. */
  readonly clock: () => number
  /** Replaced as a whole by a config reload. */
  settings: BatchSettings
}
