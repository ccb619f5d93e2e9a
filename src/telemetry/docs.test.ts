/** The docs page and the code tell the same. */
import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { documentedMetrics, metricsTable } from '../../test/telemetry/metrics-table.ts'
import { endOf, providerErrorOf, startOf } from '../../test/telemetry/sample-calls.ts'
import { CallLineWriter } from './logs/call-line.ts'
import { BATCH_COUNTERS, BATCH_GAUGES, BATCH_HISTOGRAMS } from './metrics/batches.ts'
import { CallMetrics } from './metrics/call-metrics.ts'
import { OPERATION_COUNTERS, OPERATION_GAUGES, OPERATION_HISTOGRAMS } from './metrics/operations.ts'
import { registerProcessMetrics } from './metrics/process.ts'
import { MetricsRegistry } from './metrics/registry.ts'
import { BUDGET_GAUGES, DEPLOYMENT_GAUGES, POPULATION_GAUGES, RATE_GAUGES } from './metrics/scope-metrics.ts'
import {
  REDIS_COUNTERS,
  REDIS_GAUGES,
  SERVICE_NAMES,
  SERVICE_LOCKS,
  SERVICE_QUEUES,
  ServiceMetrics,
} from './metrics/services.ts'
import { createRedactor } from './redaction.ts'

const TRACE = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  parentSpanId: undefined,
  traceState: undefined,
  sampled: true,
}

const PAGE = fileURLToPath(new URL('../../docs/observability.md', import.meta.url))

test('the table of metrics in the docs is the one that the definitions give', () => {
  const page = readFileSync(PAGE, 'utf8')
  const expected = page.replace(
    /(<!-- metrics:[^\n]*-->\n)[^]*?(<!-- \/metrics -->)/,
    (_, open: string, close: string) => `${open}${metricsTable()}\n${close}`,
  )
  if (process.env['SLUICE_WRITE_DOCS'] === '1') writeFileSync(PAGE, expected)
  else expect(page).toBe(expected)
})

test('every metric that the code registers is documented, and every documented one is registered', () => {
  const registry = new MetricsRegistry()
  new CallMetrics(registry, { emitStreamLabel: true, endUserLabel: true })
  registerProcessMetrics(registry, '1.0.0')()
  for (const gauge of Object.values(OPERATION_GAUGES)) registry.gauge({ ...gauge, labels: [] })
  for (const counter of Object.values(OPERATION_COUNTERS)) registry.counter({ ...counter, labels: [] })
  for (const histogram of Object.values(OPERATION_HISTOGRAMS))
    registry.histogram({ ...histogram, labels: [] }, [1])
  for (const service of SERVICE_NAMES) new ServiceMetrics(registry, service)
  const scopeGauges = { ...BUDGET_GAUGES, ...RATE_GAUGES, ...DEPLOYMENT_GAUGES, ...POPULATION_GAUGES }
  for (const gauge of Object.values({ ...scopeGauges, ...SERVICE_QUEUES, ...SERVICE_LOCKS }))
    registry.gauge({ ...gauge, labels: [] })
  for (const gauge of Object.values(REDIS_GAUGES)) registry.gauge(gauge)
  for (const counter of Object.values(REDIS_COUNTERS)) registry.counter({ ...counter, labels: [] })
  for (const counter of Object.values(BATCH_COUNTERS)) registry.counter(counter)
  for (const gauge of Object.values(BATCH_GAUGES)) registry.gauge(gauge)
  for (const histogram of Object.values(BATCH_HISTOGRAMS)) registry.histogram(histogram, [1])
  expect(registry.families().map((family) => family.name)).toEqual(documentedMetrics().toSorted())
})

test('every field of a call’s log line is documented, and every documented one is written', () => {
  const line = new CallLineWriter(createRedactor()).line('info', startOf({ trace: TRACE }), {
    ...endOf(),
    error: providerErrorOf(500, 'APIError').error,
  })
  const log = readFileSync(PAGE, 'utf8').split('## Log')[1] ?? ''
  const rows = log.split('\n').filter((row) => row.startsWith('| `'))
  const documented = rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map((match) => match[1]),
  )
  expect(new Set([...documented, 'level', 'time'])).toEqual(new Set(Object.keys(JSON.parse(line) as object)))
})
