/** One key or team: what its people see, use and have left. */
import { KEY, MODEL, POD_VARIABLES, TEAM, type Dashboard } from './dashboard.ts'
import { graph, stackedGraph, stat, table } from './panel.ts'
import { growth, known, max, min, quantile, rate, series, share, sum } from './query.ts'

const CALLER = ['team_alias=~"$team"', 'api_key_alias=~"$key"']
const OF_CALLER = ['requested_model=~"$model"', ...CALLER]
const CALLS = 'litellm_proxy_total_requests_metric_total'
const FAILED = 'litellm_proxy_failed_requests_metric_total'
const SPEND = 'litellm_spend_metric_total'

const now = [
  stat({
    title: 'Calls',
    description: 'In the time shown.',
    unit: 'short',
    queries: [{ expression: sum([], growth(CALLS, OF_CALLER)) }],
  }),
  stat(
    {
      title: 'Answered',
      description: 'Share of the calls in the time shown that got a whole answer.',
      unit: 'percentunit',
      queries: [{ expression: `1 - ${share([], growth(FAILED, OF_CALLER), growth(CALLS, OF_CALLER))}` }],
    },
    { yellow: 0.99, red: 0.95 },
  ),
  stat({
    title: 'Spend',
    description: 'In the time shown.',
    unit: 'currencyUSD',
    queries: [{ expression: sum([], growth(SPEND, OF_CALLER)) }],
  }),
  stat({
    title: 'Input tokens',
    description: 'In the time shown, those read from prompt caches included.',
    unit: 'short',
    queries: [{ expression: sum([], growth('litellm_input_tokens_metric_total', OF_CALLER)) }],
  }),
  stat({
    title: 'Output tokens',
    description: 'In the time shown, reasoning included.',
    unit: 'short',
    queries: [{ expression: sum([], growth('litellm_output_tokens_metric_total', OF_CALLER)) }],
  }),
  stat({
    title: 'First token, 95 %',
    description: 'From sending the request to the first content of a stream.',
    unit: 's',
    queries: [{ expression: quantile(0.95, 'litellm_llm_api_time_to_first_token_metric', [], OF_CALLER) }],
  }),
]

const calls = [
  stackedGraph({
    title: 'Calls by status',
    description: 'The status that the callers got.',
    unit: 'reqps',
    queries: [{ expression: sum(['status_code'], rate(CALLS, OF_CALLER)), legend: '{{status_code}}' }],
  }),
  stackedGraph({
    title: 'Failures',
    description: 'By status and class; a class without a provider is a refusal by the gateway.',
    unit: 'reqps',
    queries: [
      {
        expression: sum(['exception_status', 'exception_class'], rate(FAILED, OF_CALLER)),
        legend: '{{exception_status}} {{exception_class}}',
      },
    ],
  }),
  graph({
    title: 'Latency',
    description: 'From the arrival of a call to its end, of answered calls.',
    unit: 's',
    queries: [0.5, 0.95].map((fraction) => ({
      expression: quantile(fraction, 'litellm_request_total_latency_metric', [], OF_CALLER),
      legend: `${fraction * 100} %`,
    })),
  }),
  stackedGraph({
    title: 'Calls by model',
    description: 'The model asked for; `other` is not configured.',
    unit: 'reqps',
    queries: [
      { expression: sum(['requested_model'], rate(CALLS, OF_CALLER)), legend: '{{requested_model}}' },
    ],
  }),
  stackedGraph({
    title: 'US dollars an hour, by model',
    description: 'By the model that answered.',
    unit: 'currencyUSD',
    queries: [{ expression: `3600 * ${sum(['model'], rate(SPEND, OF_CALLER))}`, legend: '{{model}}' }],
  }),
  graph({
    title: 'Tokens',
    description: 'Input includes what prompt caches gave.',
    unit: 'cps',
    queries: [
      { expression: sum([], rate('litellm_input_tokens_metric_total', OF_CALLER)), legend: 'input' },
      { expression: sum([], rate('litellm_output_tokens_metric_total', OF_CALLER)), legend: 'output' },
    ],
  }),
]

/** What is used is counted for all pods together, and each tells what it last heard: the most is the newest. */
function rateUse(kind: 'api_key' | 'team', labels: readonly string[], matcher: string): string {
  const of = (fact: 'used' | 'allowed'): string =>
    max([...labels, 'rate_limit_type'], series(`litellm_${kind}_rate_limit_${fact}_metric`, [matcher]))
  return `${of('used')} / ${of('allowed')}`
}

const left = [
  graph({
    title: 'Left of the budget of the key',
    description: 'US dollars; only keys with a budget.',
    unit: 'currencyUSD',
    width: 12,
    queries: [
      {
        expression: min(
          ['hashed_api_key', 'api_key_alias'],
          series('litellm_remaining_api_key_budget_metric', ['api_key_alias=~"$key"']),
        ),
        legend: '{{api_key_alias}}',
      },
    ],
  }),
  graph({
    title: 'Left of the budget of the team',
    description: 'US dollars; only teams with a budget.',
    unit: 'currencyUSD',
    width: 12,
    queries: [
      {
        expression: min(
          ['team', 'team_alias'],
          series('litellm_remaining_team_budget_metric', ['team_alias=~"$team"', known('team_alias')]),
        ),
        legend: '{{team_alias}}',
      },
    ],
  }),
  graph({
    title: 'Use of the rate limits of the key',
    description: 'Share of what is allowed in a minute that is used; only keys with such limits.',
    unit: 'percentunit',
    width: 12,
    queries: [
      {
        expression: rateUse('api_key', ['hashed_api_key', 'api_key_alias'], 'api_key_alias=~"$key"'),
        legend: '{{api_key_alias}} {{rate_limit_type}}',
      },
    ],
  }),
  graph({
    title: 'Use of the rate limits of the team',
    description: 'Share of what is allowed in a minute that is used; only teams with such limits.',
    unit: 'percentunit',
    width: 12,
    queries: [
      {
        expression: rateUse('team', ['team', 'team_alias'], 'team_alias=~"$team"'),
        legend: '{{team_alias}} {{rate_limit_type}}',
      },
    ],
  }),
]

const people = [
  table(
    { title: 'Users', description: 'Who called with these keys, in the time shown.', width: 24 },
    { user: 'User', api_key_alias: 'Key' },
    [
      {
        title: 'Calls',
        unit: 'short',
        expression: sum(['user', 'api_key_alias'], growth(CALLS, OF_CALLER)),
      },
      {
        title: 'US dollars',
        unit: 'currencyUSD',
        expression: sum(['user', 'api_key_alias'], growth(SPEND, OF_CALLER)),
      },
    ],
  ),
]

export const CALLER_DASHBOARD: Dashboard = {
  uid: 'sluice-caller',
  title: 'Sluice / Key or team',
  description: 'What the people of a key or team see, use and have left.',
  variables: [...POD_VARIABLES, TEAM, KEY, MODEL],
  rows: [
    { title: 'In the time shown', panels: now },
    { title: 'Calls', panels: calls },
    { title: 'What is left', panels: left },
    { title: 'Who', panels: people },
  ],
}
