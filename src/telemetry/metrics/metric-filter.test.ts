/** Which metrics and labels are shown. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readExposition } from '../../../test/telemetry/read-exposition.ts'
import { endOf, startOf } from '../../../test/telemetry/sample-calls.ts'
import { CallMetrics } from './call-metrics.ts'
import { writeExposition } from './exposition.ts'
import { COUNTERS, HISTOGRAMS } from './families.ts'
import { MetricFilter, type MetricFilterSettings } from './metric-filter.ts'
import { declaredName, SELECTABLE_METRICS } from './metric-names.ts'
import { MetricsRegistry } from './registry.ts'

const NOTHING: MetricFilterSettings = { groups: undefined, excludedMetrics: [], excludedLabels: [] }

function pageWith(settings: Partial<MetricFilterSettings>) {
  const registry = new MetricsRegistry((value) => value, new MetricFilter({ ...NOTHING, ...settings }))
  const metrics = new CallMetrics(registry, { emitStreamLabel: false, endUserLabel: false })
  metrics.callSettled(startOf(), endOf())
  metrics.callSettled(startOf({ userAgent: 'another' }), endOf())
  return readExposition([...writeExposition(registry, 'prometheus')].join(''))
}

test('only the metrics of the groups are given, with the labels of their group', () => {
  const page = pageWith({
    groups: [
      { metrics: ['litellm_spend_metric'], includeLabels: ['team', 'model'] },
      { metrics: ['litellm_requests_metric_total'], includeLabels: undefined },
    ],
  })
  const chosen = [...page.keys()].filter((name) => SELECTABLE_METRICS.has(name))
  expect(chosen).toEqual(['litellm_requests_metric_total', 'litellm_spend_metric_total'])
  expect(page.get('litellm_spend_metric_total')?.samples).toEqual([
    { name: 'litellm_spend_metric_total', labels: { model: 'gpt-5-5', team: 'team-1' }, value: 0.5 },
  ])
  expect(page.get('litellm_requests_metric_total')?.samples).toHaveLength(2)
  expect(page.has('sluice_call_duration_seconds')).toBe(true)
})

test('excluded metrics and labels are nowhere, also not those of Sluice’s own', () => {
  const page = pageWith({
    excludedMetrics: ['sluice_call_duration_seconds', 'litellm_spend_metric'],
    excludedLabels: ['user_agent', 'client_ip'],
  })
  expect(page.has('sluice_call_duration_seconds')).toBe(false)
  expect(page.has('litellm_spend_metric_total')).toBe(false)
  const samples = [...page.values()].flatMap((family) => family.samples)
  expect(samples.some(({ labels }) => 'user_agent' in labels || 'client_ip' in labels)).toBe(false)
  expect(page.get(COUNTERS.proxyTotal.name)?.samples.map(({ value }) => value)).toEqual([2])
})

test('whatever is chosen and excluded, the page has nothing else, and no count gets lost', () => {
  const names = [...Object.values(COUNTERS), ...Object.values(HISTOGRAMS)].map(({ name }) => name)
  const labels = [...new Set(Object.values(COUNTERS).flatMap((definition) => definition.labels))]
  fc.assert(
    fc.property(
      fc.option(fc.subarray(names), { nil: undefined }),
      fc.option(fc.subarray(labels), { nil: undefined }),
      fc.subarray(names),
      fc.subarray(labels),
      (chosen, includeLabels, excludedMetrics, excludedLabels) => {
        const groups =
          chosen === undefined ? undefined : [{ metrics: chosen.map(declaredName), includeLabels }]
        const page = pageWith({ groups, excludedMetrics, excludedLabels })
        for (const name of names) {
          const wanted = chosen === undefined || chosen.includes(name) || !SELECTABLE_METRICS.has(name)
          expect(page.has(name)).toBe(wanted && !excludedMetrics.includes(name))
        }
        for (const { labels: shown } of [...page.values()].flatMap((family) => family.samples))
          for (const label of excludedLabels) expect(shown).not.toHaveProperty(label)
        const total = page.get(COUNTERS.requests.name)
        if (total !== undefined) expect(total.samples.reduce((sum, { value }) => sum + value, 0)).toBe(2)
      },
    ),
    { numRuns: 60 },
  )
})
