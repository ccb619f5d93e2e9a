/**
 * Brings alerts to one address, in order: a bounded queue, several alerts in a message where the channel allows it,
 * and tries again as long as there is hope.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import type { AlertChannel } from '../config/alert-types.ts'
import type { Secret } from '../config/secret.ts'
import type { LogFields } from '../telemetry/logs/logger.ts'
import type { Alert } from './alert.ts'
import { postJson, type PostResult } from './post.ts'

/** What a channel's messages look like. */
export interface MessageForm {
  readonly channel: AlertChannel
  /** Alerts in one message. */
  readonly mostAlerts: number
  /** How long alerts are gathered for a message. */
  readonly gatherMs: number
  body(alerts: readonly Alert[]): string
}

/** What deliveries tell of themselves. */
export interface DeliveryReport {
  delivered(channel: AlertChannel, alerts: readonly Alert[]): void
  tryFailed(channel: AlertChannel): void
  /** The alerts will not arrive. */
  dropped(channel: AlertChannel, reason: DropReason, alerts: number): void
  warn(message: string, fields: LogFields): void
}

export type DropReason = 'queue_full' | 'refused' | 'unreachable' | 'stopping'

export interface DeliveryParts {
  readonly dispatcher: Dispatcher
  readonly report: DeliveryReport
  readonly clock: () => number
  /** Resolves after the time, rejects when the signal is given. */
  readonly wait: (ms: number, signal: AbortSignal) => Promise<unknown>
}

export const waitUnlessAborted: DeliveryParts['wait'] = (ms, signal) =>
  delay(ms, undefined, { signal, ref: false })

const MOST_QUEUED = 1_000
/** Of these, the low ones leave room for the others. */
const MOST_LOW_QUEUED = 500
const TRIES = 10
const FIRST_RETRY_MS = 1_000
const LONGEST_RETRY_MS = 60_000
const TRY_TIMEOUT_MS = 10_000

export class Delivery {
  readonly url: Secret
  readonly form: MessageForm
  readonly #parts: DeliveryParts
  /** Ends pauses. */
  readonly #hurry = new AbortController()
  /** Ends a try that is under way. */
  readonly #abort = new AbortController()
  #queue: Alert[] = []
  #sending: Promise<void> | undefined
  #closing = false

  constructor(url: Secret, form: MessageForm, parts: DeliveryParts) {
    this.url = url
    this.form = form
    this.#parts = parts
  }

  get queued(): number {
    return this.#queue.length
  }

  add(alert: Alert): void {
    if (this.#queue.length >= (alert.level === 'low' ? MOST_LOW_QUEUED : MOST_QUEUED)) {
      this.#parts.report.dropped(this.form.channel, 'queue_full', 1)
      return
    }
    this.#queue.push(alert)
    this.#sending ??= this.#sendAll()
  }

  /** Sends what is queued, each message once more, within the time; drops, and tells of, what does not arrive by then. */
  async close(timeoutMs: number): Promise<void> {
    this.#closing = true
    this.#hurry.abort()
    const timer = setTimeout(() => this.#abort.abort(), timeoutMs)
    await this.#sending
    clearTimeout(timer)
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0) {
      if (this.form.gatherMs > 0) await this.#pause(this.form.gatherMs)
      const batch = this.#queue.slice(0, this.form.mostAlerts)
      const end = await this.#sendUntilEnd(this.form.body(batch))
      this.#queue = this.#queue.slice(batch.length)
      if (end === 'sent') this.#parts.report.delivered(this.form.channel, batch)
      else this.#parts.report.dropped(this.form.channel, end, batch.length)
    }
    // In the same step as the look at the queue: what comes later begins anew.
    this.#sending = undefined
  }

  async #sendUntilEnd(body: string): Promise<'sent' | DropReason> {
    const { report, dispatcher, clock } = this.#parts
    for (let attempt = 1; ; attempt++) {
      const signal = AbortSignal.any([this.#abort.signal, AbortSignal.timeout(TRY_TIMEOUT_MS)])
      const result = await postJson(dispatcher, this.url, body, signal, clock)
      if (result.kind === 'sent') return 'sent'
      report.tryFailed(this.form.channel)
      if (!result.mayRetry || attempt >= TRIES) {
        report.warn('an alert could not be delivered, and is given up', this.#fields(result.reason))
        return result.mayRetry ? 'unreachable' : 'refused'
      }
      if (this.#closing) return 'stopping'
      await this.#pause(pauseMs(result, attempt))
    }
  }

  /** Of the address only the host: the rest is a secret. */
  #fields(reason: string): LogFields {
    return { channel: this.form.channel, host: new URL(this.url.reveal()).host, reason }
  }

  async #pause(ms: number): Promise<void> {
    await this.#parts.wait(ms, this.#hurry.signal).catch(() => undefined)
  }
}

function pauseMs(failed: Extract<PostResult, { kind: 'failed' }>, attempt: number): number {
  if (failed.retryAfterMs !== undefined) return failed.retryAfterMs
  const longest = Math.min(FIRST_RETRY_MS * 2 ** (attempt - 1), LONGEST_RETRY_MS)
  // Spread, so that many processes do not come back at the same moment.
  return longest / 2 + Math.random() * (longest / 2)
}
