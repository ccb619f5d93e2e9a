/** How a process leaves the traffic: readiness goes off, what is in flight ends, the listener closes. */
import { setTimeout as delay } from 'node:timers/promises'
import type { OpenLedger } from '../spend/open-ledger.ts'
import type { ClosingTimes, Connections } from '../server/connections.ts'

/** Whoever asked for readiness within this time is a load balancer or an orchestrator that will ask again. */
const WATCHED_MS = 60_000

/** Idle connections stay open so long after the listener closed, for requests that are on their way. */
const LINGER_MS = 1_000

/** Of the grace, what `/health/drain` leaves to the signal that follows it. */
const RESERVED_MS = 5_000

const LOOK_EVERY_MS = 50

/**
 * Waits for calls without a client: where `cancel_on_disconnect` is off, they are read to their end when it has left,
 * and then billed exactly. No connection tells of them.
 *
 * @param untilMs epoch milliseconds; what is under way then is cut.
 */
export async function callsWithoutClient(
  ledger: Pick<OpenLedger, 'openCalls'>,
  untilMs: number,
  clock: () => number,
): Promise<void> {
  while (clock() < untilMs && ledger.openCalls().next().done !== true) await delay(LOOK_EVERY_MS)
}

export interface DepartureOptions {
  /** Time from the first sign of departure until calls are cut. */
  readonly graceMs: number
  readonly clock: () => number
}

export class Departure {
  readonly #options: DepartureOptions
  readonly #connections: Connections
  #beganAtMs: number | undefined
  #readinessAskedAtMs = -Infinity

  constructor(connections: Connections, options: DepartureOptions) {
    this.#connections = connections
    this.#options = options
  }

  /** False from the first sign of departure on. */
  get accepting(): boolean {
    return this.#beganAtMs === undefined
  }

  readinessAsked(): void {
    this.#readinessAskedAtMs = this.#options.clock()
  }

  begin(): void {
    this.#beganAtMs ??= this.#options.clock()
    this.#connections.closeAfterAnswers()
  }

  /**
   * Takes the process out of the traffic for good, and waits until nothing is in flight, or most of the grace is over.
   * The listener stays open: whoever has not noticed yet is still served.
   *
   * @returns the number of requests still in flight.
   */
  async drain(): Promise<number> {
    this.begin()
    await this.#connections.quiet(Math.max(0, this.#options.graceMs - RESERVED_MS))
    return this.#connections.requests
  }

  /**
   * The times of a close that begins now. What a drain has used up is taken off: notice and grace count from its begin.
   *
   * @param noticeMs for those who watch readiness. Where nobody does, a closed listener is the only notice.
   */
  closingTimes(graceMs: number, noticeMs: number): ClosingTimes & { readonly graceMs: number } {
    const nowMs = this.#options.clock()
    const elapsedMs = nowMs - (this.#beganAtMs ?? nowMs)
    const watched = nowMs - this.#readinessAskedAtMs < WATCHED_MS
    return {
      noticeMs: watched ? Math.max(0, noticeMs - elapsedMs) : 0,
      lingerMs: Math.min(LINGER_MS, graceMs),
      // A drain of long ago has nothing to do with the calls that are under way now.
      graceMs: elapsedMs < graceMs ? graceMs - elapsedMs : graceMs,
    }
  }
}
