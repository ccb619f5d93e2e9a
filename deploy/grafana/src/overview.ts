/** The first look: is the gateway well, who uses it, what does it cost. */
import { MODEL, POD_VARIABLES, type Dashboard } from './dashboard.ts'
import { bars, graph, stackedGraph, stat } from './panel.ts'
import { growth, known, max, orZero, over, quantile, rate, series, share, sum } from './query.ts'

const OF_MODEL = ['requested_model=~"$model"']
const CALLS = 'litellm_proxy_total_requests_metric_total'
const FAILED = 'litellm_proxy_failed_requests_metric_total'

const now = [
  stat({
    title: 'Calls',
    description: 'Calls of clients a second, whatever became of them.',
    unit: 'reqps',
    queries: [{ expression: sum([], rate(CALLS, OF_MODEL)) }],
  }),
  stat(
    {
      title: 'Answered',
      description: 'Share of calls that got a whole answer. Refusals by the gateway count as not answered.',
      unit: 'percentunit',
      queries: [{ expression: `1 - ${share([], rate(FAILED, OF_MODEL), rate(CALLS, OF_MODEL))}` }],
    },
    { yellow: 0.99, red: 0.95 },
  ),
  stat({
    title: 'Spend',
    description: 'Cost of the calls in the time shown.',
    unit: 'currencyUSD',
    queries: [{ expression: sum([], growth('litellm_spend_metric_total', OF_MODEL)) }],
  }),
  stat(
    {
      title: '95th percentile',
      description: 'Nineteen of twenty answered calls took no longer, from their arrival to their end.',
      unit: 's',
      queries: [{ expression: quantile(0.95, 'litellm_request_total_latency_metric', [], OF_MODEL) }],
    },
    { yellow: 30, red: 120 },
  ),
  stat({
    title: 'In flight',
    description: 'HTTP requests being answered now, by all pods.',
    unit: 'short',
    queries: [{ expression: sum([], series('litellm_in_flight_requests')) }],
  }),
  stat({
    title: 'Pods',
    description: 'Processes that were scraped.',
    unit: 'short',
    queries: [{ expression: over('count', [], series('sluice_build_info')) }],
  }),
]

const calls = [
  stackedGraph({
    title: 'Calls by status',
    description: 'The status that clients got. A stream that broke off has the status of its error.',
    unit: 'reqps',
    queries: [{ expression: sum(['status_code'], rate(CALLS, OF_MODEL)), legend: '{{status_code}}' }],
  }),
  stackedGraph({
    title: 'Failures',
    description:
      'Calls without a whole answer, by status and class. A class without a provider is a refusal.',
    unit: 'reqps',
    queries: [
      {
        expression: sum(['exception_status', 'exception_class'], rate(FAILED, OF_MODEL)),
        legend: '{{exception_status}} {{exception_class}}',
      },
    ],
  }),
  stackedGraph({
    title: 'How calls ended',
    description:
      'complete, refused, client_gone, provider_cut, provider_error, provider_unreachable or timeout.',
    unit: 'reqps',
    queries: [
      {
        expression: sum(['ending'], rate('sluice_call_duration_seconds_count', OF_MODEL)),
        legend: '{{ending}}',
      },
    ],
  }),
  stackedGraph({
    title: 'Calls by model',
    description: 'The model that clients asked for; `other` is not configured.',
    unit: 'reqps',
    queries: [{ expression: sum(['requested_model'], rate(CALLS, OF_MODEL)), legend: '{{requested_model}}' }],
  }),
  graph({
    title: 'Latency',
    description: 'From the arrival of a call to its end, of answered calls.',
    unit: 's',
    queries: [0.5, 0.95, 0.99].map((fraction) => ({
      expression: quantile(fraction, 'litellm_request_total_latency_metric', [], OF_MODEL),
      legend: `${fraction * 100} %`,
    })),
  }),
  graph({
    title: 'First token',
    description: 'From sending the request to the first content of a stream, by the model that answered.',
    unit: 's',
    queries: [
      {
        expression: quantile(0.95, 'litellm_llm_api_time_to_first_token_metric', ['model'], OF_MODEL),
        legend: '{{model}}',
      },
    ],
  }),
]

const use = [
  bars({
    title: 'Models with the most calls',
    description: 'In the time shown.',
    unit: 'short',
    queries: [
      {
        expression: `topk(10, ${sum(['requested_model'], growth(CALLS, OF_MODEL))})`,
        legend: '{{requested_model}}',
      },
    ],
  }),
  bars({
    title: 'Teams with the most spend',
    description: 'In the time shown. Keys without a team are not shown here.',
    unit: 'currencyUSD',
    queries: [
      {
        expression: `topk(10, ${sum(['team_alias'], growth('litellm_spend_metric_total', [...OF_MODEL, known('team_alias')]))})`,
        legend: '{{team_alias}}',
      },
    ],
  }),
  bars({
    title: 'Keys with the most spend',
    description: 'In the time shown. Keys without an alias are not shown here.',
    unit: 'currencyUSD',
    queries: [
      {
        expression: `topk(10, ${sum(['api_key_alias'], growth('litellm_spend_metric_total', [...OF_MODEL, known('api_key_alias')]))})`,
        legend: '{{api_key_alias}}',
      },
    ],
  }),
  graph({
    title: 'Tokens',
    description: 'Input tokens include those read from a prompt cache; output tokens include reasoning.',
    unit: 'cps',
    queries: [
      { expression: sum([], rate('litellm_input_tokens_metric_total', OF_MODEL)), legend: 'input' },
      { expression: sum([], rate('litellm_output_tokens_metric_total', OF_MODEL)), legend: 'output' },
    ],
  }),
  stackedGraph({
    title: 'Refused at limits',
    description: 'By the kind of what is limited, and of the limit.',
    unit: 'reqps',
    queries: [
      {
        expression: sum(['scope', 'limit'], rate('sluice_limit_refusals_total')),
        legend: '{{scope}} {{limit}}',
      },
    ],
  }),
  graph({
    title: 'What cannot wait',
    description:
      'Calls that never reached the database, alerts that were given up, and a database that is away. All three lie at zero when all is well.',
    unit: 'short',
    queries: [
      { expression: sum([], growth('sluice_lost_calls_total')), legend: 'calls lost' },
      {
        expression: orZero(sum([], growth('sluice_alerts_dropped_total'))),
        legend: 'alerts given up',
      },
      {
        expression: `1 - ${max([], series('sluice_database_reachable'))}`,
        legend: 'no pod reaches the database',
      },
    ],
  }),
]

export const OVERVIEW: Dashboard = {
  uid: 'sluice-overview',
  title: 'Sluice / Overview',
  description: 'Whether the gateway is well, who uses it, and what it costs.',
  variables: [...POD_VARIABLES, MODEL],
  rows: [
    { title: 'Now', panels: now },
    { title: 'Calls', panels: calls },
    { title: 'Use', panels: use },
  ],
}
