/** What is spent, on what, by whom, and what is left. */
import { KEY, MODEL, POD_VARIABLES, TEAM, type Dashboard } from './dashboard.ts'
import { bars, graph, stackedGraph, stat, table, type Column } from './panel.ts'
import { growth, known, max, min, quantile, rate, series, share, sum } from './query.ts'

const OF_CALLER = ['requested_model=~"$model"', 'team_alias=~"$team"', 'api_key_alias=~"$key"']
const SPEND = 'litellm_spend_metric_total'
const INPUT = 'litellm_input_tokens_metric_total'
const OUTPUT = 'litellm_output_tokens_metric_total'

const perHour = (label: string) => ({
  expression: `3600 * ${sum([label], rate(SPEND, OF_CALLER))}`,
  legend: `{{${label}}}`,
})

const now = [
  stat({
    title: 'Spend',
    description: 'In the time shown.',
    unit: 'currencyUSD',
    queries: [{ expression: sum([], growth(SPEND, OF_CALLER)) }],
  }),
  stat({
    title: 'Spend an hour',
    description: 'At the pace of the last minutes.',
    unit: 'currencyUSD',
    queries: [{ expression: `3600 * ${sum([], rate(SPEND, OF_CALLER))}` }],
  }),
  stat({
    title: 'A million tokens',
    description: 'What a million tokens cost, input and output together.',
    unit: 'currencyUSD',
    queries: [
      {
        expression: `1e6 * ${sum([], growth(SPEND, OF_CALLER))} / ${sum([], growth('litellm_total_tokens_metric_total', OF_CALLER))}`,
      },
    ],
  }),
  stat({
    title: 'Read from prompt caches',
    description: 'Share of the input tokens that a provider read from its prompt cache.',
    unit: 'percentunit',
    queries: [
      {
        expression: share(
          [],
          growth('litellm_input_cached_tokens_metric_total', OF_CALLER),
          growth(INPUT, OF_CALLER),
        ),
      },
    ],
  }),
  stat({
    title: 'Answered by the gateway',
    description: 'Calls in the time shown that the response cache answered: they cost nothing.',
    unit: 'short',
    queries: [
      {
        expression: sum(
          [],
          growth('litellm_cache_hits_metric_total', ['team_alias=~"$team"', 'api_key_alias=~"$key"']),
        ),
      },
    ],
  }),
  stat(
    {
      title: 'Without a price',
      description:
        'Calls in the time shown that were booked at no cost, for no price is known for their model.',
      unit: 'short',
      queries: [
        { expression: sum([], growth('litellm_zero_cost_requests_total', ['requested_model=~"$model"'])) },
      ],
    },
    { yellow: 1, red: 100 },
  ),
]

const money = [
  stackedGraph({
    title: 'US dollars an hour, by model',
    description: 'By the model that answered.',
    unit: 'currencyUSD',
    queries: [perHour('model')],
  }),
  stackedGraph({
    title: 'US dollars an hour, by team',
    description: 'None: keys without a team.',
    unit: 'currencyUSD',
    queries: [perHour('team_alias')],
  }),
  stackedGraph({
    title: 'US dollars an hour, by key',
    description: 'None: keys without an alias.',
    unit: 'currencyUSD',
    queries: [perHour('api_key_alias')],
  }),
  table(
    { title: 'Teams and keys', description: 'In the time shown. None: without a team, or without an alias.' },
    { team_alias: 'Team', api_key_alias: 'Key' },
    spendColumns(['team_alias', 'api_key_alias']),
  ),
  table(
    { title: 'Users', description: 'In the time shown. None: keys that belong to no user.' },
    { user: 'User' },
    spendColumns(['user']),
  ),
  table(
    { title: 'Models', description: 'In the time shown, by the model that answered.' },
    { model: 'Model', api_provider: 'Provider' },
    spendColumns(['model', 'api_provider']),
  ),
  bars({
    title: 'Service tiers',
    description:
      'Spend in the time shown, by the tier that the provider told; the one without a name is the usual.',
    unit: 'currencyUSD',
    width: 12,
    height: 9,
    queries: [
      { expression: sum(['service_tier'], growth(SPEND, OF_CALLER)), legend: 'tier {{service_tier}}' },
    ],
  }),
]

