/** Brings a message to a receiver: tries again, with growing pauses, as long as there is hope and the process goes on. */
import { setTimeout as delay } from 'node:timers/promises'
import type { ReceiverConnections } from './receiver-connections.ts'
import { sendRequest, type OutgoingRequest, type Rejection, type SendResult } from './send-request.ts'

/** What became of a message that did not arrive. */
export type LossReason = 'refused' | 'unreachable' | 'stopping'

export type SendOtherwise = (message: OutgoingRequest, signal: AbortSignal) => Promise<SendResult> | undefined

export interface SendParts {
  readonly connections: ReceiverConnections
  /** Epoch milliseconds. */
  readonly clock: () => number
  /** Resolves after the time, rejects when the signal is given. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<unknown>
  /** Sends by other means than HTTP, or leaves a message to it with `undefined`. Never rejects. */
  readonly send?: SendOtherwise | undefined
  /** Told of what a receiver did not take of a message that it took. */
  readonly rejected?: (rejection: Rejection) => void
}

export const waitUnlessAborted: SendParts['wait'] = (ms, signal) =>
  delay(ms, undefined, { signal, ref: false })

const TRIES = 10
const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 60_000
const TRY_TIMEOUT_MS = 10_000

/** Ends sending in two steps: first no more pauses and second tries, then no more waiting for answers. */
export class Stop {
  readonly #hurry = new AbortController()
  readonly #abort = new AbortController()

  get hurry(): AbortSignal {
    return this.#hurry.signal
  }

  get abort(): AbortSignal {
    return this.#abort.signal
  }

  /** Gives what is under way so much time. */
  async within(timeoutMs: number, underWay: Promise<unknown> | undefined): Promise<void> {
    this.#hurry.abort()
    const timer = setTimeout(() => this.#abort.abort(), timeoutMs)
    await underWay
    clearTimeout(timer)
  }
}

/** @param onFailure is told of each try that failed, and whether it was the last. */
export async function sendWithRetries(
  message: OutgoingRequest,
  parts: SendParts,
  stop: Stop,
  onFailure: (reason: string, isLast: boolean) => void,
): Promise<'sent' | LossReason> {
  for (let attempt = 1; ; attempt++) {
    const signal = AbortSignal.any([stop.abort, AbortSignal.timeout(TRY_TIMEOUT_MS)])
    const result = await (parts.send?.(message, signal) ??
      sendRequest(parts.connections, message, signal, parts.clock))
    if (result.kind === 'sent') {
      if (result.rejection !== undefined) parts.rejected?.(result.rejection)
      return 'sent'
    }
    const isLast = !result.mayRetry || attempt >= TRIES
    onFailure(result.reason, isLast)
    if (isLast) return result.mayRetry ? 'unreachable' : 'refused'
    if (stop.hurry.aborted) return 'stopping'
    await pause(parts, pauseMs(result, attempt), stop)
  }
}

/** Ends early when the process stops. */
export async function pause(parts: SendParts, ms: number, stop: Stop): Promise<void> {
  await parts.wait(ms, stop.hurry).catch(() => undefined)
}

function pauseMs(failed: Extract<SendResult, { kind: 'failed' }>, attempt: number): number {
  if (failed.retryAfterMs !== undefined) return failed.retryAfterMs
  const longest = Math.min(FIRST_RETRY_MS * 2 ** (attempt - 1), LONGEST_RETRY_MS)
  // Spread, so that many processes do not come back at the same moment.
  return longest / 2 + Math.random() * (longest / 2)
}
