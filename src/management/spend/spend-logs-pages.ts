/** `GET /spend/logs/v2` and `/spend/logs/ui`: the call log in pages; `/spend/logs/ui/:request_id`: one call whole. */
import { z } from 'zod'
import { GatewayError } from '../../errors/gateway-error.ts'
import { parseDollars } from '../../money/picodollars.ts'
import {
  CALL_LOG_SORTS,
  countCalls,
  findCalls,
  type CallLogFilter,
  type PositionedRow,
} from '../../storage/queries/call-log.ts'
import { parseInput, queryInteger, type ManagementRequest, type ManagementRoute } from '../route.ts'
import { parseCursor, printCursor } from './cursor.ts'
import { DAY_MS, endMs, queryTime } from './query-times.ts'
import { spendLogRow } from './spend-log-row.ts'
import { withoutEmpty, type SpendServices } from './spend-services.ts'
import { visibleSpend } from './visible-spend.ts'
import { wholeCall } from './whole-call.ts'

/** So far calls are counted exactly. */
const MAX_COUNT = 1_000_000

const dollars = z
  .string()
  .regex(/^\d{1,9}(\.\d{1,15})?(e-?\d{1,2})?$/i, 'expected an amount of US dollars')
  .transform((text): bigint => parseDollars(text))

const pageQuery = z.object({
  start_date: queryTime,
  end_date: queryTime,
  api_key: z.string().optional(),
  user_id: z.string().optional(),
  request_id: z.string().optional(),
  team_id: z.string().optional(),
  end_user: z.string().optional(),
  session_id: z.string().optional(),
  key_alias: z.string().optional(),
  model: z.string().optional(),
  model_id: z.string().optional(),
  status_filter: z.enum(['success', 'failure']).optional(),
  min_spend: dollars.optional(),
  max_spend: dollars.optional(),
  error_code: queryInteger(0, 999).optional(),
  error_message: z.string().optional(),
  page: queryInteger(1, 1_000_000).default(1),
  page_size: queryInteger(1, 100).default(50),
  cursor: z.string().transform(parseCursor).optional(),
  sort_by: z.enum(CALL_LOG_SORTS).default('startTime'),
  sort_order: z.enum(['asc', 'desc']).default('desc'),
})

type PageQuery = z.output<typeof pageQuery>

export function spendLogsPageRoutes(services: SpendServices): readonly ManagementRoute[] {
  const handle: ManagementRoute['handle'] = async (request) => await page(services, request)
  return [
    { method: 'GET', path: '/spend/logs/v2', handle },
    { method: 'GET', path: '/spend/logs/ui', handle },
    {
      method: 'GET',
      path: '/spend/logs/ui/:request_id',
      handle: async (request) => await details(services, request),
    },
  ]
}

async function page({ database }: SpendServices, { principal, query: raw }: ManagementRequest) {
  const query = parseInput(pageQuery, withoutEmpty(raw))
  if (query.cursor !== undefined && query.sort_by !== 'startTime') {
    throw new GatewayError('bad_request', 'cursor: expected with sort_by=startTime only; use page instead.', {
      param: 'cursor',
    })
  }
  const filter = filterOf(query, visibleSpend(principal, { userId: query.user_id, keyHash: query.api_key }))
  const [rows, total] = await Promise.all([
    findCalls(database.sql, filter, {
      limit: query.page_size,
      offset: query.cursor === undefined ? (query.page - 1) * query.page_size : 0,
      sort: query.sort_by,
      descending: query.sort_order === 'desc',
      after: query.cursor,
    }),
    countCalls(database.sql, filter, MAX_COUNT),
  ])
  return {
    data: rows.map(spendLogRow),
    total,
    total_is_exact: total < MAX_COUNT,
    page: query.page,
    page_size: query.page_size,
    total_pages: Math.ceil(total / query.page_size),
    next_cursor: nextCursor(query, rows),
  }
}

function filterOf(query: PageQuery, owner: Pick<CallLogFilter, 'userId' | 'keyHash'>): CallLogFilter {
  return {
    ...owner,
    fromMs: query.start_date.atMs,
    toMs: endMs(query.end_date),
    callId: query.request_id,
    teamId: query.team_id,
    endUser: query.end_user,
    sessionId: query.session_id,
    keyAliasPart: query.key_alias,
    model: query.model,
    modelId: query.model_id,
    status: query.status_filter,
    minPicodollars: query.min_spend,
    maxPicodollars: query.max_spend,
    errorStatus: query.error_code,
    errorMessagePart: query.error_message,
  }
}

/** Null on the last page, and in orders that have no cursor. */
function nextCursor(query: PageQuery, rows: readonly PositionedRow[]): string | null {
  const last = rows.at(-1)
  if (last === undefined || rows.length < query.page_size || query.sort_by !== 'startTime') return null
  return printCursor({ startedMicros: last.started_micros, callId: last.call_id })
}

const detailsQuery = z.object({ start_date: queryTime.optional() })

/** The newest call of that id, with prompt and answer if they were kept. */
async function details({ database }: SpendServices, { principal, query: raw, params }: ManagementRequest) {
  const { start_date: start } = parseInput(detailsQuery, withoutEmpty(raw))
  const callId = params['request_id'] ?? ''
  // The date is a hint where to look; a client may give the day before or after, by its own time zone.
  const fromMs = start === undefined ? undefined : start.atMs - DAY_MS
  const filter = { ...visibleSpend(principal, {}), callId, fromMs }
  const rows = await findCalls(database.sql, filter, {
    limit: 1,
    offset: 0,
    sort: 'startTime',
    descending: true,
  })
  const row = rows[0]
  if (row === undefined) {
    throw new GatewayError('not_found', `No call ${JSON.stringify(callId)} among those that you may see.`)
  }
  return await wholeCall(database.sql, row)
}
