/** The bounds of the registry. */
import { expect, test } from 'vitest'
import { readExposition, samplesOf, valueOf } from '../../../test/telemetry/read-exposition.ts'
import { writeExposition } from './exposition.ts'
import { OVERFLOW, MetricsRegistry } from './registry.ts'

function read(registry: MetricsRegistry) {
  return readExposition([...writeExposition(registry, 'prometheus')].join(''))
}

test('a million user agents leave a constant number of series, and every call is counted', () => {
  const registry = new MetricsRegistry()
  const counter = registry.counter({
    name: 'calls_total',
    help: 'Calls',
    labels: ['team', 'user_agent'],
    maxSeries: 50,
    volatileLabels: ['user_agent'],
  })
  for (let index = 0; index < 1_000_000; index += 1) counter.series(['platform', `agent ${index}`]).add(1)
  const families = read(registry)
  expect(samplesOf(families, 'calls_total')).toHaveLength(51)
  expect(valueOf(families, 'calls_total', { team: 'platform', user_agent: 'other' })).toBe(1_000_000 - 50)
  expect(valueOf(families, OVERFLOW.name, { metric: 'calls_total' })).toBe(1_000_000 - 50)
})

test('past twice the bound every label becomes other', () => {
  const registry = new MetricsRegistry()
  const gauge = registry.counter({
    name: 'calls_total',
    help: 'Calls',
    labels: ['team', 'user_agent'],
    maxSeries: 5,
    volatileLabels: ['user_agent'],
  })
  for (let index = 0; index < 100; index += 1) gauge.series([`team ${index}`, `agent ${index}`]).add(1)
  const families = read(registry)
  expect(samplesOf(families, 'calls_total', { user_agent: 'other' })).toHaveLength(6)
  expect(valueOf(families, 'calls_total', { team: 'other', user_agent: 'other' })).toBe(90)
})

test('a series that exists is found again after the bound was met', () => {
  const registry = new MetricsRegistry()
  const counter = registry.counter({ name: 'calls_total', help: 'Calls', labels: ['team'], maxSeries: 2 })
  for (const team of ['a', 'b', 'c', 'a', 'c']) counter.series([team]).add(1)
  const families = read(registry)
  expect(valueOf(families, 'calls_total', { team: 'a' })).toBe(2)
  expect(valueOf(families, 'calls_total', { team: 'other' })).toBe(2)
})

test('a histogram keeps its numbers while it grows', () => {
  const registry = new MetricsRegistry()
  const histogram = registry.histogram({ name: 'seconds', help: 'Time', labels: ['model'] }, [1])
  const all = Array.from({ length: 100 }, (_, index) => histogram.series([`model ${index}`]))
  for (const [index, series] of all.entries()) series.observe(index)
  const families = read(registry)
  for (const index of all.keys())
    expect(valueOf(families, 'seconds_sum', { model: `model ${index}` })).toBe(index)
})

test('a secret in a label value is redacted', () => {
  const registry = new MetricsRegistry((value) => value.replace('canary', '[redacted]'))
  registry
    .counter({ name: 'calls_total', help: 'Calls', labels: ['user'] })
    .series(['my canary'])
    .add(1)
  expect(valueOf(read(registry), 'calls_total', { user: 'my [redacted]' })).toBe(1)
})

test('a name is registered once, a counter ends in _total, buckets ascend', () => {
  const registry = new MetricsRegistry()
  registry.gauge({ name: 'open', help: 'Open', labels: [] })
  expect(() => registry.gauge({ name: 'open', help: 'Open', labels: [] })).toThrow(
    'metric open is registered twice',
  )
  expect(() => registry.counter({ name: 'calls', help: 'Calls', labels: [] })).toThrow(
    'expected a name with _total',
  )
  expect(() => registry.histogram({ name: 'seconds', help: 'Time', labels: [] }, [1, 1])).toThrow(
    'ascending order',
  )
})
