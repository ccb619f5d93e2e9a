/** Warns of alert settings by which nothing will be sent, and says why. Never an error: calls go on. */
import { ALERT_NAMES_NOT_IN_FORCE, isAlertChannel, isAlertType, isWebhookUrl } from './alert-types.ts'
import { type KeyPath, nodeAt } from './located.ts'
import { alertingArgsSchema } from './schema/alerting.ts'
import type { GeneralSettings } from './schema/general-settings.ts'
import type { SectionReader } from './section-reader.ts'
import { shapeOf } from './setting.ts'

const SECTION = 'general_settings'

export function warnOfAlerting(reader: SectionReader, general: GeneralSettings): void {
  for (const [index, name] of general.alerting.entries()) {
    if (!isAlertChannel(name)) warnOfName(reader, [SECTION, 'alerting', index], name)
  }
  for (const [index, name] of (general.alert_types ?? []).entries()) {
    if (!isAlertType(name)) warnOfName(reader, [SECTION, 'alert_types', index], name)
  }
  for (const key of ['alert_to_webhook_url', 'alert_type_config'] as const) {
    for (const name of Object.keys(general[key])) {
      if (!isAlertType(name)) warnOfName(reader, [SECTION, key, name], name)
    }
  }
  warnOfArguments(reader)
  warnOfAddresses(reader, general)
}

function warnOfName(reader: SectionReader, path: KeyPath, name: string): void {
  const isKnown = ALERT_NAMES_NOT_IN_FORCE.has(name)
  reader.report(
    'warning',
    isKnown ? 'not_in_force' : 'unknown_key',
    path,
    isKnown
      ? `the alerts ${reader.quote(path, name)} are accepted, but not in force yet`
      : `the alerts ${reader.quote(path, name)} are not known, and are ignored`,
  )
}

function warnOfArguments(reader: SectionReader): void {
  const path = [SECTION, 'alerting_args']
  const node = nodeAt(reader.root, path)
  if (node?.kind === 'map')
    reader.warnOfKeys(path, node, { shape: shapeOf(alertingArgsSchema), notInForce: [] })
}

function warnOfAddresses(reader: SectionReader, general: GeneralSettings): void {
  for (const [type, urls] of Object.entries(general.alert_to_webhook_url)) {
    if (urls.some((url) => !isWebhookUrl(url.reveal())))
      warnOfAddress(reader, [SECTION, 'alert_to_webhook_url', type])
  }
  const hasOwnAddresses = Object.keys(general.alert_to_webhook_url).length > 0
  if (general.alerting.includes('slack') && !(general.slack_webhook_url === undefined && hasOwnAddresses)) {
    if (!isWebhookUrl(general.slack_webhook_url?.reveal() ?? ''))
      warnOfAddress(reader, [SECTION, 'slack_webhook_url'], 'SLACK_WEBHOOK_URL')
  }
  if (general.alerting.includes('webhook') && !isWebhookUrl(general.webhook_url?.reveal() ?? '')) {
    warnOfAddress(reader, [SECTION, 'webhook_url'], 'WEBHOOK_URL')
  }
}

/** The value itself may be a secret with a typing error: it is not shown. */
function warnOfAddress(reader: SectionReader, path: KeyPath, variable?: string): void {
  reader.report('warning', 'environment', path, 'alerts cannot be sent: there is no URL to send them to', {
    expected: 'a URL that starts with "https://" or "http://"',
    found: 'none',
    hint: variable === undefined ? undefined : `set ${variable}`,
  })
}
