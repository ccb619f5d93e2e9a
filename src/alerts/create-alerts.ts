/** Puts the parts of alerts together: what watches, what claims, and what sends. */
import { setTimeout as delay } from 'node:timers/promises'
import type { AlertChannel } from '../config/alert-types.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { CallEnd, CallerFacts, CallStart } from '../record/call-record.ts'
import type { Scope } from '../record/scope.ts'
import { ZERO } from '../money/picodollars.ts'
import type { Database } from '../storage/database.ts'
import { ReceiverConnections } from '../telemetry/export/receiver-connections.ts'
import { sendRequest } from '../telemetry/export/send-request.ts'
import { waitUnlessAborted, type SendParts } from '../telemetry/export/send-with-retries.ts'
import type { Logger } from '../telemetry/logs/logger.ts'
import type { Alert } from './alert.ts'
import type { Alerts, AlertSettings } from './alerts.ts'
import { spendTracked } from './budget-alert.ts'
import { BudgetAlerts } from './budget-alerts.ts'
import { CallWatch } from './call-watch.ts'
import { Channels } from './channels.ts'
import { Claims } from './claims.ts'
import { ALERT_HEADERS, type DeliveryReport, type DropReason } from './delivery.ts'
import { Reports } from './reports.ts'
import { SystemWatch, type LedgerLosses } from './system-watch.ts'
import { Throttle } from './throttle.ts'

/** What alerts need of the ledger. */
export interface WatchedLedger {
  readonly stats: LedgerLosses
  openCalls(): Iterable<CallStart>
}

/** Told what became of alerts, for metrics. */
export interface AlertCounts {
  sent(channel: AlertChannel, alert: Alert): void
  tryFailed(channel: AlertChannel): void
  dropped(channel: AlertChannel | 'any', reason: DropReason, alerts: number): void
}

export interface AlertsOptions {
  readonly database: Database
  readonly ledger: WatchedLedger
  readonly settings: AlertSettings
  readonly log: Pick<Logger, 'info' | 'warn'>
  readonly counts: AlertCounts
  /** Epoch milliseconds, on the clock of the call records. */
  readonly clock: () => number
  readonly wait?: SendParts['wait']
}

export interface OpenAlerts extends Alerts {
  /** Alerts that are not delivered yet. */
  readonly queued: number
  /** Looks at everything that time alone brings about; done by itself every two seconds. */
  sweep(): Promise<void>
}

const SWEEP_MS = 2_000
/** Calls under way, reports and expired claims are looked at once in so many sweeps. */
const SWEEPS_PER_ROUND = 5
/** A stop has its own bound: what is not delivered by then is dropped. */
const CLOSE_MS = 700
const TEST_TIMEOUT_MS = 10_000

export function createAlerts(options: AlertsOptions): OpenAlerts {
  return new WatchingAlerts(options)
}

class WatchingAlerts implements OpenAlerts {
  readonly #options: AlertsOptions
  readonly #connections = new ReceiverConnections(4)
  readonly #claims: Claims
  readonly #channels: Channels
  readonly #budgets: BudgetAlerts
  readonly #throttle: Throttle
  readonly #calls: CallWatch
  readonly #system: SystemWatch
  readonly #reports: Reports
  readonly #timer: NodeJS.Timeout
  #settings: AlertSettings
  /** False while there is nobody to tell: then nothing is watched. */
  #active = false
  #watchesBudgets = false
  #sweeps = 0
  #sweeping: Promise<void> | undefined

