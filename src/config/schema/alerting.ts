/** The keys of `general_settings` that are about alerts. */
import {
  accepted,
  decimal,
  duration,
  inForce,
  integer,
  mapOf,
  mapWith,
  secretText,
  secretTextList,
  textList,
  toggle,
} from '../setting.ts'

const seconds = 'a number of seconds'

export const alertingArgsSchema = mapWith({
  daily_report_frequency: inForce(
    decimal(seconds).default(43_200),
    'Seconds between daily reports, in whole days; less than a day is a day.',
  ),
  outage_alert_ttl: inForce(decimal(seconds).default(60), 'Seconds in which failures make an outage.'),
  minor_outage_alert_threshold: inForce(
    integer('a whole number from 1', 1).default(5),
    'Failures of a deployment within that time that are told as a minor outage.',
  ),
  major_outage_alert_threshold: inForce(
    integer('a whole number from 1', 1).default(10),
    'The same, as a major outage.',
  ),
  log_to_console: inForce(toggle().default(false), 'Write alerts to the log, too.'),
  budget_alert_ttl: accepted(
    decimal(seconds).default(86_400),
    'Not needed: an alert about a budget is sent once a window.',
  ),
  report_check_interval: accepted(decimal(seconds).default(3_600), 'Not needed.'),
  region_outage_alert_ttl: accepted(decimal(seconds).default(60), 'Outages of regions are not told.'),
  max_outage_alert_list_size: accepted(integer().default(1_000), 'Not needed.'),
})

const alertTypeConfigSchema = mapWith({
  digest: inForce(toggle().default(false), 'Gather the alerts of this type.'),
  digest_interval: inForce(decimal(seconds).default(86_400), 'Seconds for which they are gathered.'),
})

export const ALERTING_SHAPE = {
  alerting: inForce(textList().default([]), 'Where alerts go: `slack`, `webhook`.'),
  alert_types: inForce(textList().optional(), 'Types of alert that are sent; all of them when nothing says.'),
  alerting_threshold: inForce(
    decimal(seconds).default(300),
    'Seconds after which a call counts as slow, or as hanging.',
  ),
  slack_webhook_url: inForce(
    secretText().optional(),
    'Where alerts for `slack` go. Falls back to `SLACK_WEBHOOK_URL`, then to `ALERTING_WEBHOOK_URL`. A key of Sluice’s own.',
  ),
  webhook_url: inForce(
    secretText().optional(),
    'Where alerts for `webhook` go. Falls back to `WEBHOOK_URL`. A key of Sluice’s own.',
  ),
  alert_to_webhook_url: inForce(
    mapOf(secretTextList(), 'a map of alert types and URLs').default({}),
    'For types of alert, the Slack URL (or a list of them) where they go instead.',
  ),
  alert_type_config: inForce(
    mapOf(alertTypeConfigSchema, 'a map of alert types and maps').default({}),
    'For types of alert, `digest` and `digest_interval`: the first is sent at once, those that follow are counted.',
  ),
  alerting_args: inForce(alertingArgsSchema.optional(), 'Details of alerts.'),
  spend_report_frequency: inForce(
    duration().default(604_800),
    'Time between reports of spend, in whole days.',
  ),
}
