/** Messages to Redis that fail, come late or cross others: each thing is told once all the same. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { becomes, redisIn } from '../../test/limits/redis-client.ts'
import { asking, endOf, heldBy, messageOf } from '../../test/limits/sample-messages.ts'
import { openStore, openTolerantStore, type Clock } from '../../test/limits/store-harness.ts'
import type { TestRedis } from '../../test/redis.ts'
import type { OpenRedis } from '../redis/open-redis.ts'
import { RedisUnavailableError } from '../redis/redis.ts'
import { amountsOf, MemoryLimitStore } from './memory-store.ts'
import type { LimitRedis, RedisLimitStore } from './redis-store.ts'

let stack: AsyncDisposableStack
let server: TestRedis
let redis: OpenRedis

beforeEach(async () => {
  stack = new AsyncDisposableStack()
  ;({ server, redis } = await redisIn(stack))
})
afterEach(() => stack.disposeAsync())

function tolerant(clock: Clock, own?: MemoryLimitStore): RedisLimitStore {
  const store = openTolerantStore(redis, clock, own)
  stack.defer(() => store.close())
  return store
}

test('a call that is admitted under a name that is no more is held under the new one', async () => {
  const answers: PromiseWithResolvers<void>[] = []
  let waits = true
  const store = openStore(
    {
      available: true,
      namespace: '',
      whenTurnEnds: (task) => redis.whenTurnEnds(task),
      script: async (...parts) => {
        const answer = Promise.withResolvers<void>()
        if (waits) answers.push(answer)
        else answer.resolve()
        const found = await redis.script(...parts)
        await answer.promise
        return found
      },
    },
    { nowMs: Date.UTC(2026, 0, 5) },
  )
  stack.defer(() => store.close())
  const tell = async (count: number): Promise<void> => {
    await becomes(() => answers.length >= count)
    for (const { resolve } of answers.splice(0, count)) resolve()
  }
  const before = store.admit(messageOf(5n))
  await tell(1)
  await before
  await server.flush()
  // The first answer says that the data is lost; a message under a new name comes before the second one.
  const [first, second] = [store.flush(), store.admit(messageOf(100n))]
  await becomes(() => answers.length === 2)
  await tell(1)
  await first
  const third = store.flush()
  await tell(1)
  await second
  await tell(1)
  await third
  waits = false
  await store.flush()
  expect(await heldBy(redis)).toEqual(['2', '105'])
})

/** Redis as it is, but for what a test changes. */
const redisBut = (changed: Partial<LimitRedis>): LimitRedis => ({
  available: true,
  namespace: '',
  whenTurnEnds: (task) => redis.whenTurnEnds(task),
  script: (...parts) => redis.script(...parts),
  ...changed,
})
const fields = async (key: string): Promise<Record<string, string>> => {
  const words = (await server.command('hgetall', `{sluice:limits}:${key}`)).split('\n')
  return Object.fromEntries(
    words.flatMap((word, index) => (index % 2 === 0 ? [[word, words[index + 1]!]] : [])),
  )
}

test('when a message fails, all of its calls are told', async () => {
  const store = openStore(redisBut({ script: () => Promise.reject(new RedisUnavailableError('lost')) }), {
    nowMs: Date.UTC(2026, 0, 5),
  })
  stack.defer(() => store.close())
  const asked = [1, 2, 3].map(async () => store.admit(messageOf(1n)))
  expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual([
    'rejected',
    'rejected',
    'rejected',
  ])
})

test('calls that wait when Redis is lost within their turn are told', async () => {
  let available = true
  const store = openStore(
    {
      ...redisBut({}),
      get available() {
        return available
      },
    },
    { nowMs: Date.UTC(2026, 0, 5) },
  )
  stack.defer(() => store.close())
  const asked = [1, 2].map(async () => store.admit(messageOf(1n)))
  available = false
  expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
})

test('what more keys give back than one message takes is all given back, before what is asked later', async () => {
  const store = openStore(redis, { nowMs: Date.UTC(2026, 0, 5) })
  stack.defer(() => store.close())
  const budget = (key: number, spent: bigint) => ({ account: `key:${key}@w`, max: 900n, spent })
  for (let key = 0; key < 1_200; key += 1) {
    const message = asking(`key:${key}`, { budget: budget(key, 0n) })
    store.settle(endOf(message, { accounts: [`key:${key}@w`], cost: 7n }))
  }
  // Its process knows that the seven are spent: they are in the count by then, and are not added to it.
  const answer = await store.admit(asking('key:1199', { budget: budget(1_199, 7n) }))
  expect(answer).toMatchObject({ admitted: true, uses: [{ settled: 7n }] })
  await store.flush()
  expect(await fields('budget:key:1199@w')).toMatchObject({ s: '7' })
  expect((await server.command('keys', '*budget*')).split('\n')).toHaveLength(1_200)
})