const tokens = [
  graph({
    title: 'A million tokens, by model',
    description: 'What a million tokens cost, input and output together, by the model that answered.',
    unit: 'currencyUSD',
    queries: [
      {
        expression: `1e6 * ${sum(['model'], rate(SPEND, OF_CALLER))} / (${sum(['model'], rate('litellm_total_tokens_metric_total', OF_CALLER))} > 0)`,
        legend: '{{model}}',
      },
    ],
  }),
  graph({
    title: 'Input tokens',
    description: 'All input, and the parts of it that prompt caches took and gave.',
    unit: 'cps',
    queries: [
      { expression: sum([], rate(INPUT, OF_CALLER)), legend: 'input' },
      {
        expression: sum([], rate('litellm_input_cached_tokens_metric_total', OF_CALLER)),
        legend: 'read from a cache',
      },
      {
        expression: sum([], rate('litellm_input_cache_creation_tokens_metric_total', OF_CALLER)),
        legend: 'written to a cache',
      },
    ],
  }),
  graph({
    title: 'Output tokens',
    description: 'All output, and the part of it that was reasoning.',
    unit: 'cps',
    queries: [
      { expression: sum([], rate(OUTPUT, OF_CALLER)), legend: 'output' },
      {
        expression: sum([], rate('litellm_output_reasoning_tokens_metric_total', OF_CALLER)),
        legend: 'reasoning',
      },
    ],
  }),
  graph({
    title: 'Read from prompt caches, by model',
    description:
      'Share of the input tokens; a fall after a release often is a prompt whose beginning changes.',
    unit: 'percentunit',
    width: 12,
    queries: [
      {
        expression: share(
          ['requested_model'],
          rate('litellm_input_cached_tokens_metric_total', OF_CALLER),
          rate(INPUT, OF_CALLER),
        ),
        legend: '{{requested_model}}',
      },
    ],
  }),
  graph({
    title: 'Without a price',
    description: 'Calls that were booked at no cost: set a price in model_info.',
    unit: 'reqps',
    width: 12,
    queries: [
      {
        expression: sum(
          ['requested_model', 'reason'],
          rate('litellm_zero_cost_requests_total', ['requested_model=~"$model"']),
        ),
        legend: '{{requested_model}} {{reason}}',
      },
    ],
  }),
]

const TEAM_BUDGET = ['team_alias=~"$team"', known('team_alias')]
const KEY_BUDGET = ['api_key_alias=~"$key"', known('api_key_alias')]

/** What is left of what may be spent; the same on every pod, so the smallest is the newest. */
const left = (
  kind: 'team' | 'api_key' | 'user' | 'org',
  labels: readonly string[],
  matchers: readonly string[] = [],
) =>
  `${min(labels, series(`litellm_remaining_${kind}_budget_metric`, matchers))} / ${max(labels, series(`litellm_${kind}_max_budget_metric`, matchers))}`

