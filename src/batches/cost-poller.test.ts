import { afterAll, beforeAll, expect, test } from 'vitest'
import { migratedDatabase, type TestDatabase } from '../../test/databases.ts'
import { openCostPoller, type CostPoller } from './cost-poller.ts'
import type { CostServices } from './cost-services.ts'

const HOUR_MS = 3_600_000

let stored: TestDatabase

beforeAll(async () => {
  stored = await migratedDatabase('embedded')
})
afterAll(() => stored[Symbol.asyncDispose]())

/** Of a database without batches: a round needs nothing else. */
function pollerOf(roundBegan: () => void): CostPoller {
  const services: Pick<CostServices, 'database' | 'clock'> & Record<string, unknown> = {
    database: stored.database,
    clock: Date.now,
    settings: { pollingIntervalMs: HOUR_MS },
    metrics: { roundBegan },
  }
  return openCostPoller(services as unknown as CostServices)
}

test('a process leads while it looks for all, and not before or after; another does not look meanwhile', async () => {
  const leaders: boolean[][] = []
  const note = (): void => void leaders.push([first.isLeader, second.isLeader])
  const first = pollerOf(note)
  const second = pollerOf(note)
  expect([first.isLeader, second.isLeader]).toEqual([false, false])
  expect([await first.poll(), await second.poll()]).toEqual([true, false])
  expect(leaders).toEqual([[true, false]])
  expect([first.isLeader, second.isLeader]).toEqual([false, false])
  await Promise.all([first.close(), second.close()])
})
