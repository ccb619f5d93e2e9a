/** Where the time of calls goes: provider, first token, stream, gateway. */
import { MODEL, POD_VARIABLES, type Dashboard } from './dashboard.ts'
import { graph, heatmap, stackedGraph, stat } from './panel.ts'
import { growth, mean, quantile, rate, series, share, sum } from './query.ts'

const OF_MODEL = ['requested_model=~"$model"']
const OF_GROUP = ['model_group=~"$model"']
const TOTAL = 'litellm_request_total_latency_metric'
const PROVIDER = 'litellm_llm_api_latency_metric'
const FIRST_TOKEN = 'litellm_llm_api_time_to_first_token_metric'
const OVERHEAD = 'litellm_overhead_latency_metric'
const QUEUE = 'litellm_request_queue_time_seconds'
const ENDINGS = 'sluice_call_duration_seconds'

const FRACTIONS = [0.5, 0.95, 0.99]

const percentiles = (histogram: string, matchers: readonly string[]) =>
  FRACTIONS.map((fraction) => ({
    expression: quantile(fraction, histogram, [], matchers),
    legend: `${fraction * 100} %`,
  }))

const whole = [
  graph({
    title: 'Calls',
    description: 'From the arrival of a call to its end, of answered calls.',
    unit: 's',
    queries: percentiles(TOTAL, OF_MODEL),
  }),
  graph({
    title: 'Calls by model, 95 %',
    description: 'From the arrival of a call to its end, of answered calls, by the model asked for.',
    unit: 's',
    queries: [
      { expression: quantile(0.95, TOTAL, ['requested_model'], OF_MODEL), legend: '{{requested_model}}' },
    ],
  }),
  graph({
    title: 'By ending, 95 %',
    description:
      'All calls, also those that failed: an outage that answers fast looks like an improvement above.',
    unit: 's',
    queries: [{ expression: quantile(0.95, ENDINGS, ['ending'], OF_MODEL), legend: '{{ending}}' }],
  }),
  heatmap({
    title: 'Calls by duration',
    description: 'How many answered calls took how long.',
    unit: 's',
    queries: [
      {
        expression: sum(['le'], `increase(${series(`${TOTAL}_bucket`, OF_MODEL)}[$__rate_interval])`),
      },
    ],
  }),
]

const provider = [
  graph({
    title: 'Provider by model, 95 %',
    description: 'From sending the request to the end of the answer, by the model that answered.',
    unit: 's',
    queries: [{ expression: quantile(0.95, PROVIDER, ['model'], OF_MODEL), legend: '{{model}}' }],
  }),
  graph({
    title: 'Provider by provider, 50 %',
    description: 'From sending the request to the end of the answer.',
    unit: 's',
    queries: [
      { expression: quantile(0.5, PROVIDER, ['api_provider'], OF_MODEL), legend: '{{api_provider}}' },
    ],
  }),
  graph({
    title: 'Seconds per output token, 50 %',
    description: 'The provider’s whole time divided by the tokens of the answer, by deployment.',
    unit: 's',
    queries: [
      {
        expression: quantile(0.5, 'litellm_deployment_latency_per_output_token', ['litellm_model_name']),
        legend: '{{litellm_model_name}}',
      },
    ],
  }),
]

const streaming = [
  stat({
    title: 'First token, 95 %',
    description: 'From sending the request to the first content of a stream.',
    unit: 's',
    queries: [{ expression: quantile(0.95, FIRST_TOKEN, [], OF_MODEL) }],
  }),
  stat({
    title: 'Broken off',
    description: 'Share of calls that ended because the client left or the provider broke off.',
    unit: 'percentunit',
    queries: [
      {
        expression: share(
          [],
          rate(`${ENDINGS}_count`, [...OF_MODEL, 'ending=~"client_gone|provider_cut"']),
          rate(`${ENDINGS}_count`, OF_MODEL),
        ),
      },
    ],
  }),
  graph({
    title: 'First token by model, 95 %',
    description: 'From sending the request to the first content of a stream, by the model that answered.',
    unit: 's',
    queries: [{ expression: quantile(0.95, FIRST_TOKEN, ['model'], OF_MODEL), legend: '{{model}}' }],
  }),
  stackedGraph({
    title: 'Calls by stream',
    description:
      'True: a stream was asked for. One series without a name unless prometheus_emit_stream_label is on.',
    unit: 'reqps',
    queries: [
      {
        expression: sum(['stream'], rate('litellm_proxy_total_requests_metric_total', OF_MODEL)),
        legend: 'stream {{stream}}',
      },
    ],
  }),
  graph({
    title: 'First token',
    description: 'From sending the request to the first content of a stream.',
    unit: 's',
    queries: percentiles(FIRST_TOKEN, OF_MODEL),
  }),
  stackedGraph({
    title: 'Broken off, by who',
    description:
      'client_gone: the client left. provider_cut: the provider broke off. timeout: it fell silent.',
    unit: 'reqps',
    queries: [
      {
        expression: sum(
          ['ending'],
          rate(`${ENDINGS}_count`, [...OF_MODEL, 'ending=~"client_gone|provider_cut|timeout"']),
        ),
        legend: '{{ending}}',
      },
    ],
  }),
]

const gateway = [
  graph({
    title: 'What the gateway added',
    description: 'The duration of a call less the time of its attempts at providers.',
    unit: 's',
    queries: percentiles(OVERHEAD, OF_GROUP),
  }),
  graph({
    title: 'What the gateway added, mean',
    description: 'Exact where percentiles are read from buckets.',
    unit: 's',
    queries: [{ expression: mean(OVERHEAD, ['model_group'], OF_GROUP), legend: '{{model_group}}' }],
  }),
  graph({
    title: 'Until the first attempt, 95 %',
    description: 'From the arrival of a call to its first attempt: reading, key check, limits, cache.',
    unit: 's',
    queries: [
      { expression: quantile(0.95, QUEUE, ['requested_model'], OF_MODEL), legend: '{{requested_model}}' },
    ],
  }),
  stat(
    {
      title: 'Within 10 s',
      description: 'Share of the answered calls in the time shown that took no longer than ten seconds.',
      unit: 'percentunit',
      queries: [
        {
          expression: `${sum([], growth(`${TOTAL}_bucket`, [...OF_MODEL, 'le=~"10([.]0)?"']))} / ${sum([], growth(`${TOTAL}_count`, OF_MODEL))}`,
        },
      ],
    },
    { yellow: 0.95, red: 0.8 },
  ),
]

export const LATENCY: Dashboard = {
  uid: 'sluice-latency',
  title: 'Sluice / Latency and streaming',
  description: 'Where the time of calls goes.',
  variables: [...POD_VARIABLES, MODEL],
  rows: [
    { title: 'Calls', panels: whole },
    { title: 'Providers', panels: provider },
    { title: 'Streams', panels: streaming },
    { title: 'Gateway', panels: gateway },
  ],
}