test('nothing is asked for before all that is held is stated anew, however much that is', async () => {
  const clock = { nowMs: Date.UTC(2026, 0, 5) }
  const own = new MemoryLimitStore(() => clock.nowMs)
  const store = openStore(redis, clock, undefined, own)
  stack.defer(() => store.close())
  const messages = Array.from({ length: 1_200 }, (_, key) => asking(`key:${key}`, { parallelRequests: 1 }))
  await Promise.all(messages.map(async (message) => store.admit(message)))
  await server.flush()
  await store.flush()
  // The last are stated last.
  const answers = await Promise.all(messages.toReversed().map(async (message) => store.admit(message)))
  expect(answers.filter(({ admitted }) => admitted)).toEqual([])
})

test('what was spent and used is told though all is stated anew', async () => {
  const store = openStore(redis, { nowMs: Date.UTC(2026, 0, 5) })
  stack.defer(() => store.close())
  const message = asking(
    'key:1',
    { tokensPerMinute: 900, budget: { account: 'key:1@w', max: 900n, spent: 0n } },
    5,
  )
  const call = await store.admit(message)
  if (!call.admitted) throw new Error('refused')
  await server.flush()
  await store.flush()
  store.settle(
    endOf(message, { second: call.second, tokensReserved: 5, tokens: 9, accounts: ['key:1@w'], cost: 70n }),
  )
  await store.flush()
  expect([(await fields('budget:key:1@w'))['s'], (await fields('rate:key:1'))['t']]).toEqual(['70', '4'])
})

test('a message that fails half way leaves windows whole', async () => {
  const clock = { nowMs: Date.UTC(2026, 0, 5) }
  const store = tolerant(clock)
  const message = asking('key:1', { tokensPerMinute: 900 }, 100)
  const call = await store.admit(message)
  if (!call.admitted) throw new Error('refused')
  clock.nowMs += 1_000
  // What was used in the second before is taken back, with a call whose key holds no numbers.
  const [holder = ''] = Object.keys(await fields('holders'))
  await server.command('hset', '{sluice:limits}:parallel:key:2', holder, 'no number')
  store.settle(endOf(message, { second: call.second, tokensReserved: 100, tokens: 0 }))
  await expect(store.admit(asking('key:2', { parallelRequests: 1 }))).rejects.toThrow('arithmetic')
  const { t, ...window } = await fields('rate:key:1')
  const buckets = Object.entries(window).filter(([name]) => /^t\d/.test(name))
  expect(Number(t)).toBe(buckets.reduce((sum, [, count]) => sum + Number(count), 0))
})

test('a key that holds what is not ours fails its own calls alone', async () => {
  const store = tolerant({ nowMs: Date.UTC(2026, 0, 5) })
  const [ours, other] = [asking('key:1', { parallelRequests: 9 }), asking('key:2', { parallelRequests: 9 })]
  const rates = asking('key:2', { tokensPerMinute: 9 })
  for (const message of [ours, other, rates]) await store.admit(message)
  for (const key of ['parallel', 'rate']) await server.command('set', `{sluice:limits}:${key}:key:2`, 'other')
  const settled = { second: 0, tokensReserved: 0, tokens: 5 }
  for (const message of [other, rates, ours]) store.settle(endOf(message, settled))
  const answers = await Promise.allSettled(
    [ours, other, rates, ours].map(async (message) => store.admit(message)),
  )
  expect(
    answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : String(answer.reason))),
  ).toEqual([
    expect.objectContaining({ admitted: true, uses: [expect.objectContaining({ parallel: 1 })] }),
    expect.stringMatching(/WRONGTYPE.*\(\{sluice:limits\}:parallel:key:2\)/),
    expect.stringMatching(/WRONGTYPE.*\(\{sluice:limits\}:rate:key:2\)/),
    expect.objectContaining({ admitted: true, uses: [expect.objectContaining({ parallel: 2 })] }),
  ])
})

