/** Every metric of LiteLLM: sample name, type, and labels as its documentation gives them. */

export type MetricType = 'counter' | 'gauge' | 'histogram'

export interface LitellmMetric {
  readonly name: string
  readonly type: MetricType
  /** Undefined where no source tells them. */
  readonly labels: readonly string[] | undefined
}

const WHO = 'hashed_api_key api_key_alias team team_alias'
const PROXY = 'end_user hashed_api_key api_key_alias requested_model team team_alias user'
const TOKENS =
  'end_user hashed_api_key api_key_alias model team team_alias user user_email requested_model model_id api_provider'
const LATENCY = `${PROXY} model model_id api_provider`
const DEPLOYMENT = 'litellm_model_name model_id api_base api_provider'
const ATTEMPT = `requested_model ${DEPLOYMENT} ${WHO} client_ip user_agent`
const QUOTA = 'model_group api_provider api_base litellm_model_name hashed_api_key api_key_alias model_id'
const CACHE = 'model hashed_api_key api_key_alias team team_alias end_user user model_id api_provider'
const FALLBACK = `requested_model fallback_model ${WHO} exception_status exception_class model_id`
const MCP = `mcp_tool_name mcp_server_name ${WHO} user end_user`

const COUNTERS: Readonly<Record<string, string | undefined>> = {
  litellm_proxy_total_requests_metric_total: `${PROXY} status_code user_email route client_ip user_agent model_id api_provider`,
  litellm_proxy_failed_requests_metric_total: `${PROXY} user_email exception_status exception_class route client_ip user_agent model_id api_provider`,
  litellm_requests_metric_total:
    'end_user hashed_api_key api_key_alias model team team_alias user user_email client_ip user_agent requested_model model_id api_provider',
  litellm_llm_api_failed_requests_metric_total:
    'end_user hashed_api_key api_key_alias model team team_alias user model_id',
  litellm_zero_cost_requests_total: 'requested_model model model_id api_provider reason',
  litellm_callback_logging_failures_metric_total: 'callback_name',
  litellm_admission_rejected_requests_total: 'reason',
  litellm_spend_metric_total:
    'end_user hashed_api_key api_key_alias model team team_alias user user_email client_ip user_agent requested_model model_id api_provider service_tier',
  litellm_total_tokens_metric_total: TOKENS,
  litellm_input_tokens_metric_total: TOKENS,
  litellm_output_tokens_metric_total: TOKENS,
  litellm_input_cached_tokens_metric_total: TOKENS,
  litellm_input_cache_creation_tokens_metric_total: TOKENS,
  litellm_input_audio_tokens_metric_total: TOKENS,
  litellm_output_reasoning_tokens_metric_total: TOKENS,
  litellm_output_audio_tokens_metric_total: TOKENS,
  litellm_provider_cache_read_input_tokens_metric_total: undefined,
  litellm_provider_cache_creation_input_tokens_metric_total: undefined,
  litellm_images_generated_metric_total: undefined,
  litellm_video_duration_seconds_metric_total: undefined,
  litellm_deployment_total_requests_total: ATTEMPT,
  litellm_deployment_success_responses_total: ATTEMPT,
  litellm_deployment_failure_responses_total: `requested_model ${DEPLOYMENT} exception_status exception_class ${WHO} client_ip user_agent`,
  litellm_deployment_cooled_down_total: `${DEPLOYMENT} exception_status`,
  litellm_deployment_successful_fallbacks_total: FALLBACK,
  litellm_deployment_failed_fallbacks_total: FALLBACK,
  litellm_cache_hits_metric_total: CACHE,
  litellm_cache_misses_metric_total: CACHE,
  litellm_cached_tokens_metric_total: CACHE,
  litellm_guardrail_requests_total: 'guardrail_name status hook_type',
  litellm_guardrail_errors_total: 'guardrail_name error_type hook_type',
  litellm_mcp_tool_calls_total: MCP,
  litellm_mcp_tool_call_spend_metric_total: MCP,
  litellm_managed_batch_created_total: 'model api_provider user user_email api_key_alias',
  litellm_managed_file_created_total: 'model api_provider user user_email api_key_alias',
  litellm_managed_file_deleted_total: 'result',
  litellm_check_batch_cost_jobs_processed_total: 'model api_provider',
  litellm_check_batch_cost_errors_total: 'error_type',
  litellm_redis_circuit_breaker_transitions_total: 'state',
  litellm_redis_circuit_breaker_failures_total: 'failure_class',
  litellm_spend_log_cleanup_runs_total: 'outcome',
  litellm_spend_log_cleanup_rows_deleted_total: 'table',
  litellm_spend_log_cleanup_batch_failures_total: 'table',
}

