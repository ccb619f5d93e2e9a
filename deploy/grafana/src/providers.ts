/** Deployments and the providers behind them: how they do, what is tried again. */
import { MODEL, POD_VARIABLES, type Dashboard } from './dashboard.ts'
import { graph, stackedGraph, stat, stateTimeline, table } from './panel.ts'
import { growth, known, max, min, quantile, rate, series, share, sum } from './query.ts'

const ATTEMPTS = 'litellm_deployment_total_requests_total'
const FAILURES = 'litellm_deployment_failure_responses_total'
const SUCCESSES = 'litellm_deployment_success_responses_total'

/** Attempts at providers only: what the gateway refuses is counted with empty labels of the deployment. */
const AT_PROVIDERS = ['requested_model=~"$model"', known('model_id')]

const now = [
  stat({
    title: 'Attempts',
    description: 'Requests to providers a second.',
    unit: 'reqps',
    queries: [{ expression: sum([], rate(ATTEMPTS, AT_PROVIDERS)) }],
  }),
  stat(
    {
      title: 'Failed attempts',
      description: 'Share of the requests to providers that failed, those that were tried again included.',
      unit: 'percentunit',
      queries: [{ expression: share([], rate(FAILURES, AT_PROVIDERS), rate(ATTEMPTS, AT_PROVIDERS)) }],
    },
    { yellow: 0.02, red: 0.1 },
  ),
  stat({
    title: 'Attempts a call',
    description: 'Requests to providers for each call that reached one: 1 when nothing is tried again.',
    unit: 'short',
    queries: [
      {
        expression: `${sum([], rate(ATTEMPTS, AT_PROVIDERS))} / ${sum([], rate('sluice_call_duration_seconds_count', AT_PROVIDERS))}`,
      },
    ],
  }),
  stat({
    title: 'Failing deployments',
    description: 'Deployments whose last attempt failed on at least one pod.',
    unit: 'short',
    queries: [{ expression: `sum(${max(['model_id'], series('litellm_deployment_state'))} > bool 0)` }],
  }),
]

const deployments = [
  stateTimeline(
    {
      title: 'State of deployments',
      description: 'The outcome of the last attempt; the worst of all pods.',
      unit: 'short',
      queries: [
        {
          expression: max(['litellm_model_name', 'model_id'], series('litellm_deployment_state')),
          legend: '{{litellm_model_name}} {{model_id}}',
        },
      ],
    },
    { 0: ['serves', 'green'], 1: ['failed', 'orange'], 2: ['out', 'red'] },
  ),
  stackedGraph({
    title: 'Attempts by deployment',
    description: 'Requests to providers a second.',
    unit: 'reqps',
    queries: [
      {
        expression: sum(['litellm_model_name', 'model_id'], rate(ATTEMPTS, AT_PROVIDERS)),
        legend: '{{litellm_model_name}} {{model_id}}',
      },
    ],
  }),
  graph({
    title: 'Failed attempts by deployment',
    description: 'Share of the requests to a deployment that failed.',
    unit: 'percentunit',
    queries: [
      {
        expression: share(
          ['litellm_model_name', 'model_id'],
          rate(FAILURES, AT_PROVIDERS),
          rate(ATTEMPTS, AT_PROVIDERS),
        ),
        legend: '{{litellm_model_name}} {{model_id}}',
      },
    ],
  }),
  graph({
    title: 'Provider latency, 95 %',
    description: 'From sending the request to the end of the answer, by deployment.',
    unit: 's',
    queries: [
      {
        expression: quantile(0.95, 'litellm_llm_api_latency_metric', ['model', 'model_id'], AT_PROVIDERS),
        legend: '{{model}} {{model_id}}',
      },
    ],
  }),
  table(
    {
      title: 'Deployments',
      description: 'In the time shown.',
      width: 24,
    },
    { litellm_model_name: 'Model', model_id: 'Deployment', api_provider: 'Provider' },
    [
      { title: 'Attempts', unit: 'short', expression: byDeployment(growth(ATTEMPTS, AT_PROVIDERS)) },
      { title: 'Answers', unit: 'short', expression: byDeployment(growth(SUCCESSES, AT_PROVIDERS)) },
      { title: 'Failures', unit: 'short', expression: byDeployment(growth(FAILURES, AT_PROVIDERS)) },
    ],
  ),
]

