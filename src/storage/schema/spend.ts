/** Tables of the ledger: the call log with its contents, the roll-up by day, and the totals per scope. */
import type { Generated } from 'kysely'

/** Tokens of a call or of many, in disjoint classes (see `dialects/usage.ts`). */
export interface TokenColumns {
  input_tokens: bigint
  input_audio_tokens: bigint
  cache_read_tokens: bigint
  cache_write_5m_tokens: bigint
  cache_write_1h_tokens: bigint
  output_tokens: bigint
  reasoning_tokens: bigint
  output_audio_tokens: bigint
}

/**
 * Settled spend per scope since ever, and what of it counts in the open budget window: see `queries/spend-windows.ts`.
 * A `user` has what personal keys spent, without those of teams.
 */
export interface SpendTotalTable {
  scope: string
  scope_id: string
  picodollars: Generated<bigint>
  baseline: Generated<bigint>
  ahead: Generated<bigint>
  window_duration: string | null
  window_started_at: Date | null
  window_ends_at: Date | null
}

/** Sums by UTC day. An entity that calls did not have is the empty text. */
export interface DailySpendTable extends TokenColumns {
  /** `YYYY-MM-DD` */
  day: string
  key_hash: string
  user_id: string
  team_id: string
  organization_id: string
  model: string
  model_group: string
  provider: string
  route: string
  /** As of the last call counted. */
  key_alias: string | null
  picodollars: bigint
  requests: bigint
  successes: bigint
}

/** One row a call, partitioned by UTC day of `started_at`. */
export interface CallLogTable extends TokenColumns {
  call_id: string
  started_at: Date
  ended_at: Date
  completion_started_at: Date | null
  provider_started_at: Date | null
  provider_ended_at: Date | null
  overhead_ms: number
  /** `success` or `failure`. */
  status: string
  /** One of `Ending`. */
  ending: string
  call_type: string
  route: string
  stream: boolean
  http_status: number
  key_hash: string
  key_alias: string | null
  user_id: string | null
  user_email: string | null
  team_id: string | null
  team_alias: string | null
  organization_id: string | null
  end_user: string | null
  requested_model: string
  /** The name sent to the provider; the requested one when no provider was called. */
  model: string
  model_group: string | null
  model_id: string | null
  provider: string | null
  api_base: string | null
  web_search_requests: number
  service_tier: string | null
  usage_source: string
  picodollars: bigint
  priced: boolean
  requester_ip: string | null
  user_agent: string | null
  session_id: string | null
  tags: unknown
  attempt_count: number
  /** Every attempt, when there was more than one or it failed. */
  attempts: unknown
  error_class: string | null
  error_status: number | null
  error_provider: string | null
  error_message: string | null
  /** `spend_logs_metadata` of the request. */
  metadata: unknown
  /** Null for a call that was none of the response cache's. */
  cache_hit: boolean | null
  /** Name of its answer in the response cache. */
  cache_key: string | null
}

/** Prompts and answers, when they are kept; partitioned as the call log. */
export interface CallContentTable {
  call_id: string
  started_at: Date
  request: unknown
  response: unknown
}

/** Calls that are counted but not logged. */
export interface BookedCallTable {
  call_id: string
  started_at: Date
}

export interface SpendTables {
  sluice_spend_total: SpendTotalTable
  sluice_daily_spend: DailySpendTable
  sluice_call_log: CallLogTable
  sluice_call_content: CallContentTable
  sluice_booked_call: BookedCallTable
}
