/** Scopes and settings for tests of alerts. */
import type { AlertSettings } from '../../src/alerts/alerts.ts'
import { ALERT_TYPES } from '../../src/config/alert-types.ts'
import { parseDollars, ZERO } from '../../src/money/picodollars.ts'
import type { Scope } from '../../src/record/scope.ts'

/** A key with a budget of 10 dollars. */
export function scopeOf(changes: Partial<Scope> = {}): Scope {
  return {
    kind: 'key',
    id: 'a'.repeat(64),
    label: 'app (sk-...abcd)',
    requestsPerMinute: undefined,
    tokensPerMinute: undefined,
    parallelRequests: undefined,
    maxBudget: parseDollars(10),
    softBudget: undefined,
    budgetWindow: 'w1',
    resetsAtMs: undefined,
    spent: ZERO,
    ...changes,
  }
}

export function settingsOf(changes: Partial<AlertSettings> = {}): AlertSettings {
  return {
    channels: new Set(['slack', 'webhook']),
    slackUrl: undefined,
    slackUrlsByType: new Map(),
    webhookUrl: undefined,
    types: new Set(ALERT_TYPES),
    slowAfterMs: 300_000,
    outageWindowMs: 60_000,
    minorOutageFailures: 5,
    majorOutageFailures: 10,
    intervalMsByType: new Map(),
    dailyReportIntervalMs: 43_200_000,
    spendReportIntervalMs: 604_800_000,
    logAlerts: false,
    ...changes,
  }
}
