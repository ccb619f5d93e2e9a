/** What is in advance when a process ends, dies, or does not know any more what Redis holds for it. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { callFast, callOf, FAR } from '../../../test/limits/fast-calls.ts'
import { askOf, NOTHING_SPENT } from '../../../test/limits/limited-asks.ts'
import { redisIn } from '../../../test/limits/redis-client.ts'
import { RedisProcesses } from '../../../test/limits/redis-processes.ts'
import { endOf } from '../../../test/limits/sample-messages.ts'
import { openStore, openTolerantStore, type Clock } from '../../../test/limits/store-harness.ts'
import type { TestRedis } from '../../../test/redis.ts'
import type { OpenRedis } from '../../redis/open-redis.ts'
import type { AdmitMessage, ScopeAsk } from '../limit-store.ts'
import type { LimitRedis, RedisLimitStore } from '../redis-store.ts'

let stack: AsyncDisposableStack
let server: TestRedis
let redis: OpenRedis

beforeEach(async () => {
  stack = new AsyncDisposableStack()
  ;({ server, redis } = await redisIn(stack))
})
afterEach(() => stack.disposeAsync())

function open(clock: Clock = { nowMs: Date.UTC(2026, 0, 5) }): RedisLimitStore {
  const store = openStore(redis, clock)
  stack.defer(() => store.close())
  return store
}

function openTolerant(clock: Clock, through: LimitRedis = redis): RedisLimitStore {
  const store = openTolerantStore(through, clock)
  stack.defer(() => store.close())
  return store
}

test('what a process had in advance when it died is free when it is taken for dead', async () => {
  const clock = { nowMs: Date.UTC(2026, 0, 5) }
  const [dead, other] = [open(clock), open(clock)]
  await callFast(dead, callOf('parallel', FAR), 100)
  clock.nowMs += 11_000
  expect(await other.admit(callOf('parallel', FAR))).toMatchObject({ uses: [{ parallel: 1 }] })
})

test('when Redis has lost its data, calls under way are stated anew, and nothing that was in advance', async () => {
  const [store, other] = [open(), open()]
  const message = callOf('parallel', FAR)
  const processes = new RedisProcesses(redis, 'parallel', FAR)
  for (let call = 0; call < 100; call += 1) await processes.call(0)
  await server.flush()
  for (const { store: each } of processes.processes) {
    await each.flush()
    await each.flush()
  }
  expect(await other.admit(message)).toMatchObject({ uses: [{ parallel: 101 }] })
  expect(await store.admit(message)).toMatchObject({ uses: [{ parallel: 102 }] })
  await processes.close()
})

test('when Redis has lost its data, nothing is taken up that was in advance', async () => {
  const store = open()
  const message = callOf('parallel', FAR)
  await callFast(store, message, 100)
  await server.flush()
  await store.flush()
  expect(store.admit(message)).toBeInstanceOf(Promise)
})

/** A store that gets no answer between two points in time, and for which Redis is away where it is said. */
function openHeld(clock: Clock) {
  const gate = Promise.withResolvers<void>()
  let isHeld = false
  let isAway = false
  const store = openTolerant(clock, {
    get available() {
      return !isAway
    },
    namespace: '',
    whenTurnEnds: (task) => redis.whenTurnEnds(task),
    script: async (...parts) => {
      const waits = isHeld
      const answer = await redis.script(...parts)
      if (waits) await gate.promise
      return answer
    },
  })
  const letGo = (): void => {
    isHeld = false
    gate.resolve()
  }
  return { store, hold: () => (isHeld = true), letGo, goAway: (away: boolean) => (isAway = away) }
}

test('what is granted while a process closes is given back', async () => {
  const clock = { nowMs: Date.UTC(2026, 0, 5) }
  const { store, hold, letGo } = openHeld(clock)
  const message = callOf('parallel', FAR)
  for (let call = 0; call < 3; call += 1) await store.admit(message)
  hold()
  const fourth = store.admit(message)
  await sleep(20)
  const closed = store.close()
  letGo()
  await Promise.all([Promise.resolve(fourth), closed])
  expect(await open(clock).admit(callOf('parallel', 0))).toMatchObject({ admitted: false, used: '4' })
})

