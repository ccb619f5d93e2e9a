/** Metrics of files and batches, under LiteLLM's names. */
import type { CallerFacts, DeploymentFacts } from '../record/call-record.ts'
import type { Telemetry } from '../telemetry/index.ts'
import {
  BATCH_COUNTERS,
  BATCH_DURATION_BUCKETS,
  BATCH_GAUGES,
  BATCH_HISTOGRAMS,
} from '../telemetry/metrics/batches.ts'
import type { CounterFamily } from '../telemetry/metrics/counter.ts'
import type { GaugeFamily } from '../telemetry/metrics/gauge.ts'
import type { HistogramFamily } from '../telemetry/metrics/histogram.ts'

const NONE = 'None'

/** Purposes that are told apart; a client could send any text. */
const PURPOSES: ReadonlySet<string> = new Set([
  'assistants',
  'assistants_output',
  'batch',
  'batch_output',
  'evals',
  'fine-tune',
  'fine-tune-results',
  'user_data',
  'vision',
])

const FILE_TYPE = /\.([a-z0-9]{1,8})$/i

export class BatchMetrics {
  readonly #created: Readonly<Record<'file' | 'batch', CounterFamily>>
  readonly #deleted: CounterFamily
  readonly #size: GaugeFamily
  readonly #duration: HistogramFamily
  readonly #polled: GaugeFamily
  readonly #processed: CounterFamily
  readonly #errors: CounterFamily
  readonly #lastRun: GaugeFamily

  constructor({ registry }: Pick<Telemetry, 'registry'>) {
    this.#created = {
      file: registry.counter(BATCH_COUNTERS.filesCreated),
      batch: registry.counter(BATCH_COUNTERS.batchesCreated),
    }
    this.#deleted = registry.counter(BATCH_COUNTERS.filesDeleted)
    this.#size = registry.gauge(BATCH_GAUGES.fileSize)
    this.#duration = registry.histogram(BATCH_HISTOGRAMS.batchDuration, BATCH_DURATION_BUCKETS)
    this.#polled = registry.gauge(BATCH_GAUGES.jobsPolled)
    this.#processed = registry.counter(BATCH_COUNTERS.jobsProcessed)
    this.#errors = registry.counter(BATCH_COUNTERS.costErrors)
    this.#lastRun = registry.gauge(BATCH_GAUGES.lastRun)
  }

  created(kind: 'file' | 'batch', deployment: DeploymentFacts, caller: CallerFacts): void {
    const { userId = NONE, userEmail = NONE, keyAlias = NONE } = caller
    this.#created[kind]
      .series([deployment.upstreamModel, deployment.provider, userId, userEmail, keyAlias])
      .add(1)
  }

  fileSize(
    purpose: string,
    filename: string,
    bytes: number,
    deployment: DeploymentFacts,
    user: string | undefined,
  ): void {
    const type = FILE_TYPE.exec(filename)?.[1]?.toLowerCase() ?? NONE
    const known = PURPOSES.has(purpose) ? purpose : 'other'
    // Past the bound it is not shown: sizes of several users' files tell nothing together.
    this.#size
      .seriesWithinBound([known, type, deployment.upstreamModel, deployment.provider, user ?? NONE])
      ?.set(bytes)
  }

  fileDeleted(result: 'success' | 'blocked'): void {
    this.#deleted.series([result]).add(1)
  }

  roundBegan(jobs: number, atMs: number): void {
    this.#polled.series([]).set(jobs)
    this.#lastRun.series([]).set(atMs / 1000)
  }

  jobProcessed({ upstreamModel, provider }: DeploymentFacts): void {
    this.#processed.series([upstreamModel, provider]).add(1)
  }

  batchEnded({ upstreamModel, provider }: DeploymentFacts, durationMs: number): void {
    this.#duration.series([upstreamModel, provider]).observe(Math.max(0, durationMs) / 1000)
  }

  costFailed(errorType: string): void {
    this.#errors.series([errorType]).add(1)
  }
}
