/** `GET /spend/logs`: calls by id, key or user; or, for a range of days, what was spent on each. */
import { z } from 'zod'
import { picodollars, toDollars, ZERO, type Picodollars } from '../../money/picodollars.ts'
import { findCalls, type CallLogFilter, type CallLogPosition } from '../../storage/queries/call-log.ts'
import { findDailySpend, type DailySpendRow } from '../../storage/queries/daily-spend.ts'
import { mapInTurns } from '../in-turns.ts'
import { parseInput, queryBoolean, type ManagementRequest, type ManagementRoute } from '../route.ts'
import { dayOf, daysBetween, endMs, queryTime, type QueryTime } from './query-times.ts'
import { spendLogRow } from './spend-log-row.ts'
import { withoutEmpty, type SpendServices } from './spend-services.ts'
import { visibleSpend, type SpendOwner } from './visible-spend.ts'
import { wholeCall } from './whole-call.ts'

/** Rows of one answer; `/spend/logs/v2` has pages for more. */
const MAX_ROWS = 1000
/** Rows that are read at once; a whole number of them makes an answer. */
const PAGE_ROWS = 100
const MAX_DAYS = 3660
const LATEST_FIRST = { offset: 0, sort: 'startTime', descending: true } as const

const logsQuery = z
  .object({
    api_key: z.string().optional(),
    user_id: z.string().optional(),
    request_id: z.string().optional(),
    start_date: queryTime.optional(),
    end_date: queryTime.optional(),
    summarize: queryBoolean.default(true),
  })
  .refine((query) => (query.start_date === undefined) === (query.end_date === undefined), {
    message: 'expected start_date and end_date together',
    path: ['start_date'],
  })
  .refine(({ start_date: start, end_date: end }) => rangeMs(start, end) <= MAX_DAYS * 86_400_000, {
    message: `expected a range of at most ${MAX_DAYS} days`,
    path: ['end_date'],
  })

function rangeMs(start: QueryTime | undefined, end: QueryTime | undefined): number {
  return start === undefined || end === undefined ? 0 : end.atMs - start.atMs
}

export function spendLogsRoute(services: SpendServices): ManagementRoute {
  return { method: 'GET', path: '/spend/logs', handle: async (request) => await spendLogs(services, request) }
}

async function spendLogs(services: SpendServices, { principal, query: raw }: ManagementRequest) {
  const query = parseInput(logsQuery, withoutEmpty(raw))
  const owner = visibleSpend(principal, { userId: query.user_id, keyHash: query.api_key })
  const { start_date: start, end_date: end } = query
  if (start !== undefined && end !== undefined && query.summarize && query.request_id === undefined) {
    return await spendByDay(services, owner, dayOf(start.atMs), dayOf(end.atMs))
  }
  const filter = {
    ...owner,
    callId: query.request_id,
    fromMs: start?.atMs,
    toMs: end === undefined ? undefined : endMs(end),
  }
  if (query.request_id === undefined) return await latestCalls(services, filter)
  // Who asks for one call wants all of it; a list would be megabytes.
  const rows = await findCalls(services.database.sql, filter, { ...LATEST_FIRST, limit: MAX_ROWS })
  return await Promise.all(rows.map(async (row) => await wholeCall(services.database.sql, row)))
}

/** Read in pages: a thousand rows in one piece would hold up the calls of that moment. */
async function latestCalls({ database }: SpendServices, filter: CallLogFilter) {
  const logs: ReturnType<typeof spendLogRow>[] = []
  let after: CallLogPosition | undefined
  while (logs.length < MAX_ROWS) {
    const rows = await findCalls(database.sql, filter, { ...LATEST_FIRST, limit: PAGE_ROWS, after })
    logs.push(...(await mapInTurns(rows, spendLogRow)))
    const last = rows.at(-1)
    if (last === undefined || rows.length < PAGE_ROWS) break
    after = { startedMicros: last.started_micros, callId: last.call_id }
  }
  return logs
}

interface Day {
  total: Picodollars
  readonly keys: Map<string, Picodollars>
  readonly users: Map<string, Picodollars>
  readonly models: Map<string, Picodollars>
}

/** A day without calls is there too, with nothing spent. */
async function spendByDay(services: SpendServices, owner: SpendOwner, fromDay: string, toDay: string) {
  const rows = await findDailySpend(services.database.sql, { ...owner, fromDay, toDay })
  const days = new Map(daysBetween(fromDay, toDay).map((day) => [day, emptyDay()]))
  for (const row of rows) addRow(days.get(row.day), row)
  return [...days].map(([day, { total, keys, users, models }]) => ({
    ...dollarsByName(keys),
    startTime: day,
    spend: toDollars(total),
    users: dollarsByName(users),
    models: dollarsByName(models),
  }))
}

function emptyDay(): Day {
  return { total: ZERO, keys: new Map(), users: new Map(), models: new Map() }
}

function addRow(day: Day | undefined, row: DailySpendRow): void {
  if (day === undefined) return
  const amount = picodollars(row.picodollars)
  day.total = picodollars(day.total + amount)
  addTo(day.keys, row.key_hash, amount)
  addTo(day.users, row.user_id, amount)
  addTo(day.models, row.model, amount)
}

function addTo(sums: Map<string, Picodollars>, name: string, amount: Picodollars): void {
  sums.set(name, picodollars((sums.get(name) ?? ZERO) + amount))
}

function dollarsByName(sums: ReadonlyMap<string, Picodollars>): Record<string, number> {
  return Object.fromEntries([...sums].map(([name, amount]) => [name, toDollars(amount)]))
}
