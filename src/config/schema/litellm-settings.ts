/** `litellm_settings`: callbacks, metrics, logging, and defaults of calls, keys and users. */
import type * as z from 'zod'
import { budgetDuration } from '../budget-duration.ts'
import { CACHE_SCOPES } from '../response-cache.ts'
import {
  accepted,
  anyMap,
  anything,
  choice,
  decimal,
  inForce,
  integer,
  listOf,
  mapOf,
  mapWith,
  secretText,
  text,
  textList,
  toggle,
} from '../setting.ts'
import { PROMETHEUS_SHAPE } from './prometheus-settings.ts'
import { redisArguments } from './redis-arguments.ts'

const seconds = 'a number of seconds'
const amount = 'an amount in USD'

function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).format(0) !== ''
  } catch {
    return false
  }
}

/** Response cache, and the Redis that it uses. */
const cacheParamsSchema = mapWith({
  type: inForce(
    text().optional(),
    'Where answers are kept: `redis` (the default), or `local` for each process.',
  ),
  ...redisArguments,
  namespace: inForce(text().optional(), 'Prefix of all keys in Redis.'),
  ttl: inForce(decimal(seconds).optional(), 'Seconds that an answer is kept where its request does not say.'),
  default_in_memory_ttl: inForce(
    decimal(seconds).optional(),
    'The same for `local`, where `ttl` is not set; 600 where neither is.',
  ),
  default_in_redis_ttl: inForce(
    decimal(seconds).optional(),
    'The same for `redis`, where `ttl` is not set; 86400 where neither is.',
  ),
  mode: inForce(
    choice(['default_on', 'default_off']).optional(),
    '`default_on`, or `default_off` for calls that ask for it only.',
  ),
  supported_call_types: inForce(
    textList().optional(),
    'Kinds of call that are cached; an empty list switches the cache off and leaves Redis to the limits.',
  ),
  scope: inForce(
    choice(CACHE_SCOPES).optional(),
    'Who shares answers: the keys of one `team` (the default; without a team, of one user), one `key`, one ' +
      '`organization`, or `all`.',
  ),
  max_memory_mb: inForce(
    integer('a whole number of megabytes from 1', 1, 1_000_000).optional(),
    'Memory for `local` in each process; 100 where it is not set.',
  ),
})

/** The bucket of the callbacks `s3` and `s3_v2`. */
const s3CallbackParamsSchema = mapWith({
  s3_bucket_name: inForce(text().optional(), 'The bucket.'),
  s3_region_name: inForce(
    text().optional(),
    'Its region. Falls back to `AWS_REGION`, then to `AWS_DEFAULT_REGION`, then to `us-east-1`.',
  ),
  s3_endpoint_url: inForce(
    text('a URL', (value) => URL.canParse(value)).optional(),
    'A store other than that of AWS, which takes the bucket as the first part of the path.',
  ),
  s3_path: inForce(text().optional(), 'What each key begins with.'),
  s3_use_team_prefix: inForce(toggle().default(false), 'A folder for each team.'),
  s3_aws_access_key_id: inForce(secretText().optional(), 'Falls back to `AWS_ACCESS_KEY_ID`.'),
  s3_aws_secret_access_key: inForce(secretText().optional(), 'Falls back to `AWS_SECRET_ACCESS_KEY`.'),
  s3_aws_session_token: inForce(secretText().optional(), 'Falls back to `AWS_SESSION_TOKEN`.'),
})

