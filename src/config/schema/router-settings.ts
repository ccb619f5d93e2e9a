/** `router_settings`: how calls are spread over deployments and tried again. */
import * as z from 'zod'
import { budgetDuration } from '../budget-duration.ts'
import {
  accepted,
  choice,
  decimal,
  inForce,
  integer,
  mapOf,
  mapWith,
  text,
  textList,
  toggle,
  secretText,
} from '../setting.ts'
import { redisArgumentsSchema } from './redis-arguments.ts'

const seconds = 'a number of seconds'

const aliasTarget = z.union(
  [
    text(),
    mapWith({
      model: inForce(text(), 'Model group.'),
      hidden: inForce(toggle().default(false), 'Not listed.'),
    }),
  ],
  { error: 'the name of a model group, or a map with `model` and `hidden`' },
)

export const routerSettingsSchema = mapWith({
  routing_strategy: accepted(
    choice([
      'simple-shuffle',
      'least-busy',
      'usage-based-routing',
      'usage-based-routing-v2',
      'latency-based-routing',
      'cost-based-routing',
    ]).default('simple-shuffle'),
    'How a deployment is picked; `simple-shuffle` is in force.',
  ),
  num_retries: inForce(integer().optional(), 'Further tries after the first; 2 when nothing says.'),
  timeout: inForce(decimal(seconds).optional(), 'Seconds for a whole call; 600 when nothing says.'),
  stream_timeout: inForce(decimal(seconds).optional(), 'Seconds to the first content of a stream.'),
  stream_idle_timeout: inForce(
    decimal(seconds).optional(),
    'Longest silence of a provider within an answer, in seconds; 300 when nothing says.',
  ),
  retry_after: inForce(decimal(seconds).default(0), 'Least number of seconds between two tries.'),
  model_group_alias: inForce(
    mapOf(aliasTarget, 'a map').default({}),
    'Further names of model groups; with `hidden: true` they are not listed.',
  ),
  redis_url: inForce(secretText().optional(), 'Redis, where `cache_params` names none.'),
  redis_host: inForce(text().optional(), 'The same by its host.'),
  redis_port: inForce(integer('a port number', 1, 65_535).optional(), 'Port of that host.'),
  redis_password: inForce(secretText().optional(), 'Password of that Redis.'),
  redis_db: inForce(integer().optional(), 'Database number of that Redis.'),
  cache_kwargs: inForce(
    redisArgumentsSchema.optional(),
    'Further arguments for that Redis, as in `cache_params`.',
  ),
  provider_budget_config: inForce(
    mapOf(
      mapWith({
        budget_limit: inForce(decimal('an amount in USD').optional(), 'What may be spent at the provider.'),
        time_period: inForce(
          budgetDuration().optional(),
          'After which time the budget starts anew, e.g. `1d`.',
        ),
        max_budget: inForce(decimal('an amount in USD').optional(), 'As `budget_limit`, which wins.'),
        budget_duration: inForce(budgetDuration().optional(), 'As `time_period`, which wins.'),
      }),
      'a map of budgets',
    ).default({}),
    'Budgets of providers, by their names: a provider whose budget is spent gets no calls.',
  ),
  optional_pre_call_checks: inForce(
    textList().default([]),
    '`enforce_model_rate_limits` makes `rpm` and `tpm` of deployments limits; others have no effect yet.',
  ),
  allowed_fails: accepted(integer().optional(), 'Failures in a minute after which a deployment rests.'),
  cooldown_time: accepted(decimal(seconds).optional(), 'Seconds that a failing deployment rests.'),
})

export type RouterSettings = z.output<typeof routerSettingsSchema>

/** Keys of LiteLLM that are read over: a warning names each that is set. */
export const ROUTER_SETTINGS_NOT_IN_FORCE: readonly string[] = `
  alerting_config allow_client_keepalive_override allowed_fails_policy assistants_config cache_responses
  caching_groups client_ttl content_policy_fallbacks context_window_fallbacks debug_level default_fallbacks
  default_litellm_params default_max_parallel_requests default_priority deployment_affinity_ttl_seconds
  disable_cooldowns enable_health_check_routing enable_pre_call_checks enable_tag_filtering enable_weighted_failover
  fallbacks guardrail_list health_check_staleness_threshold ignore_invalid_deployments keepalive_seconds max_fallbacks
  max_retries model_group_affinity_config model_group_retry_policy polling_interval
  retry_policy router_general_settings
  routing_groups routing_strategy_args search_tools set_verbose tag_filtering_match_any
  tag_routing_prefix ttft_timeout`
  .trim()
  .split(/\s+/)
