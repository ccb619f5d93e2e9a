/** From the keys of a config file to what alerts work by. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import type { AlertSettings } from '../alerts/alerts.ts'
import { ALERT_TYPES } from '../config/alert-types.ts'
import { loadConfig } from '../config/load-config.ts'
import { alertSettings } from './alert-settings.ts'

const directory = mkdtempSync(join(tmpdir(), 'sluice-alerts-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

interface Loaded {
  readonly settings: AlertSettings
  readonly warnings: readonly string[]
}

function load(general: string, environment: Record<string, string> = {}): Loaded {
  const file = join(directory, 'config.yaml')
  writeFileSync(file, `general_settings:\n${general}`)
  const { config, warnings } = loadConfig(file, environment)
  return { settings: alertSettings(config), warnings: warnings.map(({ key, kind }) => `${kind} ${key}`) }
}

const SLACK = 'https://hooks.slack.example/services/T/B/x'

describe('alerts', () => {
  test('go where alerting and the environment say, all types of them', () => {
    const { settings, warnings } = load('  alerting: [slack, webhook]\n', {
      SLACK_WEBHOOK_URL: SLACK,
      ALERTING_WEBHOOK_URL: 'https://chat.example/ignored',
      WEBHOOK_URL: 'https://billing.example/hook',
    })
    expect(warnings).toEqual([])
    expect([...settings.channels]).toEqual(['slack', 'webhook'])
    expect(settings.slackUrl?.reveal()).toBe(SLACK)
    expect(settings.webhookUrl?.reveal()).toBe('https://billing.example/hook')
    expect([...settings.types]).toEqual([...ALERT_TYPES])
    expect(settings).toMatchObject({
      slowAfterMs: 300_000,
      outageWindowMs: 60_000,
      minorOutageFailures: 5,
      majorOutageFailures: 10,
      dailyReportIntervalMs: 43_200_000,
      spendReportIntervalMs: 604_800_000,
      logAlerts: false,
    })
  })

  test('for Slack fall back to the address of another chat', () => {
    const { settings } = load('  alerting: slack\n', { ALERTING_WEBHOOK_URL: 'https://chat.example/hook' })
    expect(settings.slackUrl?.reveal()).toBe('https://chat.example/hook')
  })

  test('take addresses by type, single, as a list and from the environment', () => {
    const { settings, warnings } = load(
      `  alerting: [slack]
  alert_to_webhook_url:
    budget_alerts: os.environ/BUDGETS
    outage_alerts: [${SLACK}, os.environ/BUDGETS]
`,
      { BUDGETS: 'https://hooks.slack.example/budgets' },
    )
    expect(warnings).toEqual([])
    const byType = [...settings.slackUrlsByType].map(([type, urls]) => [
      type,
      urls.map((url) => url.reveal()),
    ])
    expect(byType).toEqual([
      ['budget_alerts', ['https://hooks.slack.example/budgets']],
      ['outage_alerts', [SLACK, 'https://hooks.slack.example/budgets']],
    ])
  })

  test('take their details from the file', () => {
    const { settings, warnings } = load(
      `  alerting: [slack]
  alert_types: [budget_alerts, llm_too_slow]
  alerting_threshold: 0.5
  spend_report_frequency: 2d
  alert_type_config: { llm_too_slow: { digest: true, digest_interval: 3600 }, outage_alerts: { digest: false } }
  alerting_args: { minor_outage_alert_threshold: 2, outage_alert_ttl: 30, log_to_console: true }
`,
      { SLACK_WEBHOOK_URL: SLACK },
    )
    expect(warnings).toEqual([])
    expect([...settings.types]).toEqual(['budget_alerts', 'llm_too_slow'])
    expect([...settings.intervalMsByType]).toEqual([['llm_too_slow', 3_600_000]])
    expect(settings).toMatchObject({
      slowAfterMs: 500,
      spendReportIntervalMs: 172_800_000,
      minorOutageFailures: 2,
      majorOutageFailures: 10,
      outageWindowMs: 30_000,
      logAlerts: true,
    })
  })

  test('that will not be sent are warnings that say which, and no start fails for them', () => {
    const { settings, warnings } = load(
      `  alerting: [slack, webhook, email, carrier_pigeon]
  alert_types: [budget_alerts, cooldown_deployment, budget_alarm]
  alert_to_webhook_url: { budget_alerts: example-slack-webhook-url }
  alerting_args: { budget_alert_ttl: 60, daily_report: 5 }
`,
      { SLACK_WEBHOOK_URL: 'secret-but-no-url' },
    )
    expect(warnings.toSorted()).toEqual([
      'environment general_settings.alert_to_webhook_url.budget_alerts',
      'environment general_settings.slack_webhook_url',
      'environment general_settings.webhook_url',
      'not_in_force general_settings.alert_types[1]',
      'not_in_force general_settings.alerting[2]',
      'not_in_force general_settings.alerting_args.budget_alert_ttl',
      'unknown_key general_settings.alert_types[2]',
      'unknown_key general_settings.alerting[3]',
      'unknown_key general_settings.alerting_args.daily_report',
    ])
    expect(settings.slackUrl).toBeUndefined()
    expect(settings.slackUrlsByType.size).toBe(0)
  })

  test('are off when nothing says, whatever the environment holds', () => {
    const { settings, warnings } = load('  max_request_size_mb: 1\n', { WEBHOOK_URL: 'not even a URL' })
    expect(warnings).toEqual([])
    expect(settings.channels.size).toBe(0)
  })
})
