/** Opens the alerts of a gateway: what they watch, and the metrics that count them. */
import { createAlerts, type AlertCounts, type OpenAlerts } from '../alerts/create-alerts.ts'
import type { Config } from '../config/config.ts'
import { nowMs } from '../record/clock.ts'
import type { OpenLedger } from '../spend/open-ledger.ts'
import type { Database } from '../storage/database.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { OPERATION_COUNTERS, OPERATION_GAUGES } from '../telemetry/metrics/operations.ts'
import { alertSettings } from './alert-settings.ts'

export interface WatchedParts {
  readonly database: Database
  readonly ledger: OpenLedger
  readonly telemetry: Telemetry
}

export function openAlerts(config: Config, { database, ledger, telemetry }: WatchedParts): OpenAlerts {
  const alerts = createAlerts({
    database,
    ledger,
    settings: alertSettings(config),
    log: telemetry.log,
    counts: countsOf(telemetry),
    clock: nowMs,
  })
  telemetry.gauge(OPERATION_GAUGES.alertsQueued, () => alerts.queued)
  telemetry.onCallSettled(alerts)
  return alerts
}

function countsOf(telemetry: Telemetry): AlertCounts {
  const sent = telemetry.counter(OPERATION_COUNTERS.alertsSent)
  const failures = telemetry.counter(OPERATION_COUNTERS.alertDeliveryFailures)
  const dropped = telemetry.counter(OPERATION_COUNTERS.alertsDropped)
  return {
    sent: (channel, alert) => sent.series([channel, alert.type]).add(1),
    tryFailed: (channel) => failures.series([channel]).add(1),
    dropped: (channel, reason, alerts) => dropped.series([channel, reason]).add(alerts),
  }
}
