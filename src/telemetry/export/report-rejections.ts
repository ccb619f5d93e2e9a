/** What receivers did not take of messages that they took: all of it is counted, and told once in a while. */
import type { Logger } from '../logs/logger.ts'
import type { CounterFamily } from '../metrics/counter.ts'
import type { Rejection } from './send-request.ts'

/** A receiver that does not take one item, does not take its like: one line tells as much as thousands. */
const TELL_EVERY_MS = 60_000

export class ReportRejections {
  readonly #counter: CounterFamily
  readonly #log: Pick<Logger, 'warn'>
  readonly #clock: () => number
  /** By callback and signal. */
  readonly #toldAtMs = new Map<string, number>()

  /** @param clock epoch milliseconds. */
  constructor(counter: CounterFamily, log: Pick<Logger, 'warn'>, clock: () => number) {
    this.#counter = counter
    this.#log = log
    this.#clock = clock
  }

  /** @param name the callback's. */
  rejected(name: string, { signal, items, reason }: Rejection): void {
    if (items > 0) this.#counter.series([name, signal]).add(items)
    const nowMs = this.#clock()
    const key = `${name} ${signal} ${items > 0}`
    if (nowMs - (this.#toldAtMs.get(key) ?? -Infinity) < TELL_EVERY_MS) return
    this.#toldAtMs.set(key, nowMs)
    if (items > 0)
      this.#log.warn('a receiver rejected a part of a message, which is given up', {
        callback: name,
        signal,
        rejected: items,
        reason,
      })
    else this.#log.warn('a receiver took a message, and warns', { callback: name, signal, reason })
  }
}
