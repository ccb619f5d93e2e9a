/**
 * Alerts as the text of a Slack message, which Mattermost and Rocket.Chat read too. Plain lines: nothing hangs on
 * links, colours or mark-up, and nothing that a user has named can mention people or forge a link.
 */
import type { Alert } from './alert.ts'

const LONGEST_VALUE = 500

const LEVEL_WORDS: Readonly<Record<Alert['level'], string>> = {
  low: 'Info',
  medium: 'Warning',
  high: 'ALERT',
}

/** @param source names the process that sends, for alerts that each process sends for itself. */
export function slackBody(alerts: readonly Alert[], source: string): string {
  const text = alerts.map((alert) => alertText(alert, source)).join('\n\n')
  return JSON.stringify({ text, unfurl_links: false, unfurl_media: false })
}

function alertText(alert: Alert, source: string): string {
  return [
    `${LEVEL_WORDS[alert.level]}: ${plain(alert.title)}`,
    ...alert.facts.map(([name, value]) => `${name}: ${plain(value)}`),
    `Time: ${new Date(alert.atMs).toISOString()} (${alert.type}, ${plain(source)})`,
  ].join('\n')
}

/**
 * Slack reads `&`, `<` and `>` as the ends of mentions and links (https://api.slack.com/reference/surfaces/formatting);
 * others read `@all`. A zero-width space keeps the latter readable and dead.
 */
function plain(value: string): string {
  return (
    value
      .slice(0, LONGEST_VALUE)
      // eslint-disable-next-line no-control-regex -- line feeds would forge further facts
      .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, ' ')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replace(/(^|[^\w])@(?=\w)/g, '$1@\u200b')
      .toWellFormed()
  )
}
