/** `model_list`: the deployments. Every parameter that is not the gateway’s own is a default of the calls it serves. */
import * as z from 'zod'
import { budgetDuration } from '../budget-duration.ts'
import {
  accepted,
  anything,
  decimal,
  inForce,
  integer,
  mapOf,
  mapWith,
  nameText,
  secretText,
  text,
  textList,
  toggle,
} from '../setting.ts'

const seconds = 'a number of seconds'

export const litellmParamsSchema = mapWith({
  model: inForce(
    nameText(),
    '`<provider>/<model>` as the provider knows it; `*` stands for what the client’s name has there.',
  ),
  custom_llm_provider: inForce(text().optional(), 'The provider, where `model` does not begin with it.'),
  api_key: inForce(secretText().optional(), 'Key at the provider. Falls back to the provider’s variable.'),
  api_base: inForce(text().optional(), 'Base URL of the provider. `base_url` is the same key.'),
  api_version: accepted(text().optional(), 'Version of the provider’s API, sent as `api-version`.'),
  organization: inForce(
    z.union([text(), textList()], { error: 'text or a list of texts' }).optional(),
    'OpenAI organization; a list makes one deployment of each.',
  ),
  litellm_credential_name: inForce(
    text().optional(),
    'Name of the `credential_list` entry that this deployment uses.',
  ),
  weight: inForce(
    decimal('a number').optional(),
    'Share of the calls, relative to the group’s other deployments.',
  ),
  rpm: inForce(
    integer().optional(),
    'Requests a minute: the share of calls where there is no `weight`. A limit where `router_settings` routes by usage, or has the check `enforce_model_rate_limits`.',
  ),
  tpm: inForce(
    integer().optional(),
    'Tokens a minute: the share of calls where there is neither `weight` nor `rpm`. A limit as `rpm` is one.',
  ),
  max_parallel_requests: inForce(integer().optional(), 'Most calls under way to this deployment.'),
  default_api_key_rpm_limit: inForce(
    integer().optional(),
    'Requests a minute of this model group by each key, where neither the key nor its team says. The lowest of a group counts.',
  ),
  default_api_key_tpm_limit: inForce(integer().optional(), 'The same for tokens a minute.'),
  max_budget: inForce(
    decimal('an amount in USD').optional(),
    'What may be spent at this deployment; once it is spent, others of the group take the calls.',
  ),
  budget_duration: inForce(
    budgetDuration().optional(),
    'After which time the budget starts anew, e.g. `1d`; never when nothing says.',
  ),
  order: accepted(
    integer('a whole number', Number.MIN_SAFE_INTEGER).optional(),
    'Deployments of the lowest order go first.',
  ),
  timeout: inForce(decimal(seconds).optional(), 'Seconds for a whole call.'),
  stream_timeout: inForce(decimal(seconds).optional(), 'Seconds to the first content of a stream.'),
  max_retries: accepted(integer().optional(), 'Tries of one deployment.'),
  cooldown_time: accepted(decimal(seconds).optional(), 'Seconds that this deployment rests after failures.'),
  tags: accepted(textList().optional(), 'Tags of calls that this deployment serves.'),
  drop_params: accepted(toggle().optional(), 'Drop parameters that the provider does not know.'),
  extra_headers: inForce(
    mapOf(secretText(), 'a map of texts').optional(),
    'Headers sent with every call. `default_headers` is the same key.',
  ),
  extra_body: inForce(
    mapOf(anything(), 'a map').optional(),
    'Members added to the body where the client sent none.',
  ),
})

export type LitellmParams = z.output<typeof litellmParamsSchema>

/** Keys that are the gateway’s own, or credentials of providers that are not built yet: never sent as parameters. */
export const LITELLM_PARAMS_NOT_IN_FORCE: readonly string[] = `
  access_groups adaptive_router_config additional_drop_params allowed_model_region allowed_openai_params
  auto_router_config auto_router_config_path auto_router_default_model auto_router_embedding_model
  aws_access_key_id aws_batch_role_arn aws_bedrock_runtime_endpoint aws_external_id aws_profile_name aws_region_name
  aws_role_name aws_secret_access_key aws_session_name aws_session_token aws_sts_endpoint aws_web_identity_token
  azure_ad_token azure_password azure_scope azure_username cache_control_injection_points client_id
  client_secret complexity_router_config configurable_clientside_auth_params fallbacks gcs_bucket_name guardrails max_file_size_mb
  merge_reasoning_content_in_choices mock_delay model_info mock_response mock_timeout num_retries prompt_id prompt_variables
  quality_router_config region_name s3_bucket_name s3_encryption_key_id tag_regex tenant_id
  use_chat_completions_api use_in_pass_through use_litellm_proxy vertex_credentials vertex_location vertex_project
  watsonx_region_name`
  .trim()
  .split(/\s+/)

export const modelInfoSchema = mapWith({
  id: inForce(nameText().optional(), 'Stable id of the deployment; by default a hash of the entry.'),
  mode: inForce(text().optional(), 'Kind of model: `chat`, `embedding`, `responses` …'),
  base_model: inForce(text().optional(), 'Name under which the model is priced.'),
  access_groups: inForce(
    textList().default([]),
    'Group names that keys, teams and users may list as models.',
  ),
  max_tokens: inForce(integer().optional(), 'Shown in `/model/info`.'),
  max_input_tokens: inForce(integer().optional(), 'Shown in `/model/info`.'),
  max_output_tokens: inForce(integer().optional(), 'Shown in `/model/info`.'),
})

/** Keys of `model_info` that are shown in `/model/info`, and do nothing else yet. */
export const MODEL_INFO_NOT_IN_FORCE: readonly string[] = `
  blocked disable_background_health_check health_check_max_tokens health_check_max_tokens_non_reasoning
  health_check_max_tokens_reasoning health_check_model health_check_timeout health_check_voice
  supported_environments team_id team_public_model_name`
  .trim()
  .split(/\s+/)

/** Price keys of LiteLLM’s cost map: `input_cost_per_token`, `cache_read_input_token_cost_above_1hr`, … */
const PRICE_KEY = /_cost(_|$)|^tiered_pricing$/

export function isPriceKey(name: string): boolean {
  return PRICE_KEY.test(name)
}

export const priceSchema = decimal('a price in USD')
