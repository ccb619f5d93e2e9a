/** However many users there are, the metrics stay small; and what is no longer used is forgotten. */
import { expect, test } from 'vitest'
import { readExposition, samplesOf, valueOf } from '../../../test/telemetry/read-exposition.ts'
import { CALLER, endOf, refusalOf, startOf } from '../../../test/telemetry/sample-calls.ts'
import { CallMetrics, type CallMetricsSettings } from './call-metrics.ts'
import { renderMetrics, writeExposition } from './exposition.ts'
import { COUNTERS, HISTOGRAMS } from './families.ts'
import { OTHER } from './family.ts'
import { MetricsRegistry, OVERFLOW } from './registry.ts'

const SETTINGS: CallMetricsSettings = { emitStreamLabel: false, endUserLabel: true }

function pageOf(registry: MetricsRegistry) {
  return readExposition([...writeExposition(registry, 'prometheus')].join(''))
}

test(
  'a million users leave a bounded number of series, and every call is counted',
  { timeout: 60_000 },
  () => {
    const registry = new MetricsRegistry()
    const metrics = new CallMetrics(registry, { ...SETTINGS, maxSeriesPerMetric: 50 })
    const served = endOf()
    // Most are refused: that touches fewer metrics, and as many users.
    const refused = refusalOf(429, 'RateLimitError')
    const users = 1_000_000
    for (let user = 0; user < users; user += 1) {
      const caller = { ...CALLER, userId: `user-${user}`, keyHash: user.toString(16).padStart(64, '0') }
      metrics.callSettled(
        startOf({ caller, endUser: `customer-${user}` }),
        user % 50 === 0 ? served : refused,
      )
    }
    for (const family of registry.families()) expect(family.size).toBeLessThanOrEqual(101)
    const page = pageOf(registry)
    const totals = samplesOf(page, COUNTERS.proxyTotal.name)
    expect(totals.reduce((sum, { value }) => sum + value, 0)).toBe(users)
    expect(valueOf(page, COUNTERS.proxyTotal.name, { user: OTHER })).toBeGreaterThan(users - 101)
    expect(valueOf(page, OVERFLOW.name, { metric: COUNTERS.proxyTotal.name })).toBeGreaterThan(users - 101)
  },
)

test('a series that has not changed for its time is dropped, and begins anew at its next call', () => {
  const registry = new MetricsRegistry()
  const metrics = new CallMetrics(registry, { ...SETTINGS, endUserLabel: false, seriesIdleMs: 60_000 })
  const idle = startOf({ userAgent: 'idle' })
  const busy = startOf({ userAgent: 'busy' })
  const sweep = (nowMs: number): void => {
    if (registry.dropIdle(nowMs) > 0) metrics.forgetSeries()
  }
  metrics.callSettled(idle, endOf())
  for (const nowMs of [0, 30_000, 60_000]) {
    metrics.callSettled(busy, endOf())
    sweep(nowMs)
  }
  const page = pageOf(registry)
  expect(samplesOf(page, COUNTERS.proxyTotal.name).map(({ labels }) => labels['user_agent'])).toEqual([
    'busy',
  ])
  expect(valueOf(page, COUNTERS.proxyTotal.name)).toBe(3)
  metrics.callSettled(idle, endOf())
  expect(valueOf(pageOf(registry), COUNTERS.proxyTotal.name, { user_agent: 'idle' })).toBe(1)
})

test('the numbers of a dropped histogram do not come back in another series', () => {
  const registry = new MetricsRegistry()
  const family = registry.histogram({ name: 'a', help: 'a', labels: ['of'], idleAfterMs: 10 }, [1])
  family.series(['first']).observe(0.5)
  registry.dropIdle(0)
  registry.dropIdle(10)
  expect(family.size).toBe(0)
  expect([...family.series(['second']).cells]).toEqual([0, 0, 0])
})

test('a metric where end users are named has a bound and a time of its own', () => {
  const registry = new MetricsRegistry()
  const metrics = new CallMetrics(registry, { ...SETTINGS, maxEndUserSeries: 5, endUserSeriesIdleMs: 1_000 })
  for (let user = 0; user < 20; user += 1) metrics.callSettled(startOf({ endUser: `c-${user}` }), endOf())
  const page = pageOf(registry)
  expect(samplesOf(page, COUNTERS.spend.name)).toHaveLength(6)
  expect(valueOf(page, COUNTERS.spend.name, { end_user: OTHER })).toBe(0.25 * 15)
  registry.dropIdle(0)
  registry.dropIdle(1_000)
  expect(samplesOf(pageOf(registry), COUNTERS.spend.name)).toEqual([])
})

test('a page of 100,000 series is written over many turns of the event loop', async () => {
  const registry = new MetricsRegistry()
  const metrics = new CallMetrics(registry, SETTINGS)
  for (let key = 0; key < 1_000; key += 1)
    metrics.callSettled(
      startOf({ caller: { ...CALLER, keyHash: key.toString(16).padStart(64, '0') } }),
      endOf(),
    )
  let turns = 0
  let rendering = true
  const count = (): void => {
    turns += 1
    if (rendering) setImmediate(count)
  }
  setImmediate(count)
  const { body } = await renderMetrics(registry, undefined)
  const pieces: Buffer[] = []
  for await (const piece of body) pieces.push(piece)
  rendering = false
  const lines = Buffer.concat(pieces).toString().split('\n').length
  expect(lines).toBeGreaterThan(100_000)
  expect(turns).toBeGreaterThan(50)
  expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(128 * 1024)
})

test('of a large page no more is written than is taken', async () => {
  const registry = new MetricsRegistry()
  let written = 0
  for (let number = 0; number < 5_000; number += 1) {
    registry
      .gauge({ name: `gauge_${number}`, help: 'Counts who reads it', labels: [] })
      .series([])
      .readFrom(() => (written += 1))
  }
  const { body } = await renderMetrics(registry, undefined)
  const whenRendered = written
  for await (const _ of body) break
  expect(whenRendered).toBeLessThan(4_000)
  expect(written).toBe(whenRendered)
})

test('an example of what is counted stands in OpenMetrics, in its bucket, for a call whose spans are kept', () => {
  const registry = new MetricsRegistry()
  const metrics = new CallMetrics(registry, SETTINGS)
  const trace = {
    traceId: 'ab'.repeat(16),
    spanId: 'cd'.repeat(8),
    parentSpanId: undefined,
    traceState: undefined,
  }
  metrics.callSettled(startOf({ trace: { ...trace, sampled: false } }), endOf())
  expect([...writeExposition(registry, 'openmetrics')].join('')).not.toContain('trace_id')
  metrics.callSettled(startOf({ trace: { ...trace, sampled: true } }), endOf())
  const lines = [...writeExposition(registry, 'openmetrics')].join('').split('\n')
  const marked = lines.filter(
    (line) => line.startsWith(`${HISTOGRAMS.totalLatency.name}_bucket`) && line.includes('#'),
  )
  expect(marked).toHaveLength(1)
  expect(marked[0]).toMatch(/le="0.25"} 2 # {trace_id="(ab){16}"} 0.101 1780000000.101$/)
  expect([...writeExposition(registry, 'prometheus')].join('')).not.toContain('trace_id')
})
