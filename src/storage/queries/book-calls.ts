/**
 * Books settled calls: call log, contents, roll-up by day and totals, in one statement and so in one transaction,
 * computed only from calls that were not booked before. Booking the same calls again changes nothing.
 *
 * The total of a user is that of personal keys: a team's key spends from the team and the membership, as its budgets do.
 *
 * A call arrives as the JSON text of its row, which the database itself takes apart: the gateway's own thread only
 * joins texts that were made when the call was journaled.
 */
import { sql } from 'kysely'
import type { Database } from '../database.ts'

/** Columns of `sluice_call_log` that a row's JSON carries under the same name, and the type it is read as. */
const COLUMNS = {
  call_id: 'text',
  overhead_ms: 'real',
  status: 'text',
  ending: 'text',
  call_type: 'text',
  route: 'text',
  stream: 'boolean',
  http_status: 'integer',
  key_hash: 'text',
  key_alias: 'text',
  user_id: 'text',
  user_email: 'text',
  team_id: 'text',
  team_alias: 'text',
  organization_id: 'text',
  end_user: 'text',
  requested_model: 'text',
  model: 'text',
  model_group: 'text',
  model_id: 'text',
  provider: 'text',
  api_base: 'text',
  input_tokens: 'bigint',
  input_audio_tokens: 'bigint',
  cache_read_tokens: 'bigint',
  cache_write_5m_tokens: 'bigint',
  cache_write_1h_tokens: 'bigint',
  output_tokens: 'bigint',
  reasoning_tokens: 'bigint',
  output_audio_tokens: 'bigint',
  web_search_requests: 'integer',
  service_tier: 'text',
  usage_source: 'text',
  picodollars: 'bigint',
  priced: 'boolean',
  requester_ip: 'text',
  user_agent: 'text',
  session_id: 'text',
  tags: 'jsonb',
  attempt_count: 'integer',
  attempts: 'jsonb',
  error_class: 'text',
  error_status: 'integer',
  error_provider: 'text',
  error_message: 'text',
  metadata: 'jsonb',
  cache_hit: 'boolean',
  cache_key: 'text',
} as const

/** Epoch milliseconds in the row's JSON; `timestamptz` in the table. */
const TIMES = {
  started_ms: 'started_at',
  ended_ms: 'ended_at',
  completion_started_ms: 'completion_started_at',
  provider_started_ms: 'provider_started_at',
  provider_ended_ms: 'provider_ended_at',
} as const

const OTHERS = ['logged boolean', 'request jsonb', 'response jsonb']

/** Token classes: zero when the row does not name them. */
const TOKENS = [
  'input_tokens',
  'input_audio_tokens',
  'cache_read_tokens',
  'cache_write_5m_tokens',
  'cache_write_1h_tokens',
  'output_tokens',
  'reasoning_tokens',
  'output_audio_tokens',
] as const

const ZERO_IF_ABSENT = new Set<string>([...TOKENS, 'web_search_requests', 'attempt_count', 'overhead_ms'])

const names = Object.keys(COLUMNS)
const recordColumns = [
  ...Object.entries(COLUMNS).map(([name, type]) => `${name} ${type}`),
  ...Object.keys(TIMES).map((name) => `${name} double precision`),
  ...OTHERS,
]
const calledColumns = [
  ...names.map((name) => (ZERO_IF_ABSENT.has(name) ? `coalesce(row.${name}, 0) as ${name}` : `row.${name}`)),
  ...Object.entries(TIMES).map(([ms, at]) => `to_timestamp(row.${ms} / 1000.0) as ${at}`),
  'row.logged, row.request, row.response',
]
const logColumns = [...names, ...Object.values(TIMES)].join(', ')

const KEY_OF_DAY = 'day, key_hash, user_id, team_id, organization_id, model, model_group, provider, route'
const SUMS = ['picodollars', 'requests', 'successes', ...TOKENS] as const

/*
 * Every process takes its locks in the same order: first rows of days, then totals, each sorted by key. The totals
 * wait for the days by counting them. So no two processes can wait for each other.
 */
const BEFORE_ROWS = `
with called as materialized (
  select distinct on (row.call_id, row.started_ms) ${calledColumns.join(', ')}
  from jsonb_to_recordset(`

