/**
 * Brings alerts to one address, in order: a bounded queue, several alerts in a message where the channel allows it,
 * and tries again as long as there is hope.
 */
import type { AlertChannel } from '../config/alert-types.ts'
import type { Secret } from '../config/secret.ts'
import {
  pause,
  sendWithRetries,
  Stop,
  type LossReason,
  type SendParts,
} from '../telemetry/export/send-with-retries.ts'
import type { LogFields } from '../telemetry/logs/logger.ts'
import type { Alert } from './alert.ts'

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

export type DropReason = 'queue_full' | LossReason

export const ALERT_HEADERS = { 'content-type': 'application/json', 'user-agent': 'sluice' }

const MOST_QUEUED = 1_000
/** Of these, the low ones leave room for the others. */
const MOST_LOW_QUEUED = 500

export class Delivery {
  readonly url: Secret
  readonly form: MessageForm
  readonly #parts: SendParts
  readonly #report: DeliveryReport
  readonly #stop = new Stop()
  #queue: Alert[] = []
  #sending: Promise<void> | undefined

  constructor(url: Secret, form: MessageForm, parts: SendParts, report: DeliveryReport) {
    this.url = url
    this.form = form
    this.#parts = parts
    this.#report = report
  }

  get queued(): number {
    return this.#queue.length
  }

  add(alert: Alert): void {
    if (this.#queue.length >= (alert.level === 'low' ? MOST_LOW_QUEUED : MOST_QUEUED)) {
      this.#report.dropped(this.form.channel, 'queue_full', 1)
      return
    }
    this.#queue.push(alert)
    this.#sending ??= this.#sendAll()
  }

  /** Sends what is queued, each message once more, within the time; drops, and tells of, what does not arrive by then. */
  async close(timeoutMs: number): Promise<void> {
    await this.#stop.within(timeoutMs, this.#sending)
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0) {
      if (this.form.gatherMs > 0) await pause(this.#parts, this.form.gatherMs, this.#stop)
      const batch = this.#queue.slice(0, this.form.mostAlerts)
      const end = await this.#send(this.form.body(batch))
      this.#queue = this.#queue.slice(batch.length)
      if (end === 'sent') this.#report.delivered(this.form.channel, batch)
      else this.#report.dropped(this.form.channel, end, batch.length)
    }
    // In the same step as the look at the queue: what comes later begins anew.
    this.#sending = undefined
  }

  async #send(body: string): Promise<'sent' | LossReason> {
    const url = this.url.reveal()
    const message = { method: 'POST', url, headers: ALERT_HEADERS, body } as const
    return await sendWithRetries(message, this.#parts, this.#stop, (reason, isLast) => {
      this.#report.tryFailed(this.form.channel)
      if (!isLast) return
      // Of the address only the host: the rest is a secret.
      const fields = { channel: this.form.channel, host: new URL(url).host, reason }
      this.#report.warn('an alert could not be delivered, and is given up', fields)
    })
  }
}
