/** A row of the call log as the API shows it, under the names of LiteLLM's `SpendLogs`. */
import { toDollars, picodollars } from '../../money/picodollars.ts'
import type { CallLogRow } from '../../storage/queries/call-log.ts'
import type { TokenColumns } from '../../storage/schema/spend.ts'

/** What OpenAI counts as prompt: all input, cached or not. */
export function promptTokensOf(row: TokenColumns): number {
  const cached = row.cache_read_tokens + row.cache_write_5m_tokens + row.cache_write_1h_tokens
  return Number(row.input_tokens + row.input_audio_tokens + cached)
}

/** All output, reasoning and audio included. */
export function completionTokensOf(row: TokenColumns): number {
  return Number(row.output_tokens + row.reasoning_tokens + row.output_audio_tokens)
}

export function cacheWriteTokensOf(row: TokenColumns): number {
  return Number(row.cache_write_5m_tokens + row.cache_write_1h_tokens)
}

/** Prompt and answer are left out: the details of one call have them. */
export function spendLogRow(row: CallLogRow) {
  const promptTokens = promptTokensOf(row)
  const completionTokens = completionTokensOf(row)
  return {
    request_id: row.call_id,
    call_type: row.call_type,
    api_key: row.key_hash,
    spend: toDollars(picodollars(row.picodollars)),
    total_tokens: promptTokens + completionTokens,
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    startTime: row.started_at.toISOString(),
    endTime: row.ended_at.toISOString(),
    completionStartTime: row.completion_started_at?.toISOString() ?? null,
    request_duration_ms: row.ended_at.getTime() - row.started_at.getTime(),
    model: row.model,
    model_id: row.model_id ?? '',
    model_group: row.model_group ?? row.requested_model,
    custom_llm_provider: row.provider ?? '',
    api_base: row.api_base ?? '',
    user: row.user_id ?? '',
    metadata: metadataOf(row),
    cache_hit: cacheHitOf(row),
    cache_key: row.cache_key ?? 'Cache OFF',
    request_tags: row.tags ?? [],
    team_id: row.team_id,
    organization_id: row.organization_id,
    end_user: row.end_user ?? '',
    requester_ip_address: row.requester_ip,
    messages: {},
    response: {},
    proxy_server_request: {},
    session_id: row.session_id,
    status: row.status,
    mcp_namespaced_tool_name: null,
    agent_id: null,
  }
}

/** A success that was none of the cache's counts as a miss, as it does for LiteLLM's dashboards. */
function cacheHitOf(row: CallLogRow): string {
  const hit = row.cache_hit ?? (row.status === 'success' ? false : undefined)
  return hit === undefined ? 'None' : hit ? 'True' : 'False'
}

function metadataOf(row: CallLogRow) {
  return {
    user_api_key: row.key_hash,
    user_api_key_alias: row.key_alias,
    user_api_key_user_id: row.user_id,
    user_api_key_user_email: row.user_email,
    user_api_key_team_id: row.team_id,
    user_api_key_team_alias: row.team_alias,
    user_api_key_org_id: row.organization_id,
    requester_ip_address: row.requester_ip,
    user_agent: row.user_agent,
    spend_logs_metadata: row.metadata,
    status: row.status,
    error_information: errorOf(row),
    usage_object: usageOf(row),
    additional_usage_values: {
      cache_read_input_tokens: Number(row.cache_read_tokens),
      cache_creation_input_tokens: cacheWriteTokensOf(row),
    },
    litellm_overhead_time_ms: row.overhead_ms,
    attempted_retries: Math.max(0, row.attempt_count - 1),
    attempts: row.attempts,
    route: row.route,
    requested_model: row.requested_model,
    stream: row.stream,
    http_status: row.http_status,
    ending: row.ending,
    usage_source: row.usage_source,
    priced: row.priced,
  }
}

function errorOf(row: CallLogRow) {
  if (row.error_class === null) return null
  return {
    error_code: row.error_status === null ? '' : String(row.error_status),
    error_class: row.error_class,
    llm_provider: row.error_provider ?? '',
    traceback: '',
    error_message: row.error_message ?? '',
  }
}

function usageOf(row: CallLogRow) {
  const promptTokens = promptTokensOf(row)
  const completionTokens = completionTokensOf(row)
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    cache_creation_input_tokens: cacheWriteTokensOf(row),
    cache_read_input_tokens: Number(row.cache_read_tokens),
    prompt_tokens_details: {
      cached_tokens: Number(row.cache_read_tokens),
      audio_tokens: Number(row.input_audio_tokens),
      cache_write_5m_tokens: Number(row.cache_write_5m_tokens),
      cache_write_1h_tokens: Number(row.cache_write_1h_tokens),
    },
    completion_tokens_details: {
      reasoning_tokens: Number(row.reasoning_tokens),
      audio_tokens: Number(row.output_audio_tokens),
    },
    web_search_requests: row.web_search_requests,
    service_tier: row.service_tier,
  }
}
