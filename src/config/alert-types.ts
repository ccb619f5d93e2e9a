/** The names by which operators choose alerts and where they go: those that can arise, and those that are known. */

/** Channels of `general_settings.alerting` that are there. */
export const ALERT_CHANNELS = ['slack', 'webhook'] as const
export type AlertChannel = (typeof ALERT_CHANNELS)[number]

/** Types of `general_settings.alert_types` that can arise. */
export const ALERT_TYPES = [
  'budget_alerts',
  'db_exceptions',
  'failed_tracking_spend',
  'llm_exceptions',
  'llm_too_slow',
  'llm_requests_hanging',
  'outage_alerts',
  'daily_reports',
  'spend_reports',
] as const
export type AlertType = (typeof ALERT_TYPES)[number]

/** Channels and types of LiteLLM that are known, and not there. */
export const ALERT_NAMES_NOT_IN_FORCE: ReadonlySet<string> = new Set(
  `email pagerduty ms_teams
   cooldown_deployment new_model_added region_outage_alerts fallback_reports
   new_virtual_key_created virtual_key_updated virtual_key_deleted new_team_created team_updated team_deleted
   new_internal_user_created internal_user_updated internal_user_deleted
   mcp_tool_description_blocked mcp_pinned_tools_changed`.split(/\s+/),
)

export function isAlertChannel(name: string): name is AlertChannel {
  return ALERT_CHANNELS.some((channel) => channel === name)
}

export function isAlertType(name: string): name is AlertType {
  return ALERT_TYPES.some((type) => type === name)
}

/** Whether alerts can be sent to this text. */
export function isWebhookUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol)
}
