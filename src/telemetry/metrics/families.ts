/**
 * Every metric about calls, as data: name, type, labels in LiteLLM's order, and what it counts. The docs page and the
 * code that counts both come from this list. Source of names and labels: LiteLLM's Prometheus documentation.
 */
import type { CallLabel } from './call-labels.ts'
import type { AcrossWorkers } from './family.ts'

/** Seconds. LiteLLM's own list. */
export const LATENCY_BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 420, 600,
]

/** The default buckets of Prometheus' Python client, in seconds. */
export const CLIENT_DEFAULT_BUCKETS: readonly number[] = [
  0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10,
]

const WHO: readonly CallLabel[] = ['hashed_api_key', 'api_key_alias', 'team', 'team_alias']

const PROXY: readonly CallLabel[] = [
  'end_user',
  'hashed_api_key',
  'api_key_alias',
  'requested_model',
  'team',
  'team_alias',
  'user',
]

const TOKENS: readonly CallLabel[] = [
  'end_user',
  'hashed_api_key',
  'api_key_alias',
  'model',
  'team',
  'team_alias',
  'user',
  'user_email',
  'requested_model',
  'model_id',
  'api_provider',
]

const LATENCY: readonly CallLabel[] = [...PROXY, 'model', 'model_id', 'api_provider']

const DEPLOYMENT: readonly CallLabel[] = ['litellm_model_name', 'model_id', 'api_base', 'api_provider']

const ATTEMPT: readonly CallLabel[] = ['requested_model', ...DEPLOYMENT, ...WHO, 'client_ip', 'user_agent']

const QUOTA: readonly CallLabel[] = [
  'model_group',
  'api_provider',
  'api_base',
  'litellm_model_name',
  'hashed_api_key',
  'api_key_alias',
  'model_id',
]

const CACHE: readonly CallLabel[] = [
  'model',
  'hashed_api_key',
  'api_key_alias',
  'team',
  'team_alias',
  'end_user',
  'user',
  'model_id',
  'api_provider',
]

export interface FamilyDefinition {
  readonly name: string
  readonly help: string
  readonly labels: readonly CallLabel[]
  readonly acrossWorkers?: AcrossWorkers
  /** Its caller is named as `prometheus_deployment_and_latency_caller_identity` says. */
  readonly callerIdentity?: true
}

/** Counters, by the name that the code calls them. */
export const COUNTERS = {
  proxyTotal: {
    name: 'litellm_proxy_total_requests_metric_total',
    help: 'Calls that clients made, whatever became of them',
    labels: [
      ...PROXY,
      'status_code',
      'user_email',
      'route',
      'client_ip',
      'user_agent',
      'model_id',
      'api_provider',
    ],
  },
  proxyFailed: {
    name: 'litellm_proxy_failed_requests_metric_total',
    help: 'Calls that did not get a whole answer from a provider, other than by the client leaving',
    labels: [
      ...PROXY,
      'user_email',
      'exception_status',
      'exception_class',
      'route',
      'client_ip',
      'user_agent',
      'model_id',
      'api_provider',
    ],
  },
  requests: {
    name: 'litellm_requests_metric_total',
    help: 'Calls that were answered, by a provider or from the cache (older name, kept for dashboards)',
    labels: [
      'end_user',
      'hashed_api_key',
      'api_key_alias',
      'model',
      'team',
      'team_alias',
      'user',
      'user_email',
      'client_ip',
      'user_agent',
      'requested_model',
      'model_id',
      'api_provider',
    ],
  },
  llmApiFailed: {
    name: 'litellm_llm_api_failed_requests_metric_total',
    help: 'Attempts at a provider that failed (older name, kept for dashboards)',
    labels: [
      'end_user',
      'hashed_api_key',
      'api_key_alias',
      'model',
      'team',
      'team_alias',
      'user',
      'model_id',
    ],
  },
  zeroCost: {
    name: 'litellm_zero_cost_requests_total',
    help: 'Calls with usage that were booked at no cost because no price is known for their model',
    labels: ['requested_model', 'model', 'model_id', 'api_provider', 'reason'],
  },
  spend: {
    name: 'litellm_spend_metric_total',
    help: 'Cost of calls in US dollars, calls that broke off included',
    labels: [
      'end_user',
      'hashed_api_key',
      'api_key_alias',
      'model',
      'team',
      'team_alias',
      'user',
      'user_email',
      'client_ip',
      'user_agent',
      'requested_model',
      'model_id',
      'api_provider',
      'service_tier',
    ],
  },
  totalTokens: {
    name: 'litellm_total_tokens_metric_total',
    help: 'Input and output tokens together',
    labels: TOKENS,
  },
  inputTokens: {
    name: 'litellm_input_tokens_metric_total',
    help: 'Input tokens, those read from and written to a prompt cache included',
    labels: TOKENS,
  },
  outputTokens: {
    name: 'litellm_output_tokens_metric_total',
    help: 'Output tokens, reasoning included',
    labels: TOKENS,
  },
  inputCachedTokens: {
    name: 'litellm_input_cached_tokens_metric_total',
    help: 'Input tokens read from a prompt cache: part of the input tokens',
    labels: TOKENS,
  },
  inputCacheCreationTokens: {
    name: 'litellm_input_cache_creation_tokens_metric_total',
    help: 'Input tokens written to a prompt cache: part of the input tokens',
    labels: TOKENS,
  },
  inputAudioTokens: {
    name: 'litellm_input_audio_tokens_metric_total',
    help: 'Input tokens of audio: part of the input tokens',
    labels: TOKENS,
  },
  outputReasoningTokens: {
    name: 'litellm_output_reasoning_tokens_metric_total',
    help: 'Output tokens of reasoning: part of the output tokens',
    labels: TOKENS,
  },
  outputAudioTokens: {
    name: 'litellm_output_audio_tokens_metric_total',
    help: 'Output tokens of audio: part of the output tokens',
    labels: TOKENS,
  },
  providerCacheReadTokens: {
    name: 'litellm_provider_cache_read_input_tokens_metric_total',
    help: 'The same tokens as litellm_input_cached_tokens_metric_total, under the name of newer dashboards',
    labels: TOKENS,
  },
  providerCacheCreationTokens: {
    name: 'litellm_provider_cache_creation_input_tokens_metric_total',
    help: 'The same tokens as litellm_input_cache_creation_tokens_metric_total, under the name of newer dashboards',
    labels: TOKENS,
  },
  cacheHits: {
    name: 'litellm_cache_hits_metric_total',
    help: 'Calls answered from the response cache',
    labels: CACHE,
  },
  cacheMisses: {
    name: 'litellm_cache_misses_metric_total',
    help: 'Calls that asked the response cache, and went to a provider',
    labels: CACHE,
  },
  cachedTokens: {
    name: 'litellm_cached_tokens_metric_total',
    help: 'Input and output tokens of the calls answered from the response cache',
    labels: CACHE,
  },
  deploymentTotal: {
    name: 'litellm_deployment_total_requests_total',
    help: 'Attempts at a deployment; calls refused by the gateway have empty deployment labels',
    labels: ATTEMPT,
    callerIdentity: true,
  },
  deploymentSuccess: {
    name: 'litellm_deployment_success_responses_total',
    help: 'Attempts at a deployment that succeeded',
    labels: ATTEMPT,
    callerIdentity: true,
  },
  deploymentFailure: {
    name: 'litellm_deployment_failure_responses_total',
    help: 'Attempts at a deployment that failed; calls refused by the gateway have empty deployment labels',
    labels: [
      'requested_model',
      ...DEPLOYMENT,
      'exception_status',
      'exception_class',
      ...WHO,
      'client_ip',
      'user_agent',
    ],
    callerIdentity: true,
  },
} as const satisfies Record<string, FamilyDefinition>

