/** The table of metrics in the docs, made from the definitions that the code counts with. */
import { BATCH_COUNTERS, BATCH_GAUGES, BATCH_HISTOGRAMS } from '../../src/telemetry/metrics/batches.ts'
import { COUNTERS, GAUGES, HISTOGRAMS } from '../../src/telemetry/metrics/families.ts'
import {
  OPERATION_COUNTERS,
  OPERATION_GAUGES,
  OPERATION_HISTOGRAMS,
  type MetricDefinition,
} from '../../src/telemetry/metrics/operations.ts'
import { PROCESS_COUNTERS, PROCESS_GAUGES } from '../../src/telemetry/metrics/process.ts'
import {
  BUDGET_GAUGES,
  DEPLOYMENT_GAUGES,
  POPULATION_GAUGES,
  RATE_GAUGES,
} from '../../src/telemetry/metrics/scope-metrics.ts'
import {
  REDIS_COUNTERS,
  REDIS_GAUGES,
  SERVICE_FAILURES,
  SERVICE_HISTOGRAMS,
  SERVICE_LOCKS,
  SERVICE_QUEUES,
  SERVICE_TOTALS,
} from '../../src/telemetry/metrics/services.ts'
import { OVERFLOW } from '../../src/telemetry/metrics/registry.ts'

type MetricType = 'counter' | 'gauge' | 'histogram'

const ALL: readonly (readonly [MetricType, Readonly<Record<string, MetricDefinition>>])[] = [
  ['counter', COUNTERS],
  ['histogram', HISTOGRAMS],
  ['gauge', GAUGES],
  ['gauge', BUDGET_GAUGES],
  ['gauge', RATE_GAUGES],
  ['gauge', DEPLOYMENT_GAUGES],
  ['gauge', POPULATION_GAUGES],
  ['gauge', OPERATION_GAUGES],
  ['counter', OPERATION_COUNTERS],
  ['histogram', OPERATION_HISTOGRAMS],
  ['histogram', SERVICE_HISTOGRAMS],
  ['counter', SERVICE_TOTALS],
  ['counter', SERVICE_FAILURES],
  ['gauge', SERVICE_QUEUES],
  ['gauge', SERVICE_LOCKS],
  ['gauge', REDIS_GAUGES],
  ['counter', REDIS_COUNTERS],
  ['counter', BATCH_COUNTERS],
  ['gauge', BATCH_GAUGES],
  ['histogram', BATCH_HISTOGRAMS],
  ['counter', { OVERFLOW }],
  ['gauge', PROCESS_GAUGES],
  ['counter', PROCESS_COUNTERS],
]

/** Markdown, a row a metric. */
export function metricsTable(): string {
  const rows = ALL.flatMap(([type, definitions]) =>
    Object.values(definitions).map(({ name, help, labels = [] }) => {
      const names = labels.length === 0 ? '–' : labels.map((label) => `\`${label}\``).join(', ')
      return `| \`${name}\` | ${type} | ${names} | ${help} |`
    }),
  )
  return ['| metric | type | labels | what it counts |', '|---|---|---|---|', ...rows].join('\n')
}

/** The names of all metrics in the docs. */
export function documentedMetrics(): string[] {
  return ALL.flatMap(([, definitions]) => Object.values(definitions).map((definition) => definition.name))
}

/** The labels of a metric by its sample name; undefined for one that is not here. */
export function definedLabels(name: string): readonly string[] | undefined {
  for (const [, definitions] of ALL) {
    const definition = Object.values(definitions).find((each) => each.name === name)
    if (definition !== undefined) return definition.labels ?? []
  }
  return undefined
}
