/** The face of alerts: what the rest of Sluice tells, and never waits for. */
import type { AlertChannel, AlertType } from '../config/alert-types.ts'
import type { Secret } from '../config/secret.ts'
import type { CallEnd, CallerFacts, CallStart } from '../record/call-record.ts'
import type { Scope } from '../record/scope.ts'

export interface Alerts {
  /**
   * Told after each settlement, when the cost stands in `spent` of each scope. Costs next to nothing for scopes
   * without a budget; never throws.
   * @param caller is whose facts an alert about the caller's own scopes shows.
   */
  spent(scopes: readonly Scope[], caller?: CallerFacts): void
  /** Told once a call, when it is settled. Never throws. */
  callSettled(start: CallStart, end: CallEnd): void
  /**
   * Sends an alert that says it is a test, to every address of a channel.
   * @throws GatewayError when the channel is not configured, or an address did not take it: says which host, and why.
   */
  test(channel: AlertChannel): Promise<void>
  /** Takes up a changed configuration. */
  configure(settings: AlertSettings): void
  /** Sends what is waiting, as far as a few seconds allow. */
  close(): Promise<void>
}

export interface AlertSettings {
  /** Channels that `general_settings.alerting` names. */
  readonly channels: ReadonlySet<AlertChannel>
  /** Where Slack messages go whose type has no address of its own. */
  readonly slackUrl: Secret | undefined
  readonly slackUrlsByType: ReadonlyMap<AlertType, readonly Secret[]>
  readonly webhookUrl: Secret | undefined
  readonly types: ReadonlySet<AlertType>
  /** A call that takes longer is slow, or hanging as long as it has not ended. */
  readonly slowAfterMs: number
  readonly outageWindowMs: number
  /** Failures of a deployment within the window. */
  readonly minorOutageFailures: number
  readonly majorOutageFailures: number
  /** Alerts of a type about the same subject are sent once in this time, with their count. */
  readonly intervalMsByType: ReadonlyMap<AlertType, number>
  readonly dailyReportIntervalMs: number
  readonly spendReportIntervalMs: number
  /** Alerts are log lines too. */
  readonly logAlerts: boolean
}