const AFTER_ROWS = `::jsonb) as row (${recordColumns.join(', ')})
  order by row.call_id, row.started_ms, row.ending = 'interrupted'
), logged as (
  insert into sluice_call_log (${logColumns})
  select ${logColumns} from called where logged
  on conflict do nothing
  returning call_id, started_at
), unlogged as (
  insert into sluice_booked_call (call_id, started_at)
  select call_id, started_at from called where not logged
  on conflict do nothing
  returning call_id, started_at
), booked as materialized (
  select called.* from called
  join (select * from logged union all select * from unlogged) as fresh using (call_id, started_at)
), contents as (
  insert into sluice_call_content (call_id, started_at, request, response)
  select call_id, started_at, request, response from booked where request is not null or response is not null
  on conflict do nothing
), days as (
  insert into sluice_daily_spend as old (${KEY_OF_DAY}, key_alias, ${SUMS.join(', ')})
  select (started_at at time zone 'UTC')::date as day, key_hash, coalesce(user_id, '') as user_id,
    coalesce(team_id, '') as team_id, coalesce(organization_id, '') as organization_id,
    case when model_group is null then '' else model end as model, coalesce(model_group, '') as model_group,
    coalesce(provider, '') as provider, route,
    max(key_alias) as key_alias, sum(picodollars) as picodollars, count(*) as requests,
    count(*) filter (where status = 'success') as successes,
    ${TOKENS.map((token) => `sum(${token})::bigint as ${token}`).join(', ')}
  from booked
  group by 1, 2, 3, 4, 5, 6, 7, 8, 9
  order by 1, 2, 3, 4, 5, 6, 7, 8, 9
  on conflict (${KEY_OF_DAY}) do update set
    key_alias = coalesce(excluded.key_alias, old.key_alias),
    ${SUMS.map((name) => `${name} = old.${name} + excluded.${name}`).join(', ')}
  returning 1
), totals as (
  insert into sluice_spend_total as old (scope, scope_id, picodollars)
  select scope.name, scope.id, sum(booked.picodollars)
  from booked cross join lateral (values
    ('key', nullif(key_hash, '')),
    ('user', case when team_id is null then user_id end),
    ('team', team_id),
    ('team_member', team_id || '::' || user_id),
    ('organization', organization_id),
    ('end_user', end_user)
  ) as scope (name, id)
  where scope.id is not null and booked.picodollars <> 0 and (select count(*) from days) > 0
  group by 1, 2
  order by 1, 2
  on conflict (scope, scope_id) do update set picodollars = old.picodollars + excluded.picodollars
)
select count(*) as booked, count(*) filter (where ending = 'interrupted') as interrupted from booked`

export interface Booked {
  /** Calls that were not booked before. */
  readonly booked: number
  /** Those among them that had no end. */
  readonly interrupted: number
}

/**
 * Books calls by the JSON texts of their rows.
 *
 * @throws the database's error; then none of them is booked.
 */
export async function bookCalls(database: Database, rows: readonly string[]): Promise<Booked> {
  const json = `[${rows.join(',')}]`
  const query = sql<
    Record<'booked' | 'interrupted', bigint>
  >`${sql.raw(BEFORE_ROWS)}${json}${sql.raw(AFTER_ROWS)}`
  const result = await query.execute(database.sql)
  const row = result.rows[0]
  return { booked: Number(row?.booked ?? 0), interrupted: Number(row?.interrupted ?? 0) }
}

/** A call's identity in the database. */
export interface CallKey {
  readonly callId: string
  readonly startedAtMs: number
}

/** Which of these calls are booked already, logged or not: their positions in the list. */
export async function positionsOfBookedCalls(
  database: Database,
  calls: readonly CallKey[],
): Promise<ReadonlySet<number>> {
  const callIds = calls.map((call) => call.callId)
  const startedMs = calls.map((call) => call.startedAtMs)
  const { rows } = await sql<{ position: bigint }>`
    with asked as materialized (
      select call_id, to_timestamp(started_ms / 1000.0) as started_at, position
      from unnest(${callIds}::text[], ${startedMs}::float8[]) with ordinality as given (call_id, started_ms, position)
    )
    select position from asked where exists (
      select from sluice_call_log as log where log.call_id = asked.call_id and log.started_at = asked.started_at
    ) or exists (
      select from sluice_booked_call as log where log.call_id = asked.call_id and log.started_at = asked.started_at
    )`.execute(database.sql)
  return new Set(rows.map((row) => Number(row.position) - 1))
}
