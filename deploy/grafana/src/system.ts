/** The processes themselves, and the stores behind them. */
import { POD_VARIABLES, type Dashboard } from './dashboard.ts'
import { bars, graph, stackedGraph, stat, table } from './panel.ts'
import { max, min, orZero, over, quantile, rate, series, share, sum } from './query.ts'

const perPod = (metric: string) => ({
  expression: sum(['instance'], series(metric)),
  legend: '{{instance}}',
})

const now = [
  stat({
    title: 'Pods',
    description: 'Processes that were scraped.',
    unit: 'short',
    queries: [{ expression: over('count', [], series('sluice_build_info')) }],
  }),
  stat(
    {
      title: 'Database',
      description: '1 while every pod reaches the database.',
      unit: 'short',
      queries: [{ expression: min([], series('sluice_database_reachable')) }],
    },
    { yellow: 1, red: 0.5 },
  ),
  stat(
    {
      title: 'Pods without Redis',
      description:
        'Pods whose breaker is open: they limit and cache by themselves. 0 too where there is no Redis.',
      unit: 'short',
      queries: [
        { expression: orZero(sum([], series('litellm_redis_circuit_breaker_state', ['state="open"']))) },
      ],
    },
    { yellow: 1, red: 2 },
  ),
  stat(
    {
      title: 'Calls not yet booked',
      description: 'Settled calls that are in the journal and not yet in the database.',
      unit: 'short',
      queries: [{ expression: sum([], series('sluice_ledger_queue_records')) }],
    },
    { yellow: 1_000, red: 50_000 },
  ),
  stat(
    {
      title: 'Longest pause',
      description: 'Of the event loop, between two scrapes: no call of that pod went on meanwhile.',
      unit: 's',
      queries: [{ expression: max([], series('nodejs_eventloop_lag_max_seconds')) }],
    },
    { yellow: 0.2, red: 1 },
  ),
  stat({
    title: 'Restarts',
    description: 'Changes of the start time of a pod’s process in the time shown.',
    unit: 'short',
    queries: [{ expression: `sum(changes(${series('process_start_time_seconds')}[$__range]))` }],
  }),
]

const processes = [
  graph({
    title: 'CPU',
    description: 'Cores used by each pod.',
    unit: 'short',
    queries: [{ expression: sum(['instance'], rate('process_cpu_seconds_total')), legend: '{{instance}}' }],
  }),
  graph({
    title: 'Memory',
    description: 'Resident memory of each pod.',
    unit: 'bytes',
    queries: [perPod('process_resident_memory_bytes')],
  }),
  graph({
    title: 'Heap',
    description: 'JavaScript objects in use, and buffers outside of the heap.',
    unit: 'bytes',
    queries: [
      { ...perPod('nodejs_heap_size_used_bytes'), legend: '{{instance}} heap' },
      { ...perPod('nodejs_external_memory_bytes'), legend: '{{instance}} buffers' },
    ],
  }),
  graph({
    title: 'Event loop',
    description: 'How late timers are: the time that other work held the process.',
    unit: 's',
    queries: [
      {
        expression: max(['instance'], series('nodejs_eventloop_lag_p50_seconds')),
        legend: '{{instance}} 50 %',
      },
      {
        expression: max(['instance'], series('nodejs_eventloop_lag_p99_seconds')),
        legend: '{{instance}} 99 %',
      },
    ],
  }),
  graph({
    title: 'In flight',
    description: 'HTTP requests being answered, by pod.',
    unit: 'short',
    queries: [perPod('litellm_in_flight_requests')],
  }),
  stackedGraph({
    title: 'Calls by way',
    description: 'Model calls by what took them: the front, or at more cost Node’s server.',
    unit: 'cps',
    queries: [{ expression: sum(['way'], rate('sluice_received_calls_total')), legend: '{{way}}' }],
  }),
  stackedGraph({
    title: 'Connections handed over',
    description: 'Connections that the front gave to Node’s server, by what they brought that is not for it.',
    unit: 'cps',
    queries: [
      { expression: sum(['reason'], rate('sluice_handed_over_connections_total')), legend: '{{reason}}' },
    ],
  }),
  graph({
    title: 'File descriptors',
    description: 'Share of those that a process may open.',
    unit: 'percentunit',
    queries: [
      {
        expression: `${max(['instance'], series('process_open_fds'))} / ${min(['instance'], series('process_max_fds'))}`,
        legend: '{{instance}}',
      },
    ],
  }),
  graph({
    title: 'Workers',
    description: 'Worker processes of pods that have more than one, and how many ended, by cause.',
    unit: 'short',
    queries: [
      { expression: orZero(sum([], series('sluice_workers'))), legend: 'workers' },
      {
        expression: sum(['cause'], `increase(${series('sluice_worker_exits_total')}[$__rate_interval])`),
        legend: '{{cause}}',
      },
    ],
  }),
  table(
    { title: 'Versions', description: 'Pods by what they run.', width: 8, height: 8 },
    { version: 'Sluice', node_version: 'Node' },
    [
      {
        title: 'Pods',
        unit: 'short',
        expression: over('count', ['version', 'node_version'], series('sluice_build_info')),
      },
    ],
  ),
  graph({
    title: 'Configurations',
    description: 'Changed configurations that were taken up (success) or refused (failure).',
    unit: 'short',
    queries: [
      {
        expression: sum(['result'], `increase(${series('sluice_config_reloads_total')}[$__rate_interval])`),
        legend: '{{result}}',
      },
    ],
  }),
]

