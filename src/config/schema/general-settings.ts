/** `general_settings`: the server, its database and who may use it. */
import type * as z from 'zod'
import {
  accepted,
  choice,
  decimal,
  duration,
  inForce,
  integer,
  mapWith,
  secretText,
  text,
  toggle,
} from '../setting.ts'
import { redisArgumentsSchema } from './redis-arguments.ts'
import { ALERTING_SHAPE } from './alerting.ts'

const seconds = 'a number of seconds'

export const generalSettingsSchema = mapWith({
  master_key: inForce(
    secretText('text that starts with "sk-"', (value) => value.startsWith('sk-')).optional(),
    'The key of the administrator. Falls back to `LITELLM_MASTER_KEY`, then to `PROXY_MASTER_KEY`.',
  ),
  database_url: inForce(
    secretText('a URL that starts with "postgresql://" or "postgres://"', (value) =>
      /^postgres(ql)?:\/\//.test(value),
    ).optional(),
    'PostgreSQL. Falls back to `DATABASE_URL`, then to `DATABASE_HOST`, `DATABASE_PORT`, `DATABASE_USERNAME`, `DATABASE_PASSWORD`, `DATABASE_NAME`, `DATABASE_SCHEMA`; without any, the embedded database is used. Encrypted where the server can, unless `sslmode` says otherwise.',
  ),
  database_connection_pool_limit: inForce(
    integer('a whole number from 1', 1).default(10),
    'Most connections to PostgreSQL from one process.',
  ),
  database_connect_timeout: inForce(
    decimal(seconds).optional(),
    'Seconds to open a connection; 5 when nothing says.',
  ),
  database_statement_timeout: inForce(
    decimal(seconds).optional(),
    'Seconds after which PostgreSQL ends a statement; 60 when nothing says.',
  ),
  database_connection_timeout: accepted(
    decimal(seconds).optional(),
    'Seconds to wait for a free connection.',
  ),
  database_connection_pool_timeout: accepted(
    decimal(seconds).optional(),
    'As `database_connection_timeout`.',
  ),
  database_socket_timeout: accepted(
    decimal(seconds).optional(),
    'Seconds to wait for the answer to a query.',
  ),
  database_lock_timeout: accepted(decimal(seconds).optional(), 'Seconds to wait for a lock.'),
  coordination_redis: inForce(
    redisArgumentsSchema.optional(),
    'Redis for what processes share, with the arguments of `cache_params`, which wins where it names one.',
  ),
  store_model_in_db: accepted(
    toggle().default(false),
    'Models kept in the database. Falls back to `STORE_MODEL_IN_DB`.',
  ),
  store_prompts_in_spend_logs: inForce(toggle().default(false), 'Keep prompts and answers in the call log.'),
  disable_spend_logs: inForce(
    toggle().default(false),
    'Write no call log rows; spend is counted all the same.',
  ),
  maximum_spend_logs_retention_period: inForce(
    duration().optional(),
    'How long rows of the call log are kept.',
  ),
  maximum_spend_logs_retention_interval: accepted(
    duration().default(86_400),
    'How often rows that are too old are deleted.',
  ),
  proxy_batch_write_at: inForce(
    decimal(seconds).default(1),
    'Longest time in seconds before settled calls are in the database. Falls back to `PROXY_BATCH_WRITE_AT`.',
  ),
  proxy_batch_polling_interval: inForce(
    decimal(seconds).default(3_600),
    'Seconds between two looks at batches that have not ended, to book the cost of those that have. Falls back to `PROXY_BATCH_POLLING_INTERVAL`.',
  ),
  proxy_batch_polling_enabled: inForce(
    toggle().default(true),
    'Look for batches that have ended; without it their cost is never booked. Falls back to `PROXY_BATCH_POLLING_ENABLED`. A key of Sluice’s own.',
  ),
  user_api_key_cache_ttl: inForce(
    decimal(seconds).default(60),
    'Seconds after which a known key is read anew.',
  ),
  allow_requests_on_db_unavailable: inForce(
    toggle().default(false),
    'Serve calls while the database cannot be reached, instead of refusing keys that are not yet known.',
  ),
  litellm_key_header_name: inForce(text().optional(), 'Name of the one header that carries the key.'),
  max_request_size_mb: inForce(decimal('a number of megabytes').optional(), 'Largest request body.'),
  max_file_size_mb: inForce(
    decimal('a number of megabytes').optional(),
    'Largest file of `/v1/files`; 512 when nothing says.',
  ),
  max_batch_file_size_mb: inForce(
    decimal('a number of megabytes').optional(),
    'Largest input file of a batch; 200 when nothing says.',
  ),
  cancel_on_disconnect: inForce(
    toggle().default(true),
    'Cancel the provider’s work when the client leaves; otherwise the answer is read to its end and billed exactly.',
  ),
  sse_keepalive_ping_interval_seconds: inForce(
    decimal(seconds).optional(),
    'Seconds of silence in a stream, once it has begun, after which a comment is sent to keep it open; none when nothing says.',
  ),
  enable_drain_endpoint: inForce(
    toggle().default(false),
    'Offer `GET /health/drain`, which takes the process out of the traffic and waits for what is in flight.',
  ),
  drain_endpoint_token: inForce(
    secretText().optional(),
    'What the header `X-Drain-Token` of a drain must hold; an administrator’s key may drain too.',
  ),
  disable_prisma_schema_update: inForce(
    toggle().default(false),
    'Start on the schema as it is, and do not migrate. Falls back to `DISABLE_SCHEMA_UPDATE`.',
  ),
  refuse_unpriced_models: inForce(
    toggle().default(false),
    'Refuse calls to models without a known price, instead of serving them visibly unpriced. A key of Sluice’s own.',
  ),
  ...ALERTING_SHAPE,
  global_max_parallel_requests: inForce(
    integer().optional(),
    'Most calls under way through all pods together.',
  ),
  max_parallel_requests: inForce(
    integer().optional(),
    'Most calls at a time of each key that has no `max_parallel_requests` of its own.',
  ),
  token_rate_limit_type: inForce(
    choice(['total', 'input', 'output']).default('total'),
    'Which tokens of a call count in all limits of tokens a minute.',
  ),
  disable_budget_reservation: inForce(
    toggle().default(false),
    'Reserve nothing of budgets for calls under way: budgets are held against what calls have cost that have ended.',
  ),
  limits_on_store_loss: inForce(
    choice(['local', 'fail_open', 'fail_closed']).default('local'),
    'What holds for limits and budgets while Redis does not answer: each process counts by itself (`local`), nothing is limited (`fail_open`), or limited calls are refused (`fail_closed`). A key of Sluice’s own.',
  ),
  budgets_on_store_loss: inForce(
    choice(['local', 'fail_open', 'fail_closed']).optional(),
    'The same for budgets alone, where it differs. A key of Sluice’s own.',
  ),
  fail_closed_budget_enforcement: inForce(
    toggle().default(false),
    'The same as `budgets_on_store_loss: fail_closed`, which wins.',
  ),
  always_include_stream_usage: inForce(
    toggle().default(false),
    'Send the usage of a stream to clients that did not ask for it.',
  ),
})

