import { deserialize, serialize } from 'node:v8'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { writeExposition, type ShownMetrics } from './exposition.ts'
import { MergedMetrics } from './merged-metrics.ts'
import { MetricsRegistry } from './registry.ts'
import { takeSnapshot, type FamilySnapshot } from './snapshot.ts'

function page(metrics: ShownMetrics): string {
  return [...writeExposition(metrics, 'prometheus')].join('')
}

/** As it comes out of another process. */
function sent(registry: MetricsRegistry): readonly FamilySnapshot[] {
  return deserialize(serialize(takeSnapshot(registry))) as readonly FamilySnapshot[]
}

interface Observation {
  readonly worker: number
  readonly label: string
  readonly value: number
}

function registryOf(observations: readonly Observation[]): MetricsRegistry {
  const registry = new MetricsRegistry()
  const counter = registry.counter({ name: 'spend_total', help: 'USD', labels: ['model'], unit: 1e12 })
  const histogram = registry.histogram({ name: 'seconds', help: 'Time', labels: ['model'] }, [1, 10, 100])
  const inFlight = registry.gauge({ name: 'in_flight', help: 'Now', labels: ['model'] })
  for (const { label, value } of observations) {
    counter.series([label]).add(value)
    histogram.series([label]).observe(value)
    inFlight.series([label]).add(value)
  }
  return registry
}

/** Series stand in the order of their first use, which depends on the worker: only their set is promised. */
function sortedLines(text: string): readonly string[] {
  return text.split('\n').toSorted()
}

const observations = fc.array(
  fc.record({
    worker: fc.nat({ max: 3 }),
    label: fc.constantFrom('a', 'b"\n', 'c'),
    value: fc.nat({ max: 1_000 }),
  }),
)

test('however calls are spread over workers, the merged page is that of one process', () => {
  fc.assert(
    fc.property(observations, (all) => {
      const merged = new MergedMetrics()
      for (const worker of [0, 1, 2, 3])
        merged.add(sent(registryOf(all.filter((one) => one.worker === worker))))
      expect(sortedLines(page(merged))).toEqual(sortedLines(page(registryOf(all))))
    }),
  )
})

test('the counts of workers that are gone stay, through any number of generations, and their gauges go', () => {
  fc.assert(
    fc.property(observations, (all) => {
      let kept: readonly FamilySnapshot[] = []
      for (const worker of [0, 1, 2]) {
        const gone = new MergedMetrics()
        gone.addCounts(kept)
        gone.addCounts(sent(registryOf(all.filter((one) => one.worker === worker))))
        kept = gone.toSnapshots()
      }
      const living = all.filter((one) => one.worker === 3)
      const merged = new MergedMetrics()
      merged.add(sent(registryOf(living)))
      merged.add(kept)
      const expected = sortedLines(page(registryOf(all))).filter((line) => !line.startsWith('in_flight'))
      const lines = sortedLines(page(merged))
      expect(lines.filter((line) => !line.startsWith('in_flight'))).toEqual(expected)
      expect(lines.filter((line) => line.startsWith('in_flight'))).toEqual(
        sortedLines(page(registryOf(living))).filter((line) => line.startsWith('in_flight')),
      )
    }),
  )
})

test.each([
  ['sum', 7],
  ['max', 4],
  ['min', 3],
] as const)(
  'gauges of workers are joined by %s where their definition says so',
  (acrossWorkers, expected) => {
    const merged = new MergedMetrics()
    for (const value of [3, 4]) {
      const registry = new MetricsRegistry()
      registry.gauge({ name: 'some', help: 'Some', labels: [], acrossWorkers }).series([]).set(value)
      merged.add(sent(registry))
    }
    expect(page(merged)).toContain(`\nsome ${expected}\n`)
  },
)

