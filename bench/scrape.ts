/**
 * What a scrape of 100,000 series costs: `node bench/scrape.ts`. The figures stand in docs/observability.md.
 *
 * The series are those of keys that have made one call each. What holds up calls is the longest turn of the event
 * loop, for a page is written in many.
 */
import { deserialize, serialize } from 'node:v8'
import { parseDollars } from '../src/money/picodollars.ts'
import type { Scope } from '../src/record/scope.ts'
import { CALLER, endOf, startOf } from '../test/telemetry/sample-calls.ts'
import { CallMetrics } from '../src/telemetry/metrics/call-metrics.ts'
import { compressPage } from '../src/telemetry/metrics/compress-page.ts'
import { renderMetrics, type ShownMetrics } from '../src/telemetry/metrics/exposition.ts'
import { MergedMetrics } from '../src/telemetry/metrics/merged-metrics.ts'
import { MetricsRegistry } from '../src/telemetry/metrics/registry.ts'
import { ScopeGauges } from '../src/telemetry/metrics/scope-gauges.ts'
import { takeSnapshot, type FamilySnapshot } from '../src/telemetry/metrics/snapshot.ts'
import { median } from './statistics.ts'

const SERIES = 100_000
const WORKERS = 4
/** So many does a process list. */
const KEYS_WITH_BUDGET = 10_000
const ROUNDS = 30
/** Before these the code is not compiled yet. */
const WARM_UP = 5

interface Cost {
  readonly cpuMs: number
  readonly longestTurnMs: number
}

function callsOf(keys: number): MetricsRegistry {
  const registry = new MetricsRegistry()
  const metrics = new CallMetrics(registry, { emitStreamLabel: false, endUserLabel: false })
  for (let key = 0; key < keys; key += 1) {
    const caller = { ...CALLER, keyHash: key.toString(16).padStart(64, '0') }
    metrics.callSettled(startOf({ caller }), endOf())
  }
  return registry
}

/** Keys with a budget, which begins anew, and limits: seven series each. */
function budgetsOf(keys: number): MetricsRegistry {
  const registry = new MetricsRegistry()
  const scopes = Array.from({ length: keys }, (_, key): Scope => {
    const id = key.toString(16).padStart(64, '0')
    return {
      kind: 'key',
      id,
      alias: `key-${key}`,
      label: id,
      requestsPerMinute: 100,
      tokensPerMinute: 100_000,
      parallelRequests: undefined,
      maxBudget: parseDollars('100'),
      softBudget: undefined,
      budgetWindow: '0',
      resetsAtMs: Date.now() + 86_400_000,
      spent: parseDollars('12.5'),
    }
  })
  const source = { scopes: () => scopes, useOf: () => ({ requests: 7, tokens: 700 }) }
  new ScopeGauges(registry, source, { endUsers: false, userNames: false }, Date.now)
  return registry
}

async function seriesOf(metrics: ShownMetrics): Promise<number> {
  const { body } = await renderMetrics(metrics, undefined)
  return (await body.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
}

/** Takes a page as a scraper would. @returns its bytes. */
async function take(metrics: ShownMetrics, acceptEncoding?: string): Promise<number> {
  const { body } = await renderMetrics(metrics, undefined)
  let bytes = 0
  for await (const piece of compressPage(body, acceptEncoding).pieces) bytes += piece.length
  return bytes
}

async function costOf(work: () => Promise<unknown>): Promise<Cost> {
  const before = process.cpuUsage()
  let longestTurnMs = 0
  let turnBeganAt = performance.now()
  let isOver = false
  const turn = (): void => {
    const now = performance.now()
    longestTurnMs = Math.max(longestTurnMs, now - turnBeganAt)
    turnBeganAt = now
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  await work()
  isOver = true
  longestTurnMs = Math.max(longestTurnMs, performance.now() - turnBeganAt)
  const { user, system } = process.cpuUsage(before)
  return { cpuMs: (user + system) / 1000, longestTurnMs }
}

async function measure(name: string, work: () => Promise<unknown>): Promise<void> {
  const costs: Cost[] = []
  for (let round = 0; round < WARM_UP + ROUNDS; round += 1) costs.push(await costOf(work))
  const measured = costs.slice(WARM_UP)
  const cpu = median(measured.map(({ cpuMs }) => cpuMs)).toFixed(0)
  const turn = median(measured.map(({ longestTurnMs }) => longestTurnMs)).toFixed(0)
  process.stdout.write(`| ${name} | ${cpu} | ${turn} |\n`)
}

function keysFor(series: number, seriesOfTen: number, seriesOfTwenty: number): number {
  const each = (seriesOfTwenty - seriesOfTen) / 10
  return Math.ceil((series - seriesOfTen) / each) + 10
}

const keys = keysFor(SERIES, await seriesOf(callsOf(10)), await seriesOf(callsOf(20)))
const registry = callsOf(keys)
const [plain, packed] = [await take(registry), await take(registry, 'gzip')]
process.stdout.write(
  `${await seriesOf(registry)} series, ${(plain / 1e6).toFixed(1)} MB, ${(packed / 1e6).toFixed(1)} MB by gzip\n\n`,
)
process.stdout.write('| | CPU ms | longest turn ms |\n|---|---:|---:|\n')
await measure('the page of one process', () => take(registry))
await measure('the same, by gzip', () => take(registry, 'gzip'))
const budgets = budgetsOf(KEYS_WITH_BUDGET)
await measure(`reading the budgets and limits of ${KEYS_WITH_BUDGET} keys`, () => budgets.collectInTurns())
await measure('what a worker tells', () => Promise.resolve(serialize(takeSnapshot(registry))))
const told = serialize(takeSnapshot(registry))
await measure(`the page of ${WORKERS} workers, in the one that is scraped`, async () => {
  const merged = new MergedMetrics()
  for (let worker = 0; worker < WORKERS; worker += 1)
    // What `serialize` was given.
    await merged.addInTurns(deserialize(told) as readonly FamilySnapshot[])
  await take(merged)
})
