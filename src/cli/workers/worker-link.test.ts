import { expect, test } from 'vitest'
import { joinedPipes } from '../../../test/joined-pipes.ts'
import { MetricsRegistry } from '../../telemetry/metrics/registry.ts'
import type { RunningGateway } from '../start-gateway.ts'
import { Channel } from './channel.ts'
import { readSnapshots } from './host-metrics.ts'
import { WorkerLink } from './worker-link.ts'

test('a worker tells unasked what it has counted, again and again, and takes no scrape anything away', async () => {
  const registry = new MetricsRegistry()
  let scrapes = 0
  registry.beforeScrape(() => (scrapes += 1))
  const calls = registry.counter({ name: 'calls_total', help: 'Calls', labels: [] }).series([])
  registry.gauge({ name: 'open', help: 'Open', labels: [] }).series([]).set(7)
  const [near, far] = joinedPipes()
  const above = new Channel(far)
  above.answer('ready', () => undefined)
  const told: unknown[] = []
  const second = Promise.withResolvers<void>()
  above.answer('counted', (bytes) => {
    const counted = readSnapshots(bytes).filter(({ numbers }) => numbers.length > 0)
    told.push(counted.map(({ name, numbers }) => [name, ...numbers]))
    calls.add(1)
    if (told.length === 2) second.resolve()
  })
  // Of a gateway only what the link reads.
  const gateway = { telemetry: { registry }, database: { kind: 'postgresql' } } as unknown as RunningGateway
  calls.add(3)
  await new WorkerLink(near, 0).ready(gateway)
  await second.promise
  expect(told).toEqual([[['calls_total', 3]], [['calls_total', 4]]])
  expect(scrapes).toBe(0)
})
