import { serialize } from 'node:v8'
import { expect, test } from 'vitest'
import { MergedMetrics } from '../../telemetry/metrics/merged-metrics.ts'
import { MetricsRegistry } from '../../telemetry/metrics/registry.ts'
import { takeSnapshot } from '../../telemetry/metrics/snapshot.ts'
import { HostMetrics, readSnapshots, type MetricsOfWorker } from './host-metrics.ts'
import type { MetricsBytes } from './topics.ts'

class FakeWorker implements MetricsOfWorker {
  readonly #registry = new MetricsRegistry()
  readonly #calls = this.#registry.counter({ name: 'calls_total', help: 'Calls', labels: [] }).series([])
  asked = 0
  hangs = false

  count(calls: number): void {
    this.#calls.add(calls)
  }

  bytes(): MetricsBytes {
    return serialize(takeSnapshot(this.#registry))
  }

  snapshot(): Promise<MetricsBytes> {
    this.asked += 1
    return this.hangs ? new Promise(() => undefined) : Promise.resolve(this.bytes())
  }
}

async function callsShown(host: HostMetrics): Promise<number | undefined> {
  const merged = new MergedMetrics()
  for (const bytes of await host.collect()) merged.add(readSnapshots(bytes))
  const calls = merged.toSnapshots().find(({ name }) => name === 'calls_total')
  return calls?.numbers[0]
}

function hostOf(...workers: readonly FakeWorker[]): HostMetrics {
  const host = new HostMetrics(new MetricsRegistry())
  for (const worker of workers) host.came(worker)
  return host
}

test('a scrape shows the sum of all workers, and asks each once for all scrapes of the moment', async () => {
  const [one, two] = [new FakeWorker(), new FakeWorker()]
  const host = hostOf(one, two)
  one.count(3)
  two.count(4)
  expect(await Promise.all([callsShown(host), callsShown(host)])).toEqual([7, 7])
  expect(one.asked).toBe(1)
})

test('a count that was shown does not fall when its worker dies, or is replaced', async () => {
  const [one, two] = [new FakeWorker(), new FakeWorker()]
  const host = hostOf(one, two)
  one.count(3)
  two.count(4)
  expect(await callsShown(host)).toBe(7)
  // Killed: what it had shown stays.
  host.gone(one)
  expect(await callsShown(host)).toBe(7)
  // Ended by itself: its last numbers stay, too.
  two.count(10)
  host.saidFarewell(two, two.bytes())
  host.gone(two)
  const three = new FakeWorker()
  host.came(three)
  three.count(1)
  expect(await callsShown(host)).toBe(18)
})

test('of a worker that is killed stays what it told last, be it after a scrape or before any', async () => {
  const [one, two] = [new FakeWorker(), new FakeWorker()]
  const host = hostOf(one, two)
  one.count(3)
  host.counted(one, one.bytes())
  host.gone(one)
  expect(await callsShown(host)).toBe(3)
  two.count(4)
  expect(await callsShown(host)).toBe(7)
  two.count(5)
  host.counted(two, two.bytes())
  host.gone(two)
  expect(await callsShown(host)).toBe(12)
})

test('a worker that does not answer holds up no scrape, and is shown as it was', async () => {
  const [one, two] = [new FakeWorker(), new FakeWorker()]
  const host = hostOf(one, two)
  one.count(3)
  two.count(4)
  expect(await callsShown(host)).toBe(7)
  one.count(100)
  one.hangs = true
  two.count(1)
  expect(await callsShown(host)).toBe(8)
})
