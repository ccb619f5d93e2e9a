/** Calls that fail or are slow. */
import type { AlertGroup } from './alert.ts'

const CALLS = 'litellm_proxy_total_requests_metric_total'
const FAILED = 'litellm_proxy_failed_requests_metric_total'
const ATTEMPTS = 'litellm_deployment_total_requests_total'
const FAILURES = 'litellm_deployment_failure_responses_total'
const SUCCESSES = 'litellm_deployment_success_responses_total'

const KEY_LIMIT = 'job, hashed_api_key, api_key_alias, rate_limit_type'

/** What clients did wrong is no failure of a provider. */
const OF_PROVIDER = 'model_id!~"(None)?",exception_status!~"400|404|413|422"'

const rate = (series: string, window: string): string => `rate(${series}[${window}])`

const providerFailures = (by: string): string =>
  `sum by (${by}) (${rate(`${FAILURES}{${OF_PROVIDER}}`, '5m')}) / sum by (${by}) (${rate(`${ATTEMPTS}{model_id!~"(None)?"}`, '5m')})`

const p95 = (histogram: string, by: string, window: string): string =>
  `histogram_quantile(0.95, sum by (le, ${by}) (${rate(`${histogram}_bucket`, window)}))`

export const CALL_ALERTS: AlertGroup = {
  name: 'calls',
  alerts: [
    {
      name: 'SluiceCallsFailing',
      severity: 'critical',
      for: '5m',
      expression: `sum by (job) (${rate(`${FAILED}{exception_status=~"5..|408"}`, '5m')}) / sum by (job) (${rate(CALLS, '5m')}) > 0.05 and sum by (job) (${rate(CALLS, '5m')}) > 0.05`,
      summary: 'More than 5 % of the calls to {{ $labels.job }} fail',
      description:
        '{{ $value | humanizePercentage }} of the calls got a 5xx, a time-out or a broken stream, after all retries. What clients did wrong and refusals at limits are not counted.',
    },
    {
      name: 'SluiceModelDown',
      severity: 'critical',
      for: '3m',
      expression: `sum by (job, requested_model) (${rate(`${FAILURES}{${OF_PROVIDER}}`, '5m')}) > 0 unless sum by (job, requested_model) (${rate(SUCCESSES, '5m')}) > 0`,
      summary: 'Nothing answers calls for {{ $labels.requested_model }}',
      description:
        'All attempts at all deployments of {{ $labels.requested_model }} have failed for five minutes.',
    },
    {
      name: 'SluiceProviderFailing',
      severity: 'warning',
      for: '5m',
      expression: `${providerFailures('job, api_provider')} > 0.1 and sum by (job, api_provider) (${rate(ATTEMPTS, '5m')}) > 0.05`,
      summary: 'More than 10 % of the requests to {{ $labels.api_provider }} fail',
      description:
        '{{ $value | humanizePercentage }} of the requests to {{ $labels.api_provider }} failed. Retries may still hide it from clients.',
    },
    {
      name: 'SluiceDeploymentFailing',
      severity: 'warning',
      for: '10m',
      expression: `${providerFailures('job, litellm_model_name, model_id')} > 0.5 and sum by (job, litellm_model_name, model_id) (${rate(ATTEMPTS, '5m')}) > 0.05`,
      summary: 'More than half of the requests to a deployment of {{ $labels.litellm_model_name }} fail',
      description:
        '{{ $value | humanizePercentage }} of the requests to deployment {{ $labels.model_id }} failed.',
    },
    {
      name: 'SluiceProviderRefusesKey',
      severity: 'critical',
      for: '0m',
      expression: `sum by (job, api_provider, litellm_model_name, model_id) (increase(${FAILURES}{model_id!~"(None)?",exception_status=~"401|403"}[10m])) > 0`,
      summary: '{{ $labels.api_provider }} refuses the key of {{ $labels.litellm_model_name }}',
      description:
        'The provider answered 401 or 403 to deployment {{ $labels.model_id }}: its key is wrong, ended, or lacks a right.',
    },
    {
      name: 'SluiceStreamsBreakOff',
      severity: 'warning',
      for: '10m',
      expression:
        'sum by (job, api_provider) (rate(sluice_call_duration_seconds_count{ending="provider_cut"}[10m])) / sum by (job, api_provider) (rate(sluice_call_duration_seconds_count[10m])) > 0.02',
      summary: 'Answers of {{ $labels.api_provider }} break off',
      description:
        '{{ $value | humanizePercentage }} of the calls that {{ $labels.api_provider }} served ended in the middle. Clients see an error event after part of the answer.',
    },
    {
      name: 'SluiceFirstTokenSlow',
      severity: 'warning',
      for: '10m',
      expression: `${p95('litellm_llm_api_time_to_first_token_metric', 'job, model', '10m')} > 15`,
      summary: 'Streams of {{ $labels.model }} begin late',
      description:
        'One stream of twenty has its first content only after {{ $value | humanizeDuration }} or more.',
    },
    {
      name: 'SluiceCallsSlow',
      severity: 'warning',
      for: '15m',
      expression: `${p95('litellm_request_total_latency_metric', 'job, requested_model', '10m')} > 120`,
      summary: 'Calls for {{ $labels.requested_model }} take long',
      description:
        'One call of twenty takes {{ $value | humanizeDuration }} or more. Set the bound to what your models need.',
    },
    {
      name: 'SluiceOverheadHigh',
      severity: 'warning',
      for: '10m',
      expression: `${p95('litellm_overhead_latency_metric', 'job', '5m')} > 0.25`,
      summary: 'The gateway {{ $labels.job }} itself is slow',
      description:
        'It adds {{ $value | humanizeDuration }} or more to one call of twenty. A few milliseconds are usual.',
    },
    {
      name: 'SluiceCallsWaiting',
      severity: 'critical',
      for: '5m',
      expression: `${p95('litellm_request_queue_time_seconds', 'job', '5m')} > 1`,
      summary: 'Calls wait in the gateway {{ $labels.job }}',
      description:
        'One call of twenty waits {{ $value | humanizeDuration }} or more before a provider is asked.',
    },
    {
      name: 'SluiceKeyRateLimitNear',
      severity: 'info',
      for: '5m',
      expression: `max by (${KEY_LIMIT}) (litellm_api_key_rate_limit_used_metric) / max by (${KEY_LIMIT}) (litellm_api_key_rate_limit_allowed_metric) > 0.9`,
      summary: 'Key {{ $labels.api_key_alias }} is near its limit of {{ $labels.rate_limit_type }}',
      description:
        '{{ $value | humanizePercentage }} of what it may use in a minute, for five minutes. Beyond, its calls get 429.',
    },
    {
      name: 'SluiceNoCalls',
      severity: 'warning',
      for: '15m',
      expression: `sum by (job) (${rate(CALLS, '15m')}) == 0 and sum by (job) (rate(${CALLS}[15m] offset 1d)) > 0.1`,
      summary: 'No calls reach {{ $labels.job }}',
      description:
        'There were calls at this time yesterday. Something in front of the gateway may be broken.',
    },
  ],
}
