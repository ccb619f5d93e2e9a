/** The pages that a scraper gets. */
import { expect, test } from 'vitest'
import * as fc from 'fast-check'
import { readExposition, samplesOf, valueOf } from '../../../test/telemetry/read-exposition.ts'
import { negotiateFormat, writeExposition, type ExpositionFormat } from './exposition.ts'
import { MetricsRegistry } from './registry.ts'

function page(registry: MetricsRegistry, format: ExpositionFormat = 'prometheus'): string {
  return [...writeExposition(registry, format)].join('')
}

test('a counter, a gauge and a histogram are written as Prometheus reads them', () => {
  const registry = new MetricsRegistry()
  registry
    .counter({ name: 'calls_total', help: 'Calls', labels: ['model', 'team'] })
    .series(['gpt', 'a"b\\c'])
    .add(2)
  registry.gauge({ name: 'open', help: 'Open\nnow', labels: [] }).series([]).set(-1.5)
  const seconds = registry
    .histogram({ name: 'seconds', help: 'Time', labels: ['model'] }, [0.1, 1, 10])
    .series(['gpt'])
  for (const value of [0.05, 0.1, 0.5, 99]) seconds.observe(value)

  expect(page(registry)).toBe(`# HELP calls_total Calls
# TYPE calls_total counter
calls_total{model="gpt",team="a\\"b\\\\c"} 2
# HELP open Open\\nnow
# TYPE open gauge
open -1.5
# HELP seconds Time
# TYPE seconds histogram
seconds_bucket{model="gpt",le="0.1"} 2
seconds_bucket{model="gpt",le="1.0"} 3
seconds_bucket{model="gpt",le="10.0"} 3
seconds_bucket{model="gpt",le="+Inf"} 4
seconds_sum{model="gpt"} 99.65
seconds_count{model="gpt"} 4
# HELP sluice_metric_overflow_total How often a label set was folded into a series of the value other, by metric
# TYPE sluice_metric_overflow_total counter
`)
})

test('in OpenMetrics a counter family has no _total in its name, and the page has an end', () => {
  const registry = new MetricsRegistry()
  registry.counter({ name: 'calls_total', help: 'All "calls"', labels: [] }).series([]).add(1)
  expect(page(registry, 'openmetrics')).toBe(`# HELP calls All \\"calls\\"
# TYPE calls counter
calls_total 1
# HELP sluice_metric_overflow How often a label set was folded into a series of the value other, by metric
# TYPE sluice_metric_overflow counter
# EOF
`)
})

test.each([
  [undefined, 'prometheus'],
  ['*/*', 'prometheus'],
  ['text/plain;version=0.0.4;q=1,*/*;q=0.1', 'prometheus'],
  [
    'application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
    'openmetrics',
  ],
  ['application/openmetrics-text; version=1.0.0', 'openmetrics'],
  ['application/openmetrics-text;q=0', 'prometheus'],
  ['application/openmetrics-text;q=0.2,text/plain', 'prometheus'],
])('Accept %s gets the format %s', (accept, format) => {
  expect(negotiateFormat(accept)).toBe(format)
})

test('whatever a label value holds, the page stays readable and no series is given twice', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.constantFrom('a\n} 1\nevil_total 9', '"', '\\', '\\n', '\u2028', '\ud800', '\u001b[31m', 'x\0y', ''),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(hostile, hostile), { maxLength: 30 }), (sets) => {
      const registry = new MetricsRegistry()
      const counter = registry.counter({
        name: 'calls_total',
        help: 'Calls',
        labels: ['model', 'user_agent'],
      })
      for (const set of sets) counter.series(set).add(1)
      const families = readExposition(page(registry))
      expect([...families.keys()]).toEqual(['calls_total', 'sluice_metric_overflow_total'])
      const samples = samplesOf(families, 'calls_total')
      expect(samples.reduce((sum, sample) => sum + sample.value, 0)).toBe(sets.length)
      for (const value of samples.flatMap((sample) => Object.values(sample.labels))) {
        expect(value).not.toMatch(/\p{Cc}/u)
        expect(value.length).toBeLessThanOrEqual(256)
      }
    }),
  )
})

test('buckets count each value up to their bound, and the sum is the sum', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 20_000 })), (values) => {
      const registry = new MetricsRegistry()
      const bounds = [5, 100, 5_000]
      const histogram = registry.histogram({ name: 'size', help: 'Size', labels: [] }, bounds).series([])
      for (const value of values) histogram.observe(value)
      const families = readExposition(page(registry))
      for (const bound of bounds) {
        const expected = values.filter((value) => value <= bound).length
        expect(valueOf(families, 'size_bucket', { le: `${bound}.0` })).toBe(expected)
      }
      expect(valueOf(families, 'size_bucket', { le: '+Inf' })).toBe(values.length)
      expect(valueOf(families, 'size_count')).toBe(values.length)
      expect(valueOf(families, 'size_sum')).toBe(values.reduce((sum, value) => sum + value, 0))
    }),
  )
})

test('a gauge whose reader throws is NaN, and the rest of the page stands', () => {
  const registry = new MetricsRegistry()
  registry
    .gauge({ name: 'broken', help: 'Broken', labels: [] })
    .series([])
    .readFrom(() => {
      throw new Error('no')
    })
  registry.gauge({ name: 'endless', help: 'Endless', labels: [] }).series([]).set(Infinity)
  const families = readExposition(page(registry))
  expect(valueOf(families, 'broken')).toBeNaN()
  expect(valueOf(families, 'endless')).toBe(Infinity)
})