const GAUGES: Readonly<Record<string, string | undefined>> = {
  litellm_in_flight_requests: '',
  litellm_admission_admitted_requests: '',
  litellm_admission_queued_requests: '',
  litellm_spend_capture_rate: 'api_provider',
  litellm_deployment_state: DEPLOYMENT,
  litellm_deployment_tpm_limit: DEPLOYMENT,
  litellm_deployment_rpm_limit: DEPLOYMENT,
  litellm_remaining_requests_metric: QUOTA,
  litellm_remaining_tokens_metric: QUOTA,
  litellm_remaining_api_key_requests_for_model: 'hashed_api_key api_key_alias model model_id',
  litellm_remaining_api_key_tokens_for_model: 'hashed_api_key api_key_alias model model_id',
  litellm_api_key_rate_limit_allowed_metric: 'hashed_api_key api_key_alias rate_limit_type',
  litellm_api_key_rate_limit_used_metric: 'hashed_api_key api_key_alias rate_limit_type',
  litellm_team_rate_limit_allowed_metric: 'team team_alias rate_limit_type',
  litellm_team_rate_limit_used_metric: 'team team_alias rate_limit_type',
  litellm_remaining_team_budget_metric: 'team team_alias',
  litellm_team_max_budget_metric: 'team team_alias',
  litellm_team_budget_remaining_hours_metric: 'team team_alias',
  litellm_remaining_api_key_budget_metric: 'hashed_api_key api_key_alias',
  litellm_api_key_max_budget_metric: 'hashed_api_key api_key_alias',
  litellm_api_key_budget_remaining_hours_metric: 'hashed_api_key api_key_alias',
  litellm_remaining_user_budget_metric: 'user',
  litellm_user_max_budget_metric: 'user',
  litellm_user_budget_remaining_hours_metric: 'user',
  litellm_remaining_org_budget_metric: 'org_id org_alias',
  litellm_org_max_budget_metric: 'org_id org_alias',
  litellm_org_budget_remaining_hours_metric: 'org_id org_alias',
  litellm_remaining_customer_budget_metric: 'end_user',
  litellm_customer_max_budget_metric: 'end_user',
  litellm_customer_budget_remaining_hours_metric: 'end_user',
  litellm_provider_remaining_budget_metric: 'api_provider',
  litellm_managed_file_size_bytes: 'purpose file_type model api_provider user',
  litellm_check_batch_cost_jobs_polled: '',
  litellm_check_batch_cost_last_run_timestamp: '',
  litellm_total_users: '',
  litellm_active_users: '',
  litellm_teams_count: '',
  litellm_team_members_metric: 'team team_alias',
  litellm_redis_circuit_breaker_state: 'state',
  litellm_spend_log_cleanup_rows_remaining: 'table',
  litellm_pod_lock_manager_size: 'pod_lock_manager',
  litellm_in_memory_spend_update_queue_size: 'in_memory_spend_update_queue',
  litellm_in_memory_daily_spend_update_queue_size: 'in_memory_daily_spend_update_queue',
  litellm_redis_spend_update_queue_size: undefined,
  litellm_redis_daily_spend_update_queue_size: undefined,
  litellm_redis_daily_end_user_spend_update_queue_size: undefined,
  litellm_redis_daily_agent_spend_update_queue_size: undefined,
}

const HISTOGRAMS: Readonly<Record<string, string | undefined>> = {
  litellm_request_total_latency_metric: `${LATENCY} service_tier`,
  litellm_llm_api_latency_metric: `${LATENCY} service_tier`,
  litellm_llm_api_time_to_first_token_metric: `${LATENCY} service_tier`,
  litellm_request_queue_time_seconds: LATENCY,
  litellm_overhead_latency_metric: QUOTA,
  litellm_overhead_with_guardrails_latency_metric: QUOTA,
  litellm_deployment_latency_per_output_token: `${DEPLOYMENT} ${WHO}`,
  litellm_guardrail_latency_seconds: 'guardrail_name status error_type hook_type',
  litellm_managed_batch_duration_seconds: 'model api_provider',
  litellm_spend_log_cleanup_batch_duration_seconds: undefined,
}

const SERVICES = [
  'redis',
  'postgres',
  'auth',
  'batch_write_to_db',
  'reset_budget_job',
  'router',
  'proxy_pre_call',
  'self',
  'redis_daily_team_spend_update_queue',
  'redis_daily_tag_spend_update_queue',
  'redis_daily_org_spend_update_queue',
  'redis_window_spend_update_queue',
]

export const LITELLM_METRICS: readonly LitellmMetric[] = [
  ...metrics('counter', COUNTERS),
  ...metrics('histogram', HISTOGRAMS),
  ...metrics('gauge', GAUGES),
  ...SERVICES.flatMap((service) => [
    ...metrics('histogram', { [`litellm_${service}_latency`]: service }),
    ...metrics('counter', {
      [`litellm_${service}_total_requests_total`]: service,
      [`litellm_${service}_failed_requests_total`]: `${service} error_class function_name`,
    }),
  ]),
]

function metrics(
  type: MetricType,
  labels: Readonly<Record<string, string | undefined>>,
): readonly LitellmMetric[] {
  return Object.entries(labels).map(([name, text]) => ({
    name,
    type,
    labels: text?.split(' ').filter((label) => label !== ''),
  }))
}
