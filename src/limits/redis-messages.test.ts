/** Messages to Redis: what goes into one, and what comes of it. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { redisIn } from '../../test/limits/redis-client.ts'
import { asking, heldBy, messageOf, settlementOf } from '../../test/limits/sample-messages.ts'
import { openStore } from '../../test/limits/store-harness.ts'
import type { TestRedis } from '../../test/redis.ts'
import type { OpenRedis } from '../redis/open-redis.ts'
import { MemoryLimitStore } from './memory-store.ts'

let stack: AsyncDisposableStack
let server: TestRedis
let redis: OpenRedis

beforeEach(async () => {
  stack = new AsyncDisposableStack()
  ;({ server, redis } = await redisIn(stack))
})
afterEach(() => stack.disposeAsync())

test('calls of one turn ask in one message, fifty at most', async () => {
  const store = openStore(redis, { nowMs: Date.UTC(2026, 0, 5) })
  stack.defer(() => store.close())
  const message = asking('key:1', { requestsPerMinute: 110 })
  await store.admit(message)
  const before = await commandsRun('evalsha')
  const answers = await Promise.all(Array.from({ length: 120 }, async () => store.admit(message)))
  expect(answers.map((answer) => (answer.admitted ? answer.uses[0]!.requests : 0))).toEqual([
    ...Array.from({ length: 109 }, (_, index) => index + 2),
    ...Array.from({ length: 11 }, () => 0),
  ])
  expect((await commandsRun('evalsha')) - before).toBe(3)
})

test('a call that is refused for those of its own message is told when it may come again', async () => {
  const store = openStore(redis, { nowMs: Date.UTC(2026, 0, 5) + 300 })
  stack.defer(() => store.close())
  const message = asking('key:1', { requestsPerMinute: 2 })
  const answers = await Promise.all([1, 2, 3].map(async () => store.admit(message)))
  expect(answers[2]).toMatchObject({ admitted: false, limit: 'requests', freeInMs: 61_000 - 300 })
})

test('reservations are added up to the picodollar, however large they are', async () => {
  const store = openStore(redis, { nowMs: Date.UTC(2026, 0, 5) })
  stack.defer(() => store.close())
  const costs = [2n ** 53n - 2n, 3n, 2n ** 53n + 1n, 4n]
  await Promise.all(costs.map(async (cost) => store.admit(messageOf(cost))))
  const reserved = await server.command('hvals', '{sluice:limits}:budget:key:1@w')
  expect(reserved.split('\n').sort()).toEqual(['0', String(costs.reduce((sum, cost) => sum + cost))])
})

test('what is given back before all is stated anew is given back once', async () => {
  const clock = { nowMs: Date.UTC(2026, 0, 5) }
  const own = new MemoryLimitStore(() => clock.nowMs)
  const store = openStore(redis, clock, undefined, own)
  stack.defer(() => store.close())
  const [message, other] = [messageOf(100n), messageOf(30n)]
  await store.admit(message)
  await store.admit(other)
  await server.flush()
  await store.flush()
  store.settle(settlementOf(message))
  own.settle(settlementOf(message))
  await store.flush()
  expect(await heldBy(redis)).toEqual(['1', '30'])
})

test('fifty refusals of one limit look for its end once', async () => {
  const store = openStore(redis, { nowMs: Date.UTC(2026, 0, 5) })
  stack.defer(() => store.close())
  const message = asking('key:1', { requestsPerMinute: 0 })
  const before = await commandsRun('hmget')
  const answers = await Promise.all(Array.from({ length: 50 }, async () => store.admit(message)))
  expect(answers.every(({ admitted }) => !admitted)).toBe(true)
  // The window, whether others have calls in advance, and the end.
  expect((await commandsRun('hmget')) - before).toBe(3)
})

async function commandsRun(name: string): Promise<number> {
  const stats = await server.command('info', 'commandstats')
  return Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(stats)?.[1] ?? 0)
}
