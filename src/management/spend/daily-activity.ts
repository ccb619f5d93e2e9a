/** `GET /user/daily/activity`: requests, tokens and spend by day, broken down by model, provider, endpoint and key. */
import { z } from 'zod'
import { picodollars, toDollars } from '../../money/picodollars.ts'
import {
  findDailySpend,
  findSpendDays,
  sumDailySpend,
  type DailySpendFilter,
  type DailySpendRow,
  type SpendSums,
} from '../../storage/queries/daily-spend.ts'
import { parseInput, queryInteger, type ManagementRequest, type ManagementRoute } from '../route.ts'
import { DAY_MS, dayOf, queryDay } from './query-times.ts'
import { cacheWriteTokensOf, completionTokensOf, promptTokensOf } from './spend-log-row.ts'
import { withoutEmpty, type SpendServices } from './spend-services.ts'
import { visibleSpend } from './visible-spend.ts'

const activityQuery = z.object({
  start_date: queryDay,
  end_date: queryDay,
  user_id: z.string().optional(),
  api_key: z.string().optional(),
  model: z.string().optional(),
  page: queryInteger(1, 1_000_000).default(1),
  page_size: queryInteger(1, 1000).default(50),
  timezone: z
    .string()
    .regex(/^-?\d{1,4}$/, 'expected minutes, as JavaScript counts them')
    .transform(Number)
    .optional(),
})

type ActivityQuery = z.output<typeof activityQuery>

export function dailyActivityRoute(services: SpendServices): ManagementRoute {
  return {
    method: 'GET',
    path: '/user/daily/activity',
    handle: async (request) => await dailyActivity(services, request),
  }
}

async function dailyActivity({ database }: SpendServices, { principal, query: raw }: ManagementRequest) {
  const query = parseInput(activityQuery, withoutEmpty(raw))
  const owner = visibleSpend(principal, { userId: query.user_id, keyHash: query.api_key })
  const filter: DailySpendFilter = { ...owner, ...rangeOf(query), model: query.model }
  const days = await findSpendDays(database.sql, filter)
  const shown = days.slice((query.page - 1) * query.page_size, query.page * query.page_size)
  const [newest, oldest] = [shown[0], shown.at(-1)]
  const rows =
    newest === undefined || oldest === undefined
      ? []
      : await findDailySpend(database.sql, { ...filter, fromDay: oldest, toDay: newest })
  const totalPages = Math.ceil(days.length / query.page_size)
  return {
    results: shown.map((day) => dayOnWire(day, rows)),
    metadata: {
      ...totalsOnWire(await sumDailySpend(database.sql, filter)),
      page: query.page,
      total_pages: totalPages,
      has_more: query.page < totalPages,
    },
  }
}

/** Days are UTC. For a client elsewhere the neighbouring day is added that its own days reach into. */
function rangeOf(query: ActivityQuery): { fromDay: string; toDay: string } {
  const offset = query.timezone ?? 0
  return {
    fromDay: offset < 0 ? dayOf(Date.parse(query.start_date) - DAY_MS) : query.start_date,
    toDay: offset > 0 ? dayOf(Date.parse(query.end_date) + DAY_MS) : query.end_date,
  }
}

function dayOnWire(day: string, rows: readonly DailySpendRow[]) {
  const ofDay = rows.filter((row) => row.day === day)
  return {
    date: day,
    metrics: metricsOf(ofDay),
    breakdown: {
      models: breakdown(ofDay, (row) => row.model),
      model_groups: breakdown(ofDay, (row) => row.model_group),
      providers: breakdown(ofDay, (row) => row.provider),
      endpoints: breakdown(ofDay, (row) => row.route),
      mcp_servers: {},
      entities: breakdown(ofDay, (row) => row.user_id),
      api_keys: keyBreakdown(ofDay),
    },
  }
}

/** Rows without a name (a call that reached no model, say) are in the day's metrics only. */
function breakdown(rows: readonly DailySpendRow[], nameOf: (row: DailySpendRow) => string) {
  const groups = Map.groupBy(rows, nameOf)
  groups.delete('')
  return Object.fromEntries(
    [...groups].map(([name, group]) => [
      name,
      { metrics: metricsOf(group), metadata: {}, api_key_breakdown: keyBreakdown(group) },
    ]),
  )
}

function keyBreakdown(rows: readonly DailySpendRow[]) {
  const groups = Map.groupBy(rows, (row) => row.key_hash)
  groups.delete('')
  return Object.fromEntries(
    [...groups].map(([hash, group]) => [
      hash,
      {
        metrics: metricsOf(group),
        metadata: {
          key_alias: group.find((row) => row.key_alias !== null)?.key_alias ?? null,
          team_id: group.find((row) => row.team_id !== '')?.team_id ?? null,
        },
      },
    ]),
  )
}

function metricsOf(rows: readonly SpendSums[]) {
  const metrics = {
    spend: 0,
    prompt_tokens: 0,
    completion_tokens: 0,
    cache_read_input_tokens: 0,
    cache_creation_input_tokens: 0,
    total_tokens: 0,
    successful_requests: 0,
    failed_requests: 0,
    api_requests: 0,
  }
  let amount = 0n
  for (const row of rows) {
    amount += row.picodollars
    metrics.prompt_tokens += promptTokensOf(row)
    metrics.completion_tokens += completionTokensOf(row)
    metrics.cache_read_input_tokens += Number(row.cache_read_tokens)
    metrics.cache_creation_input_tokens += cacheWriteTokensOf(row)
    metrics.successful_requests += Number(row.successes)
    metrics.api_requests += Number(row.requests)
  }
  metrics.spend = toDollars(picodollars(amount))
  metrics.total_tokens = metrics.prompt_tokens + metrics.completion_tokens
  metrics.failed_requests = metrics.api_requests - metrics.successful_requests
  return metrics
}

function totalsOnWire(sums: SpendSums) {
  const metrics = metricsOf([sums])
  return {
    total_spend: metrics.spend,
    total_prompt_tokens: metrics.prompt_tokens,
    total_completion_tokens: metrics.completion_tokens,
    total_tokens: metrics.total_tokens,
    total_api_requests: metrics.api_requests,
    total_successful_requests: metrics.successful_requests,
    total_failed_requests: metrics.failed_requests,
    total_cache_read_input_tokens: metrics.cache_read_input_tokens,
    total_cache_creation_input_tokens: metrics.cache_creation_input_tokens,
  }
}
