/** Calls that Redis admits in advance: few questions, and limits as exact as if each call had asked. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { callFast, callOf, FAR } from '../../../test/limits/fast-calls.ts'
import { askOf, NOTHING_SPENT } from '../../../test/limits/limited-asks.ts'
import { redisIn } from '../../../test/limits/redis-client.ts'
import { RedisProcesses } from '../../../test/limits/redis-processes.ts'
import { endOf } from '../../../test/limits/sample-messages.ts'
import { openStore, type Clock } from '../../../test/limits/store-harness.ts'
import type { OpenRedis } from '../../redis/open-redis.ts'
import type { AdmitMessage, ScopeAsk } from '../limit-store.ts'
import type { RedisLimitStore } from '../redis-store.ts'

let stack: AsyncDisposableStack
let redis: OpenRedis

beforeEach(async () => {
  stack = new AsyncDisposableStack()
  ;({ redis } = await redisIn(stack))
})
afterEach(() => stack.disposeAsync())

function open(clock: Clock = { nowMs: Date.UTC(2026, 0, 5) }): RedisLimitStore {
  const store = openStore(redis, clock)
  stack.defer(() => store.close())
  return store
}

test.each(['budget', 'parallel', 'requests', 'tokens'] as const)(
  'most calls that come fast ask nobody, where their limit of %s is far',
  async (kind) => {
    expect(await callFast(open(), callOf(kind, FAR), 1_000)).toBeGreaterThan(900)
  },
)

test('near a limit each call asks', async () => {
  expect(await callFast(open(), callOf('budget', 500), 400)).toBe(0)
})

test('who is refused for what others have in advance is decided when they have given it back', async () => {
  const processes = new RedisProcesses(redis, 'parallel', 1_000)
  for (let call = 0; call < 40; call += 1) await processes.call(0)
  for (let call = 0; call < 960; call += 1) await processes.call(1)
  expect(processes.refused).toBe(0)
  await processes.call(1)
  expect([processes.refused, processes.underWay.length]).toEqual([1, 1_000])
  await processes.close()
})

test('a process gives back what it has in advance to its own calls of another kind', async () => {
  const store = open()
  const ask = { ...askOf('key:k', 'budget', FAR, NOTHING_SPENT), requestsPerMinute: 600 }
  await callFast(store, { tokens: 10, cost: 10n, asks: [ask] }, 40)
  const free = { tokens: 10, cost: 0n, asks: [{ ...ask, budget: undefined }] }
  const answers = await Promise.all(Array.from({ length: 560 }, async () => store.admit(free)))
  expect(answers.filter(({ admitted }) => admitted)).toHaveLength(560)
  expect(await store.admit(free)).toMatchObject({ admitted: false, limit: 'requests', used: '600' })
})

test('a process gives back what it has in advance of each limit that refuses a call', async () => {
  const store = open()
  const [key, team] = [
    askOf('key:k', 'parallel', 600, NOTHING_SPENT),
    askOf('team:t', 'parallel', 600, NOTHING_SPENT),
  ]
  const one = (...asks: ScopeAsk[]): AdmitMessage => ({ tokens: 0, cost: 0n, asks })
  for (const ask of [key, team]) await callFast(store, one(ask), 40)
  for (const ask of [key, team])
    await Promise.all(
      Array.from({ length: 559 }, async () => store.admit(one({ ...ask, requestsPerMinute: FAR }))),
    )
  expect(await store.admit(one(key, team))).toMatchObject({ admitted: true })
  expect(await store.admit(one(key, team))).toMatchObject({ admitted: false, ask: 0, used: '600' })
})

test('who is refused for what others have in advance of two limits is decided when they have given back both', async () => {
  const clock = { nowMs: Date.UTC(2026, 0, 5) }
  const [holder, other] = [open(clock), open(clock)]
  const [key, team] = [
    askOf('key:k', 'parallel', 600, NOTHING_SPENT),
    askOf('team:t', 'parallel', 600, NOTHING_SPENT),
  ]
  const one = (...asks: ScopeAsk[]): AdmitMessage => ({ tokens: 0, cost: 0n, asks })
  await callFast(holder, one(key), 40)
  clock.nowMs += 80
  await callFast(holder, one(team), 40)
  for (const ask of [key, team])
    await Promise.all(
      Array.from({ length: 559 }, async () => other.admit(one({ ...ask, requestsPerMinute: FAR }))),
    )
  expect(await other.admit(one(key, team))).toMatchObject({ admitted: true })
})

test('a budget that the process knows to be spent refuses, whatever is in advance of it', async () => {
  const store = open()
  await callFast(store, callOf('budget', 10_000), 100)
  const spent = { ...callOf('budget', 10_000), asks: [askOf('key:k', 'budget', 10_000, () => 100_000n)] }
  expect(await store.admit(spent)).toMatchObject({ admitted: false, limit: 'budget', used: '100000' })
})

test('so does one that its own calls have spent', async () => {
  const store = open()
  const message = callOf('budget', 10_000)
  await callFast(store, message, 100)
  store.settle(endOf(message, { costReserved: 10n, cost: 100_000n, accounts: ['key:k@w'] }))
  const next = { ...message, asks: [askOf('key:k', 'budget', 10_000, () => 100_000n)] }
  expect(await store.admit(next)).toMatchObject({ admitted: false, limit: 'budget', used: '100000' })
})

test('after a refusal that others may have caused, nothing is admitted in advance of the limit for a second', async () => {
  const clock = { nowMs: Date.UTC(2026, 0, 5) }
  const [one, other] = [open(clock), open(clock)]
  const message = callOf('parallel', 600)
  await callFast(one, message, 40)
  await Promise.all(Array.from({ length: 561 }, async () => other.admit(message)))
  const end = endOf(message, { second: Math.floor(clock.nowMs / 1000) })
  for (let call = 0; call < 560; call += 1) other.settle(end)
  clock.nowMs += 200
  await other.flush()
  expect(await callFast(one, message, 40)).toBe(0)
  clock.nowMs += 1_001
  expect(await callFast(one, message, 20)).toBeGreaterThan(0)
})

test('a process that is alone waits for nobody', async () => {
  const store = open()
  const answers: string[] = []
  const gateway = openStore(
    {
      available: true,
      namespace: '',
      whenTurnEnds: (task) => redis.whenTurnEnds(task),
      script: async (...parts) => {
        const answer = await redis.script(...parts)
        answers.push(String(answer))
        return answer
      },
    },
    { nowMs: Date.UTC(2026, 0, 5) },
  )
  stack.defer(() => gateway.close())
  await store.close()
  await callFast(gateway, callOf('parallel', 600), 40)
  const all = await Promise.all(
    Array.from({ length: 561 }, async () => gateway.admit(callOf('parallel', 600))),
  )
  expect(all.filter(({ admitted }) => !admitted)).toHaveLength(1)
  expect(answers.some((answer) => answer.includes('later'))).toBe(false)
})

test('spend far beyond what was reserved stops other processes when what they have in advance has had its time', async () => {
  const clock = { nowMs: Date.UTC(2026, 0, 5) }
  const [one, other] = [open(clock), open(clock)]
  const message = callOf('budget', 10_000)
  await callFast(one, message, 100)
  await other.admit(message)
  other.settle(endOf(message, { costReserved: 10n, cost: 100_000n, accounts: ['key:k@w'] }))
  await other.flush()
  clock.nowMs += 100
  expect(await one.admit(message)).toMatchObject({ admitted: false, limit: 'budget', used: '100000' })
})

test('requests and tokens that were not needed are given back when their second ends', async () => {
  const clock = { nowMs: Date.UTC(2026, 0, 5) }
  const [store, other] = [open(clock), open(clock)]
  const asks = [{ ...askOf('key:k', 'tokens', FAR, NOTHING_SPENT), requestsPerMinute: FAR }]
  const message = { tokens: 10, cost: 0n, asks }
  await callFast(store, message, 50)
  clock.nowMs += 1_000
  await callFast(store, message, 1)
  await store.close()
  expect(await other.admit(message)).toMatchObject({ uses: [{ requests: 52, tokens: 520 }] })
})

test('calls count in their own second, however short the one before was', async () => {
  const clock = { nowMs: Date.UTC(2026, 0, 5) + 995 }
  const store = open(clock)
  await callFast(store, callOf('requests', FAR), 50)
  clock.nowMs += 10
  const answer = await store.admit(callOf('requests', FAR))
  expect(answer).toMatchObject({ admitted: true, second: Math.floor(clock.nowMs / 1000) })
})

test('calls in advance are told each its own number of calls under way', async () => {
  const store = open()
  const seen: (number | undefined)[] = []
  for (let call = 0; call < 60; call += 1) {
    const answer = await store.admit(callOf('parallel', FAR))
    if (answer.admitted) seen.push(answer.uses[0]?.parallel)
    if (call % 8 === 0) await store.flush()
  }
  // An advance counts from when it was granted: what others took up until then is in it.
  expect(new Set(seen).size).toBeGreaterThan(50)
})

test('an advance that nobody uses is given back by itself', async () => {
  const [store, other] = [open(), open()]
  await callFast(store, callOf('parallel', FAR), 100)
  const full = callOf('parallel', 0)
  for (;;) {
    const answer = await other.admit(full)
    if (answer.admitted) throw new Error('admitted')
    if (answer.used === '100') return
    await sleep(5)
  }
})