const limits = [
  graph({
    title: 'Requests that providers have left',
    description:
      'What the last answers of a provider said, the least of all pods; only providers that say so.',
    unit: 'short',
    queries: [
      {
        expression: min(['litellm_model_name', 'model_id'], series('litellm_remaining_requests_metric')),
        legend: '{{litellm_model_name}} {{model_id}}',
      },
    ],
  }),
  graph({
    title: 'Tokens that providers have left',
    description:
      'What the last answers of a provider said, the least of all pods; only providers that say so.',
    unit: 'short',
    queries: [
      {
        expression: min(['litellm_model_name', 'model_id'], series('litellm_remaining_tokens_metric')),
        legend: '{{litellm_model_name}} {{model_id}}',
      },
    ],
  }),
  graph({
    title: 'Use of tpm',
    description:
      'Share of the tokens a minute that the configuration gives a deployment; only those with tpm.',
    unit: 'percentunit',
    queries: [
      {
        expression: `60 * ${sum(['model_id'], rate('litellm_total_tokens_metric_total', AT_PROVIDERS))} / ${max(['model_id'], series('litellm_deployment_tpm_limit'))}`,
        legend: '{{model_id}}',
      },
    ],
  }),
  graph({
    title: 'Left of the budgets of providers',
    description: 'US dollars; only providers with a budget (provider_budget_config).',
    unit: 'currencyUSD',
    width: 12,
    queries: [
      {
        expression: min(['api_provider'], series('litellm_provider_remaining_budget_metric')),
        legend: '{{api_provider}}',
      },
    ],
  }),
  graph({
    title: 'Duration of attempts by outcome, 95 %',
    description: 'Attempts that failed included: None is success. A class at a time-out’s value is one.',
    unit: 's',
    width: 12,
    queries: [
      {
        expression: quantile(
          0.95,
          'sluice_attempt_duration_seconds',
          ['api_provider', 'exception_class'],
          ['requested_model=~"$model"'],
        ),
        legend: '{{api_provider}} {{exception_class}}',
      },
    ],
  }),
]

const failures = [
  stackedGraph({
    title: 'Failures by class',
    description:
      'The status that the provider gave (408 for a time-out, 502 where it gave none), and the class.',
    unit: 'reqps',
    queries: [
      {
        expression: sum(
          ['api_provider', 'exception_status', 'exception_class'],
          rate(FAILURES, AT_PROVIDERS),
        ),
        legend: '{{exception_status}} {{exception_class}}',
      },
    ],
  }),
  stackedGraph({
    title: 'Refused before a provider was asked',
    description: 'Calls that the gateway refused, by model and class.',
    unit: 'reqps',
    queries: [
      {
        expression: sum(
          ['requested_model', 'exception_class'],
          rate(FAILURES, ['requested_model=~"$model"', 'model_id=""']),
        ),
        legend: '{{requested_model}} {{exception_class}}',
      },
    ],
  }),
  stackedGraph({
    title: 'Calls that a provider failed',
    description: 'Calls, not attempts: those that nothing could save.',
    unit: 'reqps',
    queries: [
      {
        expression: sum(
          ['api_provider', 'ending'],
          rate('sluice_call_duration_seconds_count', [
            'requested_model=~"$model"',
            'ending=~"provider_.*|timeout"',
          ]),
        ),
        legend: '{{api_provider}} {{ending}}',
      },
    ],
  }),
]

function byDeployment(expression: string): string {
  return sum(['litellm_model_name', 'model_id', 'api_provider'], expression)
}

export const PROVIDERS: Dashboard = {
  uid: 'sluice-providers',
  title: 'Sluice / Providers',
  description: 'Deployments and the providers behind them: how they do, and what is tried again.',
  variables: [...POD_VARIABLES, MODEL],
  rows: [
    { title: 'Now', panels: now },
    { title: 'Deployments', panels: deployments },
    { title: 'Failures', panels: failures },
    { title: 'Limits', panels: limits },
  ],
}
