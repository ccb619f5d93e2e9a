/**
 * Books settled calls: call log, contents, roll-up by day and totals, in one statement and so in one transaction,
 * computed only from calls that were not booked before. Booking the same calls again changes nothing.
 *
 * The total of a user is that of personal keys: a team's key spends from the team and the membership, as its budgets do.
 * Tags, and models within a key, a user, a team, …, have totals only where a limit gave them a row: their number is the
 * clients' to choose. So have members of organizations, from when they are known. Each is looked up once a batch, by its
 * name: a join would read them all. Further windows of a key or a team are those that its row names.
 *
 * What a call has cost counts in the budget window in which it ended: of a call that is booked late, or before anyone
 * has begun the next window, it is put aside (`baseline` and `ahead`, see `spend-windows.ts`). Should a window begin
 * while the statement runs, what it had not put aside was settled before.
 *
 * A call arrives as the JSON text of its row, which the database itself takes apart: the gateway's own thread only
 * joins texts that were made when the call was journaled.
 */
import { sql, type Kysely } from 'kysely'
import type { Database, Schema } from '../database.ts'

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

const CALLS_AND_DAYS = `::jsonb) as row (${recordColumns.join(', ')})
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
)`

/** Where the further budgets of a row stand (`budget_limits`), as a list that may be empty. */
const windowsOf = (row: string): string => `jsonb_array_elements(
    case when jsonb_typeof(${row}.details -> 'budget_limits') = 'array' then ${row}.details -> 'budget_limits' end
  )`

const TOTALS = `, windows as materialized (
  select 'key_window' as name, key_hash as owner_id, key_hash || '::' || (part ->> 'budget_duration') as id
  from (select distinct key_hash from booked) as owner join sluice_virtual_key as k using (key_hash)
  cross join lateral ${windowsOf('k')} as part
  union
  select 'team_window', team_id, team_id || '::' || (part ->> 'budget_duration')
  from (select distinct team_id from booked) as owner join sluice_team as t using (team_id)
  cross join lateral ${windowsOf('t')} as part
), limited as materialized (
  select part.name, part.id, ended_at, picodollars
  from booked cross join lateral (values
    ('organization_member', organization_id || '::' || user_id),
    ('key_model', nullif(key_hash, '') || '::' || model_group),
    ('user_model', case when team_id is null then user_id end || '::' || model_group),
    ('team_model', team_id || '::' || model_group),
    ('team_member_model', team_id || '::' || user_id || '::' || model_group),
    ('organization_model', organization_id || '::' || model_group),
    ('organization_member_model', organization_id || '::' || user_id || '::' || model_group),
    ('end_user_model', end_user || '::' || model_group)
  ) as part (name, id)
  where part.id is not null and picodollars <> 0
  union all
  select windows.name, windows.id, ended_at, picodollars
  from booked join windows on windows.owner_id = case windows.name when 'key_window' then key_hash else team_id end
  where picodollars <> 0
  union all
  select of_tag.name, of_tag.id, ended_at, picodollars
  from booked
  cross join lateral jsonb_array_elements_text(case when jsonb_typeof(tags) = 'array' then tags end) as tag
  cross join lateral (values ('tag', tag), ('tag_model', tag || '::' || model_group)) as of_tag (name, id)
  where picodollars <> 0
), counted as materialized (
  select total.scope, total.scope_id from (select distinct name, id from limited) as asked
  cross join lateral (
    select scope, scope_id from sluice_spend_total where scope = asked.name and scope_id = asked.id limit 1
  ) as total
), scoped as materialized (
  select scope.name, scope.id, booked.ended_at, booked.picodollars
  from booked cross join lateral (values
    ('key', nullif(key_hash, '')),
    ('user', case when team_id is null then user_id end),
    ('team', team_id),
    ('team_member', team_id || '::' || user_id),
    ('organization', organization_id),
    ('end_user', end_user),
    ('deployment', model_id),
    ('provider', provider),
    ('proxy', 'proxy')
  ) as scope (name, id)
  where scope.id is not null and booked.picodollars <> 0
  union all
  select limited.name, limited.id, limited.ended_at, limited.picodollars
  from limited join counted on counted.scope = limited.name and counted.scope_id = limited.id
), sums as (
  select name, id, sum(picodollars) as picodollars, min(ended_at) as first_ended_at, max(ended_at) as last_ended_at
  from scoped group by 1, 2
), totals as (
  insert into sluice_spend_total as old
    (scope, scope_id, picodollars, baseline, ahead, window_started_at, window_ends_at)
  select name, id, sums.picodollars,
    case when first_ended_at < known.window_started_at then (
      select sum(late.picodollars) from scoped as late
      where late.name = sums.name and late.id = sums.id and late.ended_at < known.window_started_at
    ) else 0 end,
    case when last_ended_at >= known.window_ends_at then (
      select sum(early.picodollars) from scoped as early
      where early.name = sums.name and early.id = sums.id and early.ended_at >= known.window_ends_at
    ) else 0 end,
    known.window_started_at, known.window_ends_at
  from sums left join sluice_spend_total as known on known.scope = sums.name and known.scope_id = sums.id
  where (select count(*) from days) > 0
  order by 1, 2
  on conflict (scope, scope_id) do update set
    picodollars = old.picodollars + excluded.picodollars,
    baseline = old.baseline + case
      when old.window_started_at is not distinct from excluded.window_started_at then excluded.baseline
      else excluded.picodollars - excluded.ahead
    end,
    ahead = old.ahead + case
      when old.window_ends_at is not distinct from excluded.window_ends_at then excluded.ahead else 0
    end
)`

const COUNTS = `
select count(*) as booked, count(*) filter (where ending = 'interrupted') as interrupted from booked`

const AFTER_ROWS = CALLS_AND_DAYS + TOTALS + COUNTS
const AFTER_LOGGED_ROWS = CALLS_AND_DAYS + COUNTS

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
  return await book(database.sql, rows, AFTER_ROWS)
}

/** Books calls whose cost is in the totals already: they come into the call log and the roll-up by day only. */
export async function logCalls(database: Kysely<Schema>, rows: readonly string[]): Promise<Booked> {
  return await book(database, rows, AFTER_LOGGED_ROWS)
}

async function book(database: Kysely<Schema>, rows: readonly string[], afterRows: string): Promise<Booked> {
  const json = jsonList(rows)
  const query = sql<
    Record<'booked' | 'interrupted', bigint>
  >`${sql.raw(BEFORE_ROWS)}${json}${sql.raw(afterRows)}`
  const result = await query.execute(database)
  const row = result.rows[0]
  return { booked: Number(row?.booked ?? 0), interrupted: Number(row?.interrupted ?? 0) }
}

/** In one step: a bracket added to what was joined would have V8 copy all of it, some hundred KB, once more. */
function jsonList(rows: readonly string[]): string {
  const texts = [...rows]
  texts[0] = `[${texts[0] ?? ''}`
  texts[texts.length - 1] += ']'
  return texts.join(',')
}

/** A call's identity in the database. */
export interface CallKey {
  readonly callId: string
  readonly startedAtMs: number
}

/** Which of these calls are booked already, logged or not: their positions in the list. */
export async function positionsOfBookedCalls(
  database: Pick<Database, 'sql'>,
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
