/** Parts that fail to take up a call which is settled already: each fault is counted, and told once in a while. */
import type { CounterFamily } from './metrics/counter.ts'
import type { Logger } from './logs/logger.ts'

/** What takes up a settled call, beside the ledger; `answer` is what its client is told. */
export type ReportingPart = 'answer' | 'spend' | 'limits' | 'metrics' | 'log' | 'listeners' | 'alerts'

/** A part that fails, fails with each call: one line tells as much as thousands. */
const TELL_EVERY_MS = 60_000

export class ReportFaults {
  readonly #counter: CounterFamily
  readonly #log: Logger
  readonly #clock: () => number
  readonly #toldAtMs = new Map<ReportingPart, number>()

  constructor(counter: CounterFamily, log: Logger, clock: () => number) {
    this.#counter = counter
    this.#log = log
    this.#clock = clock
  }

  caught(part: ReportingPart, error: unknown): void {
    this.#counter.series([part]).add(1)
    const nowMs = this.#clock()
    if (nowMs - (this.#toldAtMs.get(part) ?? -Infinity) < TELL_EVERY_MS) return
    this.#toldAtMs.set(part, nowMs)
    this.#log.error('a call was booked, and a part of the gateway failed to take it up', { part, err: error })
  }
}
