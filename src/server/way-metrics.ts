/** Shows by which way model calls come in, and why connections leave the faster one. */
import type { Telemetry } from '../telemetry/index.ts'
import type { Counter } from '../telemetry/metrics/counter.ts'
import { OPERATION_COUNTERS } from '../telemetry/metrics/operations.ts'
import { HAND_OVER_REASONS, type HandOverReason } from './front/hand-over-reason.ts'

export class WayMetrics {
  /** Calls that the front takes. Counted with each call, so without a search. */
  readonly atFront: Counter
  /** Calls that Node's server takes. */
  readonly atNode: Counter
  readonly #handedOver: ReadonlyMap<HandOverReason, Counter>

  constructor(telemetry: Pick<Telemetry, 'counter'>) {
    const calls = telemetry.counter(OPERATION_COUNTERS.receivedCalls)
    this.atFront = calls.series(['front'])
    this.atNode = calls.series(['node'])
    const handedOver = telemetry.counter(OPERATION_COUNTERS.handedOverConnections)
    // All are there from the start: what was never counted is shown as zero.
    this.#handedOver = new Map(HAND_OVER_REASONS.map((reason) => [reason, handedOver.series([reason])]))
  }

  /** A connection has gone from the front to Node's server. */
  handedOver(reason: HandOverReason): void {
    this.#handedOver.get(reason)?.add(1)
  }
}
