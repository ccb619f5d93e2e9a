/** What the configuration says of alerts. */
import type { AlertSettings } from '../alerts/alerts.ts'
import {
  ALERT_TYPES,
  isAlertChannel,
  isAlertType,
  isWebhookUrl,
  type AlertType,
} from '../config/alert-types.ts'
import type { Config } from '../config/config.ts'
import { alertingArgsSchema } from '../config/schema/alerting.ts'
import type { Secret } from '../config/secret.ts'

/** Names and addresses that cannot be used are left out: the configuration has warned of them. */
export function alertSettings(config: Config): AlertSettings {
  const general = config.general_settings
  const details = general.alerting_args ?? alertingArgsSchema.parse({})
  return {
    channels: new Set(general.alerting.filter(isAlertChannel)),
    slackUrl: usable(general.slack_webhook_url),
    slackUrlsByType: slackUrlsByType(general.alert_to_webhook_url),
    webhookUrl: usable(general.webhook_url),
    types: new Set(general.alert_types?.filter(isAlertType) ?? ALERT_TYPES),
    slowAfterMs: general.alerting_threshold * 1000,
    outageWindowMs: details.outage_alert_ttl * 1000,
    minorOutageFailures: details.minor_outage_alert_threshold,
    majorOutageFailures: details.major_outage_alert_threshold,
    intervalMsByType: new Map(
      Object.entries(general.alert_type_config).flatMap(([type, { digest, digest_interval }]) =>
        digest && isAlertType(type) ? [[type, digest_interval * 1000] as const] : [],
      ),
    ),
    dailyReportIntervalMs: details.daily_report_frequency * 1000,
    spendReportIntervalMs: general.spend_report_frequency * 1000,
    logAlerts: details.log_to_console,
  }
}

function usable(url: Secret | undefined): Secret | undefined {
  return url !== undefined && isWebhookUrl(url.reveal()) ? url : undefined
}

function slackUrlsByType(
  urlsByName: Config['general_settings']['alert_to_webhook_url'],
): ReadonlyMap<AlertType, readonly Secret[]> {
  const byType = new Map<AlertType, readonly Secret[]>()
  for (const [name, urls] of Object.entries(urlsByName)) {
    const fit = urls.filter((url) => usable(url) !== undefined)
    if (isAlertType(name) && fit.length > 0) byType.set(name, fit)
  }
  return byType
}
