/** Shows in metrics and log how admissions go. */
import type { ScopeKind } from '../record/scope.ts'
import type { Telemetry } from '../telemetry/index.ts'
import type { Counter, CounterFamily } from '../telemetry/metrics/counter.ts'
import type { Histogram } from '../telemetry/metrics/histogram.ts'
import {
  LIMIT_STORE_BUCKETS,
  OPERATION_COUNTERS,
  OPERATION_HISTOGRAMS,
} from '../telemetry/metrics/operations.ts'
import type { LimitObserver } from './limit-observer.ts'
import type { LimitKind } from './limit-store.ts'

/** An error that comes with every call is told now and then. */
const TELL_EVERY_MS = 30_000

export class LimitMetrics implements LimitObserver {
  readonly #log: Telemetry['log']
  readonly #clock: () => number
  readonly #refusals: CounterFamily
  readonly #admissions: Readonly<Record<'shared' | 'local', Counter>>
  readonly #failures: Readonly<Record<'admission' | 'settlement', Counter>>
  readonly #seconds: Histogram
  #toldAtMs = -Infinity

  /** @param clock epoch milliseconds. */
  constructor(telemetry: Telemetry, clock: () => number) {
    this.#log = telemetry.log
    this.#clock = clock
    this.#refusals = telemetry.counter(OPERATION_COUNTERS.limitRefusals)
    const admissions = telemetry.counter(OPERATION_COUNTERS.limitAdmissions)
    this.#admissions = { shared: admissions.series(['shared']), local: admissions.series(['local']) }
    const failures = telemetry.counter(OPERATION_COUNTERS.limitStoreFailures)
    this.#failures = {
      admission: failures.series(['admission']),
      settlement: failures.series(['settlement']),
    }
    this.#seconds = telemetry.registry
      .histogram({ ...OPERATION_HISTOGRAMS.limitStoreSeconds, labels: [] }, LIMIT_STORE_BUCKETS)
      .series([])
  }

  admitted(store: 'shared' | 'local'): void {
    this.#admissions[store].add(1)
  }

  refused(scope: ScopeKind, limit: LimitKind): void {
    this.#refusals.series([scope, limit]).add(1)
  }

  storeAnswered(tookMs: number): void {
    this.#seconds.observe(tookMs / 1000)
  }

  storeFailed(step: 'admission' | 'settlement'): void {
    this.#failures[step].add(1)
  }

  storeError(error: unknown): void {
    const nowMs = this.#clock()
    if (nowMs - this.#toldAtMs < TELL_EVERY_MS) return
    this.#toldAtMs = nowMs
    this.#log.error(
      'the store of limits answered with an error: each process limits by itself until it answers well again',
      { err: error },
    )
  }
}