  constructor(options: AlertsOptions) {
    const { database, ledger, settings, clock, counts } = options
    const send = (alert: Alert): void => this.#send(alert)
    this.#options = options
    this.#settings = settings
    this.#claims = new Claims(database)
    const parts = { connections: this.#connections, clock, wait: options.wait ?? waitUnlessAborted }
    this.#channels = new Channels(settings, parts, reportTo(options))
    this.#choose()
    this.#budgets = new BudgetAlerts(this.#claims, send, clock, () => counts.dropped('any', 'queue_full', 1))
    this.#throttle = new Throttle(send)
    this.#calls = new CallWatch(settings, this.#throttle, send)
    this.#system = new SystemWatch(database, () => ledger.stats, send)
    this.#reports = new Reports(database, send)
    this.#timer = setInterval(() => void this.sweep(), SWEEP_MS)
    this.#timer.unref()
  }

  get queued(): number {
    return this.#channels.queued
  }

  spent(scopes: readonly Scope[], caller?: CallerFacts): void {
    if (this.#watchesBudgets) this.#budgets.spent(scopes, caller)
  }

  callSettled(start: CallStart, end: CallEnd): void {
    if (!this.#active) return
    this.#calls.callSettled(start, end)
    if (start.endUser !== undefined && end.cost !== ZERO && this.#settings.webhookUrl !== undefined) {
      this.#send(spendTracked(start.endUser, end.cost, start.caller, end.endedAtMs))
    }
  }

  configure(settings: AlertSettings): void {
    this.#settings = settings
    this.#channels.configure(settings)
    this.#calls.configure(settings)
    this.#choose()
  }

  #choose(): void {
    this.#active = this.#channels.hasAddress
    this.#watchesBudgets = this.#active && this.#settings.types.has('budget_alerts')
  }

  async test(channel: AlertChannel): Promise<void> {
    const urls = this.#channels.addresses(channel)
    if (urls.length === 0) throw notConfigured(channel)
    const body = this.#channels.bodyOf(channel, testAlert(this.#options.clock()))
    for (const url of urls) {
      const signal = AbortSignal.timeout(TEST_TIMEOUT_MS)
      const message = { method: 'POST', url: url.reveal(), headers: ALERT_HEADERS, body } as const
      const result = await sendRequest(this.#connections, message, signal, this.#options.clock)
      if (result.kind === 'failed')
        throw new GatewayError(
          'provider_bad_answer',
          `${new URL(url.reveal()).host} did not take the test: ${result.reason}`,
        )
    }
  }

  async sweep(): Promise<void> {
    if (!this.#active) return
    this.#sweeping ??= this.#sweepOnce().finally(() => {
      this.#sweeping = undefined
    })
    await this.#sweeping
  }

  async #sweepOnce(): Promise<void> {
    const nowMs = this.#options.clock()
    this.#budgets.sweep()
    this.#system.look(nowMs)
    this.#throttle.sweep(nowMs)
    if (this.#sweeps++ % SWEEPS_PER_ROUND !== 0) return
    this.#calls.sweep(nowMs)
    this.#calls.lookAtOpenCalls(this.#options.ledger.openCalls(), nowMs)
    await this.#claims.maintain(nowMs)
    if (!this.#settings.channels.has('slack')) return
    // A database that does not answer is told of above; the next round tries again.
    await this.#reports.sendDue(this.#settings, nowMs).catch(() => undefined)
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    // A database that hangs must not hold up the end of the process.
    await Promise.race([
      Promise.all([this.#sweeping, this.#budgets.settled()]),
      delay(CLOSE_MS, undefined, { ref: false }),
    ])
    await this.#channels.close(CLOSE_MS)
    await this.#connections.destroy()
  }

  #send(alert: Alert): void {
    if (this.#settings.logAlerts && this.#settings.types.has(alert.type)) {
      this.#options.log.info(alert.title, { alert_type: alert.type, alert: Object.fromEntries(alert.facts) })
    }
    this.#channels.send(alert)
  }
}

function reportTo({ counts, log }: AlertsOptions): DeliveryReport {
  return {
    delivered: (channel, alerts) => {
      for (const alert of alerts) counts.sent(channel, alert)
    },
    tryFailed: (channel) => counts.tryFailed(channel),
    dropped: (channel, reason, alerts) => counts.dropped(channel, reason, alerts),
    warn: (message, fields) => log.warn(message, fields),
  }
}

function notConfigured(channel: AlertChannel): GatewayError {
  return new GatewayError(
    'bad_request',
    `service: alerts to ${channel} are not configured. Name it in general_settings.alerting, and set ` +
      `${channel === 'slack' ? 'SLACK_WEBHOOK_URL' : 'WEBHOOK_URL'}.`,
    { param: 'service' },
  )
}

/** Looks like a crossed budget, and says that it is none. */
function testAlert(atMs: number): Alert {
  const title = 'A test: Sluice can send alerts here'
  return {
    type: 'budget_alerts',
    level: 'low',
    atMs,
    title,
    facts: [],
    event: {
      spend: 1,
      max_budget: 0,
      soft_budget: null,
      token: null,
      customer_id: null,
      user_id: 'default_user_id',
      team_id: null,
      team_alias: null,
      organization_id: null,
      user_email: null,
      key_alias: null,
      projected_exceeded_date: null,
      projected_spend: null,
      event: 'budget_crossed',
      event_group: 'internal_user',
      entity_type: 'user',
      entity_id: 'default_user_id',
      event_message: title,
    },
  }
}
