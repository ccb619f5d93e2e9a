/** The ledger's tables: the call log with its contents, the roll-up by day, and the totals per scope. */
import { sql } from 'kysely'
import type { Migration } from './migration.ts'

const STATEMENTS = [
  // Sums of money are wider than bigint, which ends at 9.2 million dollars.
  // Totals only grow, and each is updated many times: half-empty pages let updates stay on their page.
  `create table sluice_spend_total (
    scope text not null,
    scope_id text not null,
    picodollars numeric(38, 0) not null default 0,
    primary key (scope, scope_id)
  ) with (fillfactor = 50)`,

  // Entities that a call does not have are empty texts, for they are part of the key.
  `create table sluice_daily_spend (
    day date not null,
    key_hash text not null,
    user_id text not null,
    team_id text not null,
    organization_id text not null,
    model text not null,
    model_group text not null,
    provider text not null,
    route text not null,
    key_alias text,
    picodollars numeric(38, 0) not null default 0,
    requests bigint not null default 0,
    successes bigint not null default 0,
    input_tokens bigint not null default 0,
    input_audio_tokens bigint not null default 0,
    cache_read_tokens bigint not null default 0,
    cache_write_5m_tokens bigint not null default 0,
    cache_write_1h_tokens bigint not null default 0,
    output_tokens bigint not null default 0,
    reasoning_tokens bigint not null default 0,
    output_audio_tokens bigint not null default 0,
    primary key (day, key_hash, user_id, team_id, organization_id, model, model_group, provider, route)
  ) with (fillfactor = 70)`,
  `create index sluice_daily_spend_user on sluice_daily_spend (user_id, day)`,

  `create table sluice_call_log (
    call_id text not null,
    started_at timestamptz not null,
    ended_at timestamptz not null,
    completion_started_at timestamptz,
    provider_started_at timestamptz,
    provider_ended_at timestamptz,
    overhead_ms real not null default 0,
    status text not null,
    ending text not null,
    call_type text not null,
    route text not null,
    stream boolean not null,
    http_status integer not null,
    key_hash text not null,
    key_alias text,
    user_id text,
    user_email text,
    team_id text,
    team_alias text,
    organization_id text,
    end_user text,
    requested_model text not null,
    model text not null,
    model_group text,
    model_id text,
    provider text,
    api_base text,
    input_tokens bigint not null default 0,
    input_audio_tokens bigint not null default 0,
    cache_read_tokens bigint not null default 0,
    cache_write_5m_tokens bigint not null default 0,
    cache_write_1h_tokens bigint not null default 0,
    output_tokens bigint not null default 0,
    reasoning_tokens bigint not null default 0,
    output_audio_tokens bigint not null default 0,
    web_search_requests integer not null default 0,
    service_tier text,
    usage_source text not null,
    picodollars bigint not null,
    priced boolean not null,
    requester_ip text,
    user_agent text,
    session_id text,
    tags jsonb,
    attempt_count integer not null default 0,
    attempts jsonb,
    error_class text,
    error_status integer,
    error_provider text,
    error_message text,
    metadata jsonb,
    primary key (call_id, started_at)
  ) partition by range (started_at)`,
  `create index sluice_call_log_started on sluice_call_log (started_at, call_id)`,
  `create index sluice_call_log_key on sluice_call_log (key_hash, started_at)`,
  `create index sluice_call_log_user on sluice_call_log (user_id, started_at) where user_id is not null`,
  `create index sluice_call_log_team on sluice_call_log (team_id, started_at) where team_id is not null`,
  `create index sluice_call_log_session on sluice_call_log (session_id, started_at) where session_id is not null`,

  `create table sluice_call_content (
    call_id text not null,
    started_at timestamptz not null,
    request jsonb,
    response jsonb,
    primary key (call_id, started_at)
  ) partition by range (started_at)`,

  // Calls that are paid for but not logged: their ids alone, so that none is booked twice.
  `create table sluice_booked_call (
    call_id text not null,
    started_at timestamptz not null,
    primary key (call_id, started_at)
  ) partition by range (started_at)`,

  // Rows of days without a partition of their own: the clock was wrong, or they were recovered late.
  `create table sluice_call_log_default partition of sluice_call_log default`,
  `create table sluice_call_content_default partition of sluice_call_content default`,
  `create table sluice_booked_call_default partition of sluice_booked_call default`,
]

export const spend: Migration = {
  id: '0001-spend',
  async up(transaction) {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction)
  },
}