export const litellmSettingsSchema = mapWith({
  callbacks: inForce(
    textList().default([]),
    'Where calls are reported: `prometheus`, `otel`, `arize`, `arize_phoenix`, `generic_api`, `datadog`, `langfuse`, `langfuse_otel`, `s3`, `s3_v2`.',
  ),
  success_callback: inForce(textList().default([]), 'As `callbacks`, for calls that succeed.'),
  failure_callback: inForce(textList().default([]), 'As `callbacks`, for calls that fail.'),
  service_callback: inForce(
    textList().default([]),
    'Where the state of database and Redis is reported; `prometheus_system` is in force.',
  ),
  require_auth_for_metrics_endpoint: inForce(
    toggle().default(true),
    'Ask for a key with an admin or admin-viewer role on `/metrics`.',
  ),
  ...PROMETHEUS_SHAPE,
  request_timeout: inForce(
    decimal(seconds).optional(),
    'Seconds for a whole call, where neither deployment nor `router_settings` says. Falls back to `REQUEST_TIMEOUT`.',
  ),
  num_retries: inForce(integer().optional(), 'As `router_settings.num_retries`, which wins.'),
  allowed_fails: accepted(integer().optional(), 'As `router_settings.allowed_fails`, which wins.'),
  cooldown_time: accepted(decimal(seconds).optional(), 'As `router_settings.cooldown_time`, which wins.'),
  json_logs: accepted(
    toggle().default(true),
    'Log lines as JSON objects, which they always are. Falls back to `JSON_LOGS`.',
  ),
  forward_traceparent_to_llm_provider: inForce(
    toggle().default(false),
    'Tell providers of the trace by `traceparent` and `tracestate`, while calls are traced.',
  ),
  request_log_sample_ratio: inForce(
    decimal('a share from 0 to 1', 0, 1).default(1),
    'Share of the calls that went well that have a line in the log, from 0 to 1. Others always have one.',
  ),
  turn_off_message_logging: inForce(
    toggle().default(false),
    'Never keep prompts and answers, whatever else is set.',
  ),
  drop_params: accepted(
    toggle().default(false),
    'Drop parameters that a provider does not know, instead of refusing.',
  ),
  s3_callback_params: inForce(
    s3CallbackParamsSchema.optional(),
    'Where the callbacks `s3` and `s3_v2` put calls.',
  ),
  cache: inForce(toggle().default(false), 'Cache answers.'),
  cache_params: inForce(cacheParamsSchema.optional(), 'Where and how answers are cached.'),
  model_alias_map: inForce(
    mapOf(text(), 'a map of texts').default({}),
    'Model names of clients, each with the model group that serves it.',
  ),
  default_internal_user_params: inForce(
    mapWith({
      user_role: inForce(text().optional(), 'Role of a new user.'),
      max_budget: inForce(decimal(amount).optional(), 'Budget of a new user.'),
      budget_duration: inForce(text().optional(), 'After which time the budget starts anew, e.g. `30d`.'),
      models: inForce(textList().optional(), 'Models that a new user may call.'),
      teams: inForce(listOf(anything(), 'a list').optional(), 'Teams that a new user joins.'),
    }).optional(),
    'What a new user gets where `/user/new` does not say.',
  ),
  max_internal_user_budget: inForce(
    decimal(amount).optional(),
    'Budget of a new user, where neither `/user/new` nor `default_internal_user_params` says.',
  ),
  max_user_budget: inForce(decimal(amount).optional(), 'As `max_internal_user_budget`, which wins.'),
  internal_user_budget_duration: inForce(
    text().optional(),
    'After which time that budget starts anew, e.g. `30d`.',
  ),
  default_key_generate_params: inForce(
    anyMap().optional(),
    'Fields of `/key/generate` that a request leaves out, e.g. `max_budget`, `models`, `duration`.',
  ),
  upperbound_key_generate_params: inForce(
    mapWith({
      max_budget: inForce(decimal(amount).optional(), 'Largest budget.'),
      budget_duration: inForce(text().optional(), 'Longest time after which a budget starts anew.'),
      duration: inForce(text().optional(), 'Longest life of a key.'),
      max_parallel_requests: inForce(integer().optional(), 'Most calls at a time.'),
      tpm_limit: inForce(integer().optional(), 'Most tokens a minute.'),
      rpm_limit: inForce(integer().optional(), 'Most requests a minute.'),
    }).optional(),
    'What `/key/generate` gives at most: it fills what a request leaves out, and more is refused.',
  ),
  default_team_params: inForce(
    mapWith({
      max_budget: inForce(decimal(amount).optional(), 'Budget of a new team.'),
      budget_duration: inForce(text().optional(), 'After which time the budget starts anew, e.g. `30d`.'),
      tpm_limit: inForce(integer().optional(), 'Tokens a minute of a new team.'),
      rpm_limit: inForce(integer().optional(), 'Requests a minute of a new team.'),
      models: inForce(textList().optional(), 'Models that a new team may call.'),
      team_member_permissions: inForce(
        textList().optional(),
        'What members may do with the keys of a new team.',
      ),
    }).optional(),
    'What a new team gets where `/team/new` does not say.',
  ),
  max_budget: inForce(decimal(amount).optional(), 'What may be spent through this gateway; 0 is no budget.'),
  budget_duration: inForce(
    budgetDuration().optional(),
    'After which time `max_budget` starts anew, e.g. `1mo`; never when nothing says.',
  ),
  max_end_user_budget: inForce(
    decimal(amount).optional(),
    'Budget of each end user that has no budget of its own.',
  ),
  max_end_user_budget_id: inForce(
    text().optional(),
    'The budget (`/budget/new`) of each end user that has none of its own; it wins over `max_end_user_budget`.',
  ),
  tag_budget_config: inForce(
    mapOf(
      mapWith({
        max_budget: inForce(decimal(amount), 'Budget of the tag.'),
        budget_duration: inForce(text().optional(), 'After which time the budget starts anew, e.g. `30d`.'),
      }),
      'a map of budgets',
    ).default({}),
    'Budgets of tags that have none by `/tag/new`.',
  ),
  timezone: inForce(
    text('a time zone such as "Europe/Berlin"', isTimeZone).default('UTC'),
    'Time zone in which budget windows of days, weeks and months begin.',
  ),
  budget_reset_time: inForce(
    text('a time of day such as "06:00"', (value) => /^([01]\d|2[0-3]):[0-5]\d$/.test(value)).default(
      '00:00',
    ),
    'Time of day at which budget windows of days, weeks and months begin.',
  ),
})

