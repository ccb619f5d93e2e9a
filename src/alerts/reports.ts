/** Reports of spend and failures over whole days, sent once over all processes. */
import { picodollars, toDecimal } from '../money/picodollars.ts'
import { insertAlertClaims } from '../storage/queries/alert-claims.ts'
import type { Database } from '../storage/database.ts'
import {
  spendByModel,
  spendByTeam,
  type ReportDays,
  type ReportRow,
} from '../storage/queries/spend-report.ts'
import type { Alert } from './alert.ts'
import type { AlertSettings } from './alerts.ts'
import { claimName } from './claims.ts'

const DAY_MS = 86_400_000
/** 5 January 1970: weeks are counted from here. */
const A_MONDAY_MS = 4 * DAY_MS
const SHOWN = 5

type ReportType = 'daily_reports' | 'spend_reports'

export class Reports {
  readonly #database: Database
  readonly #send: (alert: Alert) => void
  /** Periods that are known to be reported, by type. */
  readonly #done = new Map<ReportType, number>()

  constructor(database: Database, send: (alert: Alert) => void) {
    this.#database = database
    this.#send = send
  }

  /** Sends the reports of periods that have ended and were not reported. @throws when the database does not answer. */
  async sendDue(settings: AlertSettings, nowMs: number): Promise<void> {
    if (settings.types.has('daily_reports'))
      await this.#sendIfDue('daily_reports', settings.dailyReportIntervalMs, nowMs)
    if (settings.types.has('spend_reports'))
      await this.#sendIfDue('spend_reports', settings.spendReportIntervalMs, nowMs)
  }

  /** The roll-up knows whole UTC days: a shorter interval is a day. */
  async #sendIfDue(type: ReportType, intervalMs: number, nowMs: number): Promise<void> {
    const lengthMs = Math.max(1, Math.round(intervalMs / DAY_MS)) * DAY_MS
    const endMs = Math.floor((nowMs - A_MONDAY_MS) / lengthMs) * lengthMs + A_MONDAY_MS
    if (this.#done.get(type) === endMs) return
    const days = { from: dayOf(endMs - lengthMs), to: dayOf(endMs) }
    const report = await this.#report(type, days, nowMs)
    const claim = claimName('report', type, days.from, days.to)
    const won = await insertAlertClaims(this.#database.sql, [{ claim, expiresAtMs: endMs + 2 * lengthMs }])
    this.#done.set(type, endMs)
    if (report !== undefined && won.has(claim)) this.#send(report)
  }

  /** Undefined when there were no calls. */
  async #report(type: ReportType, days: ReportDays, nowMs: number): Promise<Alert | undefined> {
    const models = await spendByModel(this.#database.sql, days)
    if (models.length === 0) return undefined
    const facts =
      type === 'daily_reports'
        ? dailyFacts(models)
        : [
            ...dearest('Model', models),
            ...dearest('Team', await spendByTeam(this.#database.sql, days, SHOWN)),
          ]
    const until = dayOf(Date.parse(days.to) - DAY_MS)
    return {
      type,
      level: 'low',
      atMs: nowMs,
      title: days.from === until ? `Report of ${days.from}` : `Report of ${days.from} to ${until}`,
      facts: [total(models), ...facts],
    }
  }
}

function dayOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10)
}

function total(models: readonly ReportRow[]): readonly [string, string] {
  let spend = 0n
  let requests = 0n
  let failures = 0n
  for (const row of models) {
    spend += row.picodollars
    requests += row.requests
    failures += row.failures
  }
  return ['All', `${requests} calls, ${failures} failed, ${dollars(spend)}`]
}

function dailyFacts(models: readonly ReportRow[]): readonly (readonly [string, string])[] {
  const failing = models
    .filter(({ failures }) => failures > 0n)
    .toSorted((a, b) => Number(b.failures - a.failures))
    .slice(0, SHOWN)
    .map((row) => [`Failed most, ${row.name}`, `${row.failures} of ${row.requests} calls`] as const)
  return [...failing, ...dearest('Model', models)]
}

function dearest(noun: string, rows: readonly ReportRow[]): readonly (readonly [string, string])[] {
  return rows
    .filter((row) => row.picodollars > 0n)
    .slice(0, SHOWN)
    .map(
      (row) =>
        [`${noun} ${row.name || '(none)'}`, `${dollars(row.picodollars)}, ${row.requests} calls`] as const,
    )
}

/** For people: a hundredth of a cent is near enough. */
function dollars(amount: bigint): string {
  return `${toDecimal(picodollars((amount / 100_000_000n) * 100_000_000n))} USD`
}