test.each([
  ['admitted', 900n],
  ['refused', 1n],
])(
  'spend that is no whole number fails the calls of its budget alone, where they would be %s',
  async (_, max) => {
    const clock = { nowMs: Date.UTC(2026, 0, 5) }
    const own = new MemoryLimitStore(() => clock.nowMs)
    const store = tolerant(clock, own)
    await server.command('hset', '{sluice:limits}:budget:key:1@w', 's', '1.5')
    const of = (key: string, most: bigint) =>
      asking(key, { parallelRequests: 9, budget: { account: `${key}@w`, max: most, spent: 0n } })
    const [spoilt, sound] = [of('key:1', max), of('key:2', 900n)]
    const [failed, admitted] = await Promise.allSettled(
      [spoilt, sound].map(async (message) => store.admit(message)),
    )
    expect(admitted).toMatchObject({ status: 'fulfilled', value: { admitted: true } })
    expect(String(failed?.status === 'rejected' ? failed.reason : 'admitted')).toMatch(
      /no whole number.*\(budget:key:1@w\).*Delete it/,
    )
    // What Redis has counted of it is held by nobody: what is held is stated anew without it.
    const next = await store.admit(asking('key:1', { parallelRequests: 9 }))
    expect(next).toMatchObject({ admitted: true, uses: [{ parallel: 1 }] })
  },
)

test('a call that goes on without its answer holds what it holds of its other keys', async () => {
  const clock = { nowMs: Date.UTC(2026, 0, 5) }
  const own = new MemoryLimitStore(() => clock.nowMs)
  const store = tolerant(clock, own)
  await server.command('set', '{sluice:limits}:parallel:key:2', 'other')
  const { asks, ...call } = asking('key:1', { parallelRequests: 9 })
  const message = { ...call, asks: [...asks, ...asking('key:2', { parallelRequests: 9 }).asks] }
  await expect(store.admit(message)).rejects.toThrow('WRONGTYPE')
  own.count(message.asks, amountsOf(message, 1))
  await store.flush()
  expect(await heldBy(redis)).toEqual(['1', '0'])
})

test('what Redis has no memory to write is stated anew when it has', async () => {
  const clock = { nowMs: Date.UTC(2026, 0, 5) }
  const own = new MemoryLimitStore(() => clock.nowMs)
  const store = tolerant(clock, own)
  const message = asking('key:1', { parallelRequests: 9 })
  await store.admit(message)
  await store.admit(message)
  await server.command('config', 'set', 'maxmemory', '1')
  store.settle(endOf(message, {}))
  own.settle(endOf(message, {}))
  await store.flush()
  await server.command('config', 'set', 'maxmemory', '0')
  await store.flush()
  expect(await heldBy(redis)).toEqual(['1', '0'])
})

test('a key of which only the dead held something expires', async () => {
  const clock = { nowMs: Date.UTC(2026, 0, 5) + 1_000 }
  const [dead, other] = [openStore(redis, clock), openStore(redis, clock)]
  stack.defer(() => dead.close())
  stack.defer(() => other.close())
  await dead.admit(asking('key:1', { parallelRequests: 1 }))
  clock.nowMs += 11_000
  await other.admit(asking('key:1', { parallelRequests: 1 }))
  expect(Number(await server.command('pttl', '{sluice:limits}:parallel:key:1'))).toBeGreaterThan(0)
})

test('a call whose message fails after all was stated anew is stated, too', async () => {
  const clock = { nowMs: Date.UTC(2026, 0, 5) }
  const own = new MemoryLimitStore(() => clock.nowMs)
  const ends: PromiseWithResolvers<unknown>[] = []
  let fails = true
  const script: LimitRedis['script'] = (...parts) => {
    if (!fails) return redis.script(...parts)
    const end = Promise.withResolvers<unknown>()
    ends.push(end)
    return end.promise
  }
  const store = openStore(redisBut({ script }), clock, undefined, own)
  stack.defer(() => store.close())
  // Each goes on without Redis, as far as its process can tell.
  const goesOn = async (): Promise<void> => {
    try {
      await store.admit(messageOf(10n))
    } catch {
      own.count(messageOf(10n).asks, amountsOf(messageOf(10n), 1))
    }
  }
  const first = goesOn()
  await becomes(() => ends.length === 1)
  const second = goesOn()
  await becomes(() => ends.length === 2)
  ends[0]!.reject(new RedisUnavailableError('no answer'))
  await first
  fails = false
  await store.flush()
  ends[1]!.reject(new RedisUnavailableError('no answer'))
  await second
  await store.flush()
  expect(await heldBy(redis)).toEqual(['2', '20'])
})