const budgets = [
  bars({
    title: 'Left to teams',
    description: 'Share of the budget that is left; teams without a budget are not shown.',
    unit: 'percentunit',
    queries: [{ expression: left('team', ['team', 'team_alias'], TEAM_BUDGET), legend: '{{team_alias}}' }],
  }),
  bars({
    title: 'Left to keys',
    description: 'Share of the budget that is left; keys without a budget or an alias are not shown.',
    unit: 'percentunit',
    queries: [
      {
        expression: left('api_key', ['hashed_api_key', 'api_key_alias'], KEY_BUDGET),
        legend: '{{api_key_alias}}',
      },
    ],
  }),
  bars({
    title: 'Left to users',
    description: 'Share of the budget that is left; users without a budget are not shown.',
    unit: 'percentunit',
    queries: [{ expression: left('user', ['user']), legend: '{{user}}' }],
  }),
  bars({
    title: 'Left to organizations',
    description: 'Share of the budget that is left; organizations without a budget are not shown.',
    unit: 'percentunit',
    queries: [{ expression: left('org', ['org_id', 'org_alias']), legend: '{{org_alias}}' }],
  }),
  graph({
    title: 'Left to teams, US dollars',
    description: 'Falls to nothing when the budget is spent, and rises when its window begins anew.',
    unit: 'currencyUSD',
    queries: [
      {
        expression: min(['team', 'team_alias'], series('litellm_remaining_team_budget_metric', TEAM_BUDGET)),
        legend: '{{team_alias}}',
      },
    ],
  }),
  graph({
    title: 'Left to keys, US dollars',
    description: 'Falls to nothing when the budget is spent, and rises when its window begins anew.',
    unit: 'currencyUSD',
    queries: [
      {
        expression: min(
          ['hashed_api_key', 'api_key_alias'],
          series('litellm_remaining_api_key_budget_metric', KEY_BUDGET),
        ),
        legend: '{{api_key_alias}}',
      },
    ],
  }),
  graph({
    title: 'Until the next window',
    description: 'Hours until the budget of a team begins anew.',
    unit: 'h',
    queries: [
      {
        expression: min(
          ['team', 'team_alias'],
          series('litellm_team_budget_remaining_hours_metric', TEAM_BUDGET),
        ),
        legend: '{{team_alias}}',
      },
    ],
  }),
]

const batches = [
  graph({
    title: 'Batches and files',
    description: 'Batches begun and files uploaded, by model.',
    unit: 'short',
    queries: [
      {
        expression: sum(['model'], growth('litellm_managed_batch_created_total')),
        legend: '{{model}} batches',
      },
      { expression: sum(['model'], growth('litellm_managed_file_created_total')), legend: '{{model}} files' },
    ],
  }),
  graph({
    title: 'Batches without a known cost',
    description: 'Those that have not ended, as the last round found them. Their cost is in no budget yet.',
    unit: 'short',
    queries: [{ expression: max([], series('litellm_check_batch_cost_jobs_polled')), legend: 'batches' }],
  }),
  graph({
    title: 'Last look at batches',
    description: 'Time since a process looked for batches that have ended. Their cost is booked then.',
    unit: 's',
    queries: [
      {
        expression: `time() - ${max([], series('litellm_check_batch_cost_last_run_timestamp'))}`,
        legend: 'since the last look',
      },
    ],
  }),
  graph({
    title: 'Batches paid for',
    description: 'Batches that have ended and whose cost was booked, in the time shown.',
    unit: 'short',
    queries: [
      {
        expression: sum(['model'], growth('litellm_check_batch_cost_jobs_processed_total')),
        legend: '{{model}}',
      },
    ],
  }),
  graph({
    title: 'Costs that could not be known',
    description: 'By reason. All but stale are tried again.',
    unit: 'short',
    queries: [
      {
        expression: sum(['error_type'], growth('litellm_check_batch_cost_errors_total')),
        legend: '{{error_type}}',
      },
    ],
  }),
  graph({
    title: 'Duration of batches, 50 %',
    description: 'From creation to completion, as the provider tells it.',
    unit: 's',
    queries: [
      { expression: quantile(0.5, 'litellm_managed_batch_duration_seconds', ['model']), legend: '{{model}}' },
    ],
  }),
]

function spendColumns(labels: readonly string[]): readonly Column[] {
  const column = (title: string, unit: Column['unit'], metric: string): Column => ({
    title,
    unit,
    expression: sum(labels, growth(metric, OF_CALLER)),
  })
  return [
    column('US dollars', 'currencyUSD', SPEND),
    column('Input tokens', 'short', INPUT),
    column('Output tokens', 'short', OUTPUT),
  ]
}

export const SPEND_AND_BUDGETS: Dashboard = {
  uid: 'sluice-spend',
  title: 'Sluice / Spend and budgets',
  description: 'What is spent, on what, by whom, and what is left.',
  variables: [...POD_VARIABLES, MODEL, TEAM, KEY],
  rows: [
    { title: 'Now', panels: now },
    { title: 'Money', panels: money },
    { title: 'Tokens', panels: tokens },
    { title: 'Budgets', panels: budgets },
    { title: 'Batches', panels: batches },
  ],
}