export type GeneralSettings = z.output<typeof generalSettingsSchema>

/** Keys of LiteLLM that are read over: a warning names each that is set. */
export const GENERAL_SETTINGS_NOT_IN_FORCE: readonly string[] = `
  admin_only_routes admission_queue_timeout_seconds allow_client_side_credentials allow_public_health_readiness_details
  allow_unmanaged_response_ids allowed_file_extensions allowed_ips allowed_routes auto_redirect_ui_login_to_sso
  background_health_check_model_groups background_health_checks blocked_file_extensions completion_model
  control_plane_url custom_auth custom_auth_run_common_checks custom_key_generate custom_key_policy
  custom_key_update custom_sso custom_ui_sso_sign_in_handler database_disable_prepared_statements
  database_extra_connection_params database_type default_team_disabled disable_adding_master_key_hash_to_db
  disable_auto_add_proxy_admin_to_teams disable_env_credential_login disable_error_logs
  disable_master_key_return disable_password_login_when_sso_enabled disable_reset_budget
  disable_responses_id_security disable_retry_on_max_parallel_request_limit_error disable_spend_updates
  embedding_model enable_health_check_routing enable_jwt_auth
  enable_mcp_registry enable_oauth2_auth enable_oauth2_proxy_auth enforce_fallback_budget
  enforce_fallback_model_access enforce_rbac enforce_rpm_tpm_on_model_add enforce_user_param enforced_params
  failed_login_window_seconds forward_client_headers_to_llm_api
  forward_llm_provider_auth_headers forward_openai_org_id health_check_concurrency
  health_check_details health_check_ignore_transient_errors health_check_interval
  health_check_skip_disabled_background_models health_check_staleness_threshold image_generation_model
  include_call_id_in_error_body infer_model_from_keys key_management_settings key_management_system litellm_jwtauth
  litellm_license max_failed_login_attempts max_failed_login_attempts_per_source
  max_in_flight_requests_per_worker max_queued_requests_per_worker
  max_response_size_mb maximum_spend_logs_cleanup_batch_size maximum_spend_logs_cleanup_batch_timeout
  maximum_spend_logs_cleanup_cron maximum_spend_logs_cleanup_max_batches maximum_spend_logs_cleanup_run_budget
  mcp_trusted_proxy_ranges missing_session_id moderation_model oauth2_config_mappings pass_through_endpoints
  pass_through_request_timeout proxy_budget_rescheduler_max_time
  proxy_budget_rescheduler_min_time proxy_config_reload_interval_seconds public_routes reject_clientside_metadata_tags
  require_end_user_mcp_access_defined require_key_mcp_access_defined role_permissions scheduled_job_stagger
  scope_spend_list_endpoints_to_caller search_tools service_account_settings
  supported_db_objects ui_access_mode use_client_credentials_pass_through_routes
  use_redis_transaction_buffer use_shared_health_check use_x_forwarded_for user_api_key_cache_max_size
  user_header_mappings user_header_name`
  .trim()
  .split(/\s+/)
