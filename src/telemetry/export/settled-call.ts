/** A settled call on its way to other systems, and its public form: what LiteLLM's callbacks are given. */
import { completionTokens, promptTokens, totalTokens } from '../../dialects/usage.ts'
import { toDollars } from '../../money/picodollars.ts'
import { isSuccess, type CallEnd, type CallStart } from '../../record/call-record.ts'
import { overheadMs, totalMs } from '../call-timings.ts'
import { failureStatus } from '../failure-status.ts'

export interface SettledCall {
  readonly start: CallStart
  readonly end: CallEnd
}

/** The members of LiteLLM's standard logging payload that Sluice knows. Prompts and answers are not among them. */
export function standardPayload({ start, end }: SettledCall): Record<string, unknown> {
  const { deployment, usage } = end
  return {
    id: start.callId,
    trace_id: start.sessionId ?? start.callId,
    session_id: start.sessionId ?? null,
    call_type: start.callType,
    stream: start.stream,
    response_cost: toDollars(end.cost),
    status: isSuccess(end.ending) ? 'success' : 'failure',
    ending: end.ending,
    total_tokens: usage === undefined ? 0 : totalTokens(usage),
    prompt_tokens: usage === undefined ? 0 : promptTokens(usage),
    completion_tokens: usage === undefined ? 0 : completionTokens(usage),
    startTime: start.arrivedAtMs / 1000,
    endTime: end.endedAtMs / 1000,
    completionStartTime: (end.firstContentAtMs ?? end.endedAtMs) / 1000,
    response_time: totalMs(start, end) / 1000,
    model: deployment?.upstreamModel ?? start.requestedModel,
    model_id: deployment?.modelId ?? null,
    model_group: deployment?.modelGroup ?? null,
    custom_llm_provider: deployment?.provider ?? null,
    api_base: deployment?.apiBase ?? null,
    metadata: callerMetadata({ start, end }),
    cache_hit: end.cache?.hit ?? null,
    cache_key: end.cache?.key ?? null,
    saved_cache_cost: 0,
    request_tags: start.tags,
    end_user: start.endUser ?? null,
    requester_ip_address: start.requesterIp ?? null,
    messages: null,
    response: null,
    error_str: end.error?.message ?? null,
    error_information: errorInformation(end),
    model_parameters: {},
    hidden_params: {
      model_id: deployment?.modelId ?? null,
      api_base: deployment?.apiBase ?? null,
      response_cost: String(toDollars(end.cost)),
      litellm_model_name: deployment?.litellmModel ?? null,
      litellm_overhead_time_ms: overheadMs(start, end),
    },
  }
}

function callerMetadata({ start, end }: SettledCall): Record<string, unknown> {
  const { caller } = start
  return {
    user_api_key_hash: caller.keyHash,
    user_api_key_alias: caller.keyAlias ?? null,
    user_api_key_user_id: caller.userId ?? null,
    user_api_key_user_email: caller.userEmail ?? null,
    user_api_key_team_id: caller.teamId ?? null,
    user_api_key_team_alias: caller.teamAlias ?? null,
    user_api_key_org_id: caller.organizationId ?? null,
    user_api_key_end_user_id: start.endUser ?? null,
    user_api_key_request_route: start.route,
    requester_ip_address: start.requesterIp ?? null,
    user_agent: start.userAgent ?? null,
    spend_logs_metadata: start.spendLogsMetadata ?? null,
    usage_object: end.usage ?? null,
  }
}

function errorInformation(end: CallEnd): Record<string, unknown> | null {
  const { error } = end
  if (error === undefined) return null
  return {
    error_code: String(failureStatus(end)),
    error_class: error.errorClass,
    llm_provider: error.provider ?? '',
    error_message: error.message,
  }
}