test('of what was granted under a name that is no more, requests are given back, and no calls under the new one', async () => {
  const clock = { nowMs: Date.UTC(2026, 0, 5) }
  const { store, hold, letGo, goAway } = openHeld(clock)
  const asks = [{ ...askOf('key:k', 'parallel', FAR, NOTHING_SPENT), requestsPerMinute: FAR }]
  const message = { tokens: 0, cost: 0n, asks }
  for (let call = 0; call < 3; call += 1) await store.admit(message)
  hold()
  const fourth = store.admit(message)
  await sleep(20)
  // Before the answer that grants: what a call gives back while Redis is away is not told.
  goAway(true)
  store.settle(endOf(message, {}))
  goAway(false)
  letGo()
  await fourth
  for (let time = 0; time < 3; time += 1) await store.flush()
  const next = await open(clock).admit(message)
  expect(next).toMatchObject({ uses: [{ parallel: 5, requests: 5 }] })
})

test('a process that does not know what it holds takes up nothing that it had in advance, and gives back its rates', async () => {
  const clock = { nowMs: Date.UTC(2026, 0, 5) }
  const store = openTolerant(clock)
  const message = callOf('requests', FAR)
  await callFast(store, message, 30)
  await server.command('set', '{sluice:limits}:parallel:key:spoilt', 'x')
  const spoilt = { tokens: 0, cost: 0n, asks: [askOf('key:spoilt', 'parallel', FAR, NOTHING_SPENT)] }
  await expect(Promise.resolve(store.admit(spoilt))).rejects.toThrow('WRONGTYPE')
  const asked = store.admit(message)
  expect(asked).toBeInstanceOf(Promise)
  expect(await asked).toMatchObject({ uses: [{ requests: 31 }] })
})

test('a process that closes gives back what it has in advance', async () => {
  const [store, other] = [open(), open()]
  const message = callOf('budget', FAR)
  await callFast(store, message, 100)
  const cost = { costReserved: 10n, cost: 10n, accounts: ['key:k@w'] }
  for (let call = 0; call < 100; call += 1) store.settle(endOf(message, cost))
  await store.close()
  const nothingLeft = { ...message, asks: [askOf('key:k', 'budget', 0, NOTHING_SPENT)] }
  expect(await other.admit(nothingLeft)).toMatchObject({ admitted: false, used: '1000', reserved: '0' })
})

test('calls that are admitted are stated anew, however many others ask at the same time', async () => {
  const clock = { nowMs: Date.UTC(2026, 0, 5) }
  const { store, hold, letGo } = openHeld(clock)
  const parallel = (scope: string, room: number) => askOf(scope, 'parallel', room, NOTHING_SPENT)
  const one = (...asks: ScopeAsk[]): AdmitMessage => ({ tokens: 0, cost: 0n, asks })
  await server.command('set', '{sluice:limits}:parallel:key:spoilt', 'x')
  await callFast(store, one(parallel('key:k', 600)), 30)
  await server.command('hset', '{sluice:limits}:holders', 'other.0', '9999999999999')
  await server.command('hset', '{sluice:limits}:parallel:key:k', 'other.0', '600')
  hold()
  const asked = [
    store.admit(one(parallel('key:a', 1))),
    Promise.resolve(store.admit(one(parallel('key:spoilt', 5)))).catch(() => 'failed'),
    store.admit(one(parallel('key:k', 600), parallel('key:z', 5))),
  ]
  // Meanwhile what was in advance is given back, for nobody uses it.
  await sleep(200)
  letGo()
  for (let call = 0; call < 50; call += 1) asked.push(store.admit(one(parallel(`key:${call}`, 5))))
  await Promise.allSettled(asked.map((each) => Promise.resolve(each)))
  for (let time = 0; time < 3; time += 1) await store.flush()
  expect(await store.admit(one(parallel('key:a', 1)))).toMatchObject({ admitted: false, used: '1' })
})