test('workers that come and go with ever new label values do not let the kept counts grow without bound', () => {
  let kept: readonly FamilySnapshot[] = []
  for (let worker = 0; worker < 20; worker += 1) {
    const registry = new MetricsRegistry()
    const family = registry.counter({ name: 'calls_total', help: 'Calls', labels: ['client'], maxSeries: 5 })
    for (let client = 0; client < 3; client += 1) family.series([`${worker}-${client}`]).add(1)
    const gone = new MergedMetrics()
    gone.addCounts(kept)
    gone.addCounts(sent(registry))
    kept = gone.toSnapshots()
  }
  const calls = kept.find(({ name }) => name === 'calls_total')!
  expect(calls.labelTexts.length).toBe(6)
  expect(calls.numbers.reduce((sum, value) => sum + value, 0)).toBe(60)
  expect(calls.numbers[calls.labelTexts.indexOf('{client="other"}')]).toBe(55)
})

test('a histogram whose buckets were changed between two starts is not added up to nonsense', () => {
  const merged = new MergedMetrics()
  for (const bounds of [
    [1, 2],
    [5, 6],
  ]) {
    const registry = new MetricsRegistry()
    registry.histogram({ name: 'seconds', help: 'Time', labels: [] }, bounds).series([]).observe(1)
    merged.add(sent(registry))
  }
  expect(page(merged)).toContain('seconds_count 1\n')
})

test('of the examples of several workers the latest stands in OpenMetrics, in its bucket', () => {
  const workers = [1, 2, 3].map((worker) => {
    const registry = new MetricsRegistry()
    const histogram = registry.histogram({ name: 'seconds', help: 'Time', labels: ['model'] }, [1, 10])
    histogram
      .series(['a'])
      .observeTraced(worker === 2 ? 5 : 0.5, `${worker}`.repeat(32), worker === 2 ? 9_000 : 1_000)
    histogram.series(['b']).observe(1)
    return registry
  })
  const merged = new MergedMetrics()
  for (const worker of workers) merged.add(sent(worker))
  const text = [...writeExposition(merged, 'openmetrics')].join('')
  const marked = text.split('\n').filter((line) => line.includes(' # '))
  expect(marked).toEqual([`seconds_bucket{model="a",le="10.0"} 3 # {trace_id="${'2'.repeat(32)}"} 5 9.000`])
  expect(page(merged)).not.toContain('trace_id')
})

test('of the examples of workers that are gone the latest stay, each with its own series', () => {
  let kept: readonly FamilySnapshot[] = []
  for (const [worker, models] of [['a'], ['b', 'a']].entries()) {
    const registry = new MetricsRegistry()
    const histogram = registry.histogram({ name: 'seconds', help: 'Time', labels: ['model'] }, [1])
    for (const model of models)
      histogram.series([model]).observeTraced(0.5, `${worker + 1}`.repeat(32), (worker + 1) * 1_000)
    const gone = new MergedMetrics()
    gone.addCounts(kept)
    gone.addCounts(sent(registry))
    kept = gone.toSnapshots()
  }
  const merged = new MergedMetrics()
  merged.add(kept)
  const lines = [...writeExposition(merged, 'openmetrics')].join('').split('\n')
  const example = `# {trace_id="${'2'.repeat(32)}"} 0.5 2.000`
  expect(lines.filter((line) => line.includes(' # ')).toSorted()).toEqual([
    `seconds_bucket{model="a",le="1.0"} 2 ${example}`,
    `seconds_bucket{model="b",le="1.0"} 1 ${example}`,
  ])
})

test('the series of many workers are merged over many turns of the event loop', async () => {
  const registry = new MetricsRegistry()
  for (let family = 0; family < 10; family += 1) {
    const counter = registry.counter({ name: `c${family}_total`, help: 'A count', labels: ['key'] })
    for (let key = 0; key < 1_000; key += 1) counter.series([`${key}`]).add(1)
  }
  let turns = 0
  let merging = true
  const count = (): void => {
    turns += 1
    if (merging) setImmediate(count)
  }
  setImmediate(count)
  const merged = new MergedMetrics()
  await merged.addInTurns(sent(registry))
  merging = false
  expect(turns).toBeGreaterThanOrEqual(10)
  const once = new MergedMetrics()
  once.add(sent(registry))
  expect(page(merged)).toBe(page(once))
})