const ledger = [
  graph({
    title: 'Calls not yet booked',
    description: 'Settled calls that wait for the database; spilled ones wait on disk only.',
    unit: 'short',
    queries: [
      { ...perPod('sluice_ledger_queue_records'), legend: '{{instance}}' },
      { ...perPod('sluice_ledger_spilled_records'), legend: '{{instance}} spilled' },
    ],
  }),
  graph({
    title: 'Journal',
    description: 'Size of the journal files whose records are not yet in the database.',
    unit: 'bytes',
    queries: [perPod('sluice_journal_bytes')],
  }),
  graph({
    title: 'Booked calls',
    description: 'Calls brought to the database, and tries that failed.',
    unit: 'cps',
    queries: [
      { expression: sum([], rate('sluice_booked_calls_total')), legend: 'booked' },
      { expression: sum([], rate('sluice_booking_failures_total')), legend: 'failed tries' },
    ],
  }),
  graph({
    title: 'Not exact',
    description:
      'Zero when all is well. Lost and rejected calls are not in the spend; interrupted ones are estimated.',
    unit: 'short',
    queries: [
      ['sluice_lost_calls_total', 'lost'],
      ['sluice_rejected_calls_total', 'rejected'],
      ['sluice_unjournaled_records_total', 'in no journal'],
      ['sluice_journal_write_failures_total', 'failed writes'],
      ['sluice_interrupted_calls_total', 'interrupted'],
    ].map(([metric = '', legend = '']) => ({
      expression: sum([], `increase(${series(metric)}[$__rate_interval])`),
      legend,
    })),
  }),
]

const failureShare = (store: 'redis' | 'postgres') => ({
  expression: share(
    [],
    rate(`litellm_${store}_failed_requests_total`),
    rate(`litellm_${store}_total_requests_total`),
  ),
  legend: 'failed',
})

const stores = [
  graph({
    title: 'PostgreSQL, 95 %',
    description: 'Seconds for a statement; needs service_callback: [prometheus_system].',
    unit: 's',
    queries: [
      { expression: quantile(0.95, 'litellm_postgres_latency', ['instance']), legend: '{{instance}}' },
    ],
  }),
  graph({
    title: 'PostgreSQL failures',
    description: 'Share of the statements that failed; needs service_callback: [prometheus_system].',
    unit: 'percentunit',
    queries: [failureShare('postgres')],
  }),
  stackedGraph({
    title: 'PostgreSQL failures by class',
    description: 'Statements that failed; needs service_callback: [prometheus_system].',
    unit: 'reqps',
    queries: [
      {
        expression: sum(['error_class', 'function_name'], rate('litellm_postgres_failed_requests_total')),
        legend: '{{function_name}} {{error_class}}',
      },
    ],
  }),
  graph({
    title: 'Redis, 95 %',
    description: 'Seconds for a command; needs service_callback: [prometheus_system].',
    unit: 's',
    queries: [{ expression: quantile(0.95, 'litellm_redis_latency', ['instance']), legend: '{{instance}}' }],
  }),
  graph({
    title: 'Redis failures',
    description: 'Share of the commands that failed; needs service_callback: [prometheus_system].',
    unit: 'percentunit',
    queries: [failureShare('redis')],
  }),
  graph({
    title: 'Redis breaker',
    description: 'Pods by what they know of Redis: closed is well, open is without it.',
    unit: 'short',
    queries: [
      {
        expression: sum(['state'], series('litellm_redis_circuit_breaker_state')),
        legend: '{{state}}',
      },
    ],
  }),
  graph({
    title: 'Shared limits, 95 %',
    description: 'How long calls waited for the store that processes share limits in.',
    unit: 's',
    queries: [
      { expression: quantile(0.95, 'sluice_limit_store_seconds', ['instance']), legend: '{{instance}}' },
    ],
  }),
  stackedGraph({
    title: 'Who counts limits',
    description: 'Limited calls: counted in the shared store, or by a pod alone (local).',
    unit: 'reqps',
    queries: [{ expression: sum(['store'], rate('sluice_limit_admissions_total')), legend: '{{store}}' }],
  }),
  graph({
    title: 'Response cache',
    description: 'Share of the calls that asked the cache and got their answer from it.',
    unit: 'percentunit',
    queries: [
      {
        expression: `${sum([], rate('litellm_cache_hits_metric_total'))} / (${sum([], rate('litellm_cache_hits_metric_total'))} + ${sum([], rate('litellm_cache_misses_metric_total'))})`,
        legend: 'from the cache',
      },
    ],
  }),
]

