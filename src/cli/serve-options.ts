/** What the command line and the environment say about serving. */
import type { LogLevel } from '../telemetry/logs/log-level.ts'

export interface ServeOptions {
  readonly configFile: string | undefined
  readonly host: string
  readonly port: number
  /** Port on which the metrics are served too; undefined for none. */
  readonly metricsPort: number | undefined
  readonly dataDir: string
  readonly logLevel: LogLevel
  readonly keepAliveTimeoutMs: number
  readonly keyFile: string | undefined
  readonly certificateFile: string | undefined
  /** Worker processes. */
  readonly workers: number
  /** Requests after which a worker is replaced; undefined for never. */
  readonly requestsBeforeRestart: number | undefined
  /** Up to so many requests more, by lot, so that workers are not all replaced at once. */
  readonly restartJitter: number
  /** Time for the calls under way when the process is to stop. */
  readonly graceMs: number
  /** How long the listener then stays open for load balancers that watch readiness. */
  readonly noticeMs: number
  /** How long a start waits for a database that is not there. */
  readonly databaseWaitMs: number
  /** What the arguments asked for and does not work, as sentences. */
  readonly warnings: readonly string[]
}

/** Whether worker processes serve, with this one above them. One that is replaced from time to time needs that too. */
export function needsWorkers(options: ServeOptions): boolean {
  return options.workers > 1 || options.requestsBeforeRestart !== undefined
}