/** Histograms, in seconds, by the name that the code calls them. */
export const HISTOGRAMS = {
  totalLatency: {
    name: 'litellm_request_total_latency_metric',
    help: 'Seconds from the arrival of a call to its end, of calls that were answered whole, by a provider or from the cache',
    labels: [...LATENCY, 'service_tier'],
    callerIdentity: true,
  },
  llmApiLatency: {
    name: 'litellm_llm_api_latency_metric',
    help: 'Seconds from sending the request to the end of the answer, of calls that a provider served',
    labels: [...LATENCY, 'service_tier'],
    callerIdentity: true,
  },
  timeToFirstToken: {
    name: 'litellm_llm_api_time_to_first_token_metric',
    help: 'Seconds from sending the request to the first content of the stream, of streams that broke off too',
    labels: [...LATENCY, 'service_tier'],
    callerIdentity: true,
  },
  queueTime: {
    name: 'litellm_request_queue_time_seconds',
    help: 'Seconds from the arrival of a call to its first attempt at a provider',
    labels: LATENCY,
    callerIdentity: true,
  },
  overhead: {
    name: 'litellm_overhead_latency_metric',
    help: 'Seconds that the gateway added to a call: before its first attempt at a provider, and after its last',
    labels: QUOTA,
    callerIdentity: true,
  },
  latencyPerOutputToken: {
    name: 'litellm_deployment_latency_per_output_token',
    help: 'Seconds of the provider for each output token, of calls that it served',
    labels: [...DEPLOYMENT, ...WHO],
    callerIdentity: true,
  },
  callDuration: {
    name: 'sluice_call_duration_seconds',
    help: 'Seconds from the arrival of a call to its end, of all calls, by how they ended',
    labels: ['requested_model', 'model_id', 'api_provider', 'ending'],
  },
  attemptDuration: {
    name: 'sluice_attempt_duration_seconds',
    help: 'Seconds of each attempt at a provider, those that failed included; exception_class is None where it did not',
    labels: ['requested_model', 'litellm_model_name', 'model_id', 'api_provider', 'exception_class'],
  },
} as const satisfies Record<string, FamilyDefinition>

/** Gauges, by the name that the code calls them. */
export const GAUGES = {
  inFlight: {
    name: 'litellm_in_flight_requests',
    help: 'HTTP requests being answered now',
    labels: [],
  },
  deploymentState: {
    name: 'litellm_deployment_state',
    help: 'Outcome of the last attempt at a deployment: 0 it succeeded, 1 it failed',
    labels: DEPLOYMENT,
    acrossWorkers: 'max',
  },
  remainingRequests: {
    name: 'litellm_remaining_requests_metric',
    help: 'Requests that the provider said it has left, with its last answer that said so',
    labels: QUOTA,
    acrossWorkers: 'min',
  },
  remainingTokens: {
    name: 'litellm_remaining_tokens_metric',
    help: 'Tokens that the provider said it has left, with its last answer that said so',
    labels: QUOTA,
    acrossWorkers: 'min',
  },
} as const satisfies Record<string, FamilyDefinition>
