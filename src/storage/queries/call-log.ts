/** Reads the call log: filtered, sorted, in pages. */
import { sql, type Kysely, type RawBuilder, type Selectable, type SelectQueryBuilder } from 'kysely'
import type { Schema } from '../database.ts'
import type { CallContentTable, CallLogTable } from '../schema/spend.ts'

export type CallLogRow = Selectable<CallLogTable>

/** Each member that is set narrows the result. */
export interface CallLogFilter {
  readonly fromMs?: number | undefined
  /** Exclusive. */
  readonly toMs?: number | undefined
  readonly callId?: string | undefined
  readonly keyHash?: string | undefined
  /** A part of the alias, in any case. */
  readonly keyAliasPart?: string | undefined
  readonly userId?: string | undefined
  readonly teamId?: string | undefined
  readonly endUser?: string | undefined
  readonly sessionId?: string | undefined
  /** Model sent to the provider, model group, or the name that the client asked for. */
  readonly model?: string | undefined
  readonly modelId?: string | undefined
  readonly status?: 'success' | 'failure' | undefined
  readonly minPicodollars?: bigint | undefined
  readonly maxPicodollars?: bigint | undefined
  readonly errorStatus?: number | undefined
  readonly errorMessagePart?: string | undefined
}

const SORTS = {
  startTime: sql`started_at`,
  endTime: sql`ended_at`,
  spend: sql`picodollars`,
  total_tokens: sql`input_tokens + input_audio_tokens + cache_read_tokens + cache_write_5m_tokens
    + cache_write_1h_tokens + output_tokens + reasoning_tokens + output_audio_tokens`,
  request_duration_ms: sql`ended_at - started_at`,
  model: sql`model`,
  ttft_ms: sql`completion_started_at - started_at`,
} satisfies Record<string, RawBuilder<unknown>>

export type CallLogSort = keyof typeof SORTS
export const CALL_LOG_SORTS = Object.keys(SORTS) as [CallLogSort, ...CallLogSort[]]

/** Where a page ends, exactly: times in the database have microseconds. */
export interface CallLogPosition {
  readonly startedMicros: bigint
  readonly callId: string
}

export interface CallLogPage {
  readonly limit: number
  readonly offset: number
  readonly sort: CallLogSort
  readonly descending: boolean
  /** Rows after this one, in the order of `startTime`; `sort` must be that. */
  readonly after?: CallLogPosition | undefined
}

export type PositionedRow = CallLogRow & { readonly started_micros: bigint }

/** One page of calls. */
export async function findCalls(
  database: Kysely<Schema>,
  filter: CallLogFilter,
  page: CallLogPage,
): Promise<readonly PositionedRow[]> {
  const direction = page.descending ? 'desc' : 'asc'
  let query = filtered(database.selectFrom('sluice_call_log'), filter)
    .selectAll()
    .select(sql<bigint>`(extract(epoch from started_at) * 1000000)::bigint`.as('started_micros'))
  if (page.after !== undefined) {
    const { startedMicros, callId } = page.after
    const at = sql`timestamptz 'epoch' + ${startedMicros}::bigint * interval '1 microsecond'`
    const operator = sql.raw(page.descending ? '<' : '>')
    query = query.where(sql<boolean>`(started_at, call_id) ${operator} (${at}, ${callId})`)
  }
  if (page.sort !== 'startTime') {
    query = query.orderBy(SORTS[page.sort], (order) =>
      page.descending ? order.desc().nullsLast() : order.asc().nullsLast(),
    )
  }
  return await query
    .orderBy('started_at', direction)
    .orderBy('call_id', direction)
    .limit(page.limit)
    .offset(page.offset)
    .execute()
}

/** Counts calls, up to a limit: at that limit the true number may be larger. */
export async function countCalls(
  database: Kysely<Schema>,
  filter: CallLogFilter,
  limit: number,
): Promise<number> {
  const some = filtered(database.selectFrom('sluice_call_log'), filter).select('call_id').limit(limit)
  const row = await database
    .selectFrom(some.as('some'))
    .select(sql<bigint>`count(*)`.as('count'))
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** Prompt and answer of a call, if they were kept. */
export async function findContent(
  database: Kysely<Schema>,
  row: CallLogRow,
): Promise<Selectable<CallContentTable> | undefined> {
  return await database
    .selectFrom('sluice_call_content')
    .selectAll()
    .where('call_id', '=', row.call_id)
    // A row's time went through a Date, which has milliseconds.
    .where('started_at', '>=', row.started_at)
    .where('started_at', '<', new Date(row.started_at.getTime() + 1))
    .executeTakeFirst()
}

type Query<Output> = SelectQueryBuilder<Schema, 'sluice_call_log', Output>

function filtered<Output>(query: Query<Output>, filter: CallLogFilter): Query<Output> {
  const conditions = [
    filter.fromMs === undefined ? undefined : sql<boolean>`started_at >= ${new Date(filter.fromMs)}`,
    filter.toMs === undefined ? undefined : sql<boolean>`started_at < ${new Date(filter.toMs)}`,
    equals('call_id', filter.callId),
    equals('key_hash', filter.keyHash),
    contains('key_alias', filter.keyAliasPart),
    equals('user_id', filter.userId),
    equals('team_id', filter.teamId),
    equals('end_user', filter.endUser),
    equals('session_id', filter.sessionId),
    filter.model === undefined
      ? undefined
      : sql<boolean>`${filter.model} in (model, model_group, requested_model)`,
    equals('model_id', filter.modelId),
    equals('status', filter.status),
    filter.minPicodollars === undefined ? undefined : sql<boolean>`picodollars >= ${filter.minPicodollars}`,
    filter.maxPicodollars === undefined ? undefined : sql<boolean>`picodollars <= ${filter.maxPicodollars}`,
    equals('error_status', filter.errorStatus),
    contains('error_message', filter.errorMessagePart),
  ]
  let narrowed = query
  for (const condition of conditions) if (condition !== undefined) narrowed = narrowed.where(condition)
  return narrowed
}

function equals(column: keyof CallLogTable, value: string | number | undefined) {
  return value === undefined ? undefined : sql<boolean>`${sql.ref(column)} = ${value}`
}

function contains(column: keyof CallLogTable, part: string | undefined) {
  return part === undefined
    ? undefined
    : sql<boolean>`position(lower(${part}) in lower(${sql.ref(column)})) > 0`
}
