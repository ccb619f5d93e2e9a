/** Which addresses an alert goes to, and their deliveries, which outlive a change of the configuration. */
import { hostname } from 'node:os'
import type { AlertChannel } from '../config/alert-types.ts'
import type { Secret } from '../config/secret.ts'
import type { Alert } from './alert.ts'
import type { AlertSettings } from './alerts.ts'
import type { SendParts } from '../telemetry/export/send-with-retries.ts'
import { Delivery, type DeliveryReport, type MessageForm } from './delivery.ts'
import { slackBody } from './slack-text.ts'

const FORMS: Readonly<Record<AlertChannel, MessageForm>> = {
  slack: {
    channel: 'slack',
    mostAlerts: 20,
    gatherMs: 1_000,
    body: (alerts) => slackBody(alerts, hostname()),
  },
  webhook: {
    channel: 'webhook',
    mostAlerts: 1,
    gatherMs: 0,
    body: (alerts) => JSON.stringify(alerts[0]?.event),
  },
}

/** Time that a removed address gets for what it still has. */
const FAREWELL_MS = 10_000

export class Channels {
  readonly #parts: SendParts
  readonly #report: DeliveryReport
  /** By channel and address. */
  #deliveries = new Map<string, Delivery>()
  #settings: AlertSettings

  constructor(settings: AlertSettings, parts: SendParts, report: DeliveryReport) {
    this.#report = report
    this.#settings = settings
    this.#parts = parts
  }

  /** True when there is anybody to tell. */
  get hasAddress(): boolean {
    const { channels, slackUrl, slackUrlsByType, webhookUrl } = this.#settings
    return (
      (channels.has('slack') && (slackUrl !== undefined || slackUrlsByType.size > 0)) ||
      (channels.has('webhook') && webhookUrl !== undefined)
    )
  }

  get queued(): number {
    let queued = 0
    for (const delivery of this.#deliveries.values()) queued += delivery.queued
    return queued
  }

  configure(settings: AlertSettings): void {
    this.#settings = settings
    for (const [key, delivery] of this.#deliveries) {
      if (this.#isWanted(delivery)) continue
      this.#deliveries.delete(key)
      void delivery.close(FAREWELL_MS)
    }
  }

  send(alert: Alert): void {
    const { channels, webhookUrl, types } = this.#settings
    if (!types.has(alert.type)) return
    // Who bills by the webhook wants each call of a customer; people do not.
    const isForPeople = alert.event?.event !== 'spend_tracked'
    if (channels.has('slack') && isForPeople) {
      for (const url of this.#slackUrls(alert)) this.#delivery('slack', url).add(alert)
    }
    if (channels.has('webhook') && webhookUrl !== undefined && alert.event !== undefined) {
      this.#delivery('webhook', webhookUrl).add(alert)
    }
  }

  addresses(channel: AlertChannel): readonly Secret[] {
    const { channels, slackUrl, slackUrlsByType, webhookUrl } = this.#settings
    if (!channels.has(channel)) return []
    if (channel === 'webhook') return webhookUrl === undefined ? [] : [webhookUrl]
    const all = [...(slackUrl === undefined ? [] : [slackUrl]), ...slackUrlsByType.values()].flat()
    return [...new Map(all.map((url) => [url.reveal(), url])).values()]
  }

  /** The body of a message with one alert. */
  bodyOf(channel: AlertChannel, alert: Alert): string {
    return FORMS[channel].body([alert])
  }

  async close(timeoutMs: number): Promise<void> {
    await Promise.all([...this.#deliveries.values()].map((delivery) => delivery.close(timeoutMs)))
  }

  #slackUrls(alert: Alert): readonly Secret[] {
    const { slackUrl, slackUrlsByType } = this.#settings
    return slackUrlsByType.get(alert.type) ?? (slackUrl === undefined ? [] : [slackUrl])
  }

  #delivery(channel: AlertChannel, url: Secret): Delivery {
    const key = `${channel} ${url.reveal()}`
    const known = this.#deliveries.get(key)
    if (known !== undefined) return known
    const delivery = new Delivery(url, FORMS[channel], this.#parts, this.#report)
    this.#deliveries.set(key, delivery)
    return delivery
  }

  #isWanted(delivery: Delivery): boolean {
    return this.addresses(delivery.form.channel).some((url) => url.reveal() === delivery.url.reveal())
  }
}