const told = [
  stackedGraph({
    title: 'Callbacks',
    description: 'Calls that other systems were told of.',
    unit: 'cps',
    queries: [
      {
        expression: sum(['callback_name'], rate('sluice_exported_calls_total')),
        legend: '{{callback_name}}',
      },
    ],
  }),
  graph({
    title: 'Callbacks, failures',
    description: 'Tries that failed, and calls that were given up.',
    unit: 'cps',
    queries: [
      {
        expression: sum(['callback_name'], rate('litellm_callback_logging_failures_metric_total')),
        legend: '{{callback_name}} failed',
      },
      {
        expression: sum(['callback_name', 'reason'], rate('sluice_export_dropped_calls_total')),
        legend: '{{callback_name}} given up: {{reason}}',
      },
    ],
  }),
  graph({
    title: 'Alerts',
    description: 'Alerts of the gateway itself (Slack, webhook): delivered, failed tries, given up.',
    unit: 'short',
    queries: [
      {
        expression: orZero(sum([], `increase(${series('sluice_alerts_sent_total')}[$__rate_interval])`)),
        legend: 'delivered',
      },
      {
        expression: orZero(
          sum([], `increase(${series('sluice_alert_delivery_failures_total')}[$__rate_interval])`),
        ),
        legend: 'failed tries',
      },
    ],
  }),
  graph({
    title: 'Log lines given up',
    description: 'Because nobody read standard output.',
    unit: 'cps',
    queries: [{ expression: sum([], rate('sluice_log_lines_dropped_total')), legend: 'lines' }],
  }),
  graph({
    title: 'Scrape',
    description: 'Seconds that a scrape took.',
    unit: 's',
    queries: [{ expression: max(['instance'], series('scrape_duration_seconds')), legend: '{{instance}}' }],
  }),
  graph({
    title: 'Series',
    description: 'Samples on the page of a pod.',
    unit: 'short',
    queries: [{ expression: max(['instance'], series('scrape_samples_scraped')), legend: '{{instance}}' }],
  }),
  bars({
    title: 'Metrics with the most series',
    description: 'Over all pods shown.',
    unit: 'short',
    width: 12,
    queries: [
      {
        expression: `topk(15, count by (__name__) ({__name__=~"(litellm|sluice)_.+",job=~"$job",instance=~"$instance"}))`,
        legend: '{{__name__}}',
      },
    ],
  }),
  graph({
    title: 'Label sets folded into other',
    description: 'A metric has reached its bound of series: what comes on top is counted together.',
    unit: 'cps',
    width: 12,
    height: 8,
    queries: [{ expression: sum(['metric'], rate('sluice_metric_overflow_total')), legend: '{{metric}}' }],
  }),
]

export const SYSTEM: Dashboard = {
  uid: 'sluice-system',
  title: 'Sluice / System',
  description: 'The processes themselves, the stores behind them, and what is told to other systems.',
  variables: POD_VARIABLES,
  rows: [
    { title: 'Now', panels: now },
    { title: 'Processes', panels: processes },
    { title: 'Journal and ledger', panels: ledger },
    { title: 'Stores', panels: stores },
    { title: 'What is told', panels: told },
  ],
}