export type LitellmSettings = z.output<typeof litellmSettingsSchema>

/** Keys of LiteLLM that are read over: a warning names each that is set. */
export const LITELLM_SETTINGS_NOT_IN_FORCE: readonly string[] = `
  add_user_information_to_llm_headers aiohttp_trust_env audit_log_callbacks check_provider_endpoint
  content_policy_fallbacks context_window_fallbacks cost_discount_config cost_margin_config
  custom_provider_map default_fallbacks
  default_redis_batch_cache_expiry default_redis_ttl default_team_settings disable_add_user_agent_to_request_tags
  disable_aiohttp_transport disable_copilot_system_to_assistant disable_end_user_cost_tracking
  disable_end_user_cost_tracking_prometheus_only disable_hf_tokenizer_download disable_stop_sequence_limit
  enable_caching_on_provider_specific_optional_params enable_json_schema_validation enable_key_alias_format_validation
  enable_model_config_credential_overrides enable_preview_features enable_redis_auth_cache extra_spend_tag_headers
  fallbacks force_ipv4 guardrails http2 key_generation_settings
  langfuse_default_tags litellm_key_header_name max_ui_session_budget mcp_aliases model_group_settings
  modify_params overwrite_user_with_key_hash priority_reservation priority_reservation_settings prometheus_emit_input_sequence_length_label
  public_model_groups
  public_model_groups_links redact_messages_in_exceptions redact_user_api_key_info request_correlation_in_logs
  require_managed_files return_response_headers route_all_chat_openai_to_responses
  service_callbacks set_verbose skip_system_message_in_guardrail ssl_verify store_audit_logs telemetry
  use_chat_completions_url_for_anthropic_messages user_url_allowed_hosts user_url_validation`
  .trim()
  .split(/\s+/)
