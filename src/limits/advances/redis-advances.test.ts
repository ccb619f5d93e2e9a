/** Calls that Redis admits in advance: few questions, and limits as exact as if each call had asked. */
import { setTimeout as sleep } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { askOf, KINDS, NOTHING_SPENT, type Kind } from '../../../test/limits/limited-asks.ts'
import { redisIn } from '../../../test/limits/redis-client.ts'
import { RedisProcesses } from '../../../test/limits/redis-processes.ts'
import { endOf } from '../../../test/limits/sample-messages.ts'
import { openStore, type Clock } from '../../../test/limits/store-harness.ts'
import type { TestRedis } from '../../../test/redis.ts'
import type { OpenRedis } from '../../redis/open-redis.ts'
import type { AdmitMessage, LimitKind } from '../limit-store.ts'
import type { RedisLimitStore } from '../redis-store.ts'

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

const FAR = 10_000_000

function callOf(kind: LimitKind, room: number): AdmitMessage {
  return { tokens: 10, cost: 10n, asks: [askOf('key:k', kind, room, NOTHING_SPENT)] }
}

/** Calls that come fast, one after the other. @returns how many of them asked nobody. */
async function callFast(store: RedisLimitStore, message: AdmitMessage, calls: number): Promise<number> {
  let inAdvance = 0
  for (let call = 0; call < calls; call += 1) {
    const asked = store.admit(message)
    if (!(asked instanceof Promise)) inAdvance += 1
    expect(await asked).toMatchObject({ admitted: true })
    // As they come to a server: not all in one turn.
    if (call % 8 === 0) await store.flush()
  }
  return inAdvance
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

type Step =
  | { readonly do: 'calls'; readonly process: 0 | 1; readonly count: number; readonly size: number }
  | { readonly do: 'settle'; readonly count: number; readonly used: 0 | 1 }
  | { readonly do: 'pass'; readonly ms: number }

const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('calls' as const),
        process: fc.constantFrom(0 as const, 1 as const),
        count: fc.integer({ min: 1, max: 300 }),
        size: fc.constantFrom(1, 1, 1, 2),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('settle' as const),
        count: fc.integer({ min: 1, max: 120 }),
        used: fc.constantFrom(0 as const, 1 as const),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(10, 130, 1_000) }),
    },
  ),
  { minLength: 4, maxLength: 16 },
)

async function play(all: RedisProcesses, step: Step): Promise<void> {
  switch (step.do) {
    case 'calls':
      for (let count = 0; count < step.count; count += 1) await all.call(step.process, step.size)
      return
    case 'settle':
      return await all.settle(step.count, step.used)
    case 'pass':
      return await all.pass(step.ms)
  }
}

test.each(KINDS)(
  'whatever processes have in advance of a limit of %s, calls are decided as if each had asked',
  async (kind: Kind) => {
    const seen = { inAdvance: 0, refused: 0 }
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 540, max: 1_300 }), steps, async (room, all) => {
        await redis.deleteByPrefix('{sluice:limits}')
        const processes = new RedisProcesses(redis, kind, room)
        try {
          for (const step of all) await play(processes, step)
          processes.checkOwn()
          // Up to the limit, and once more.
          for (let call = 0; call < 2_000 && processes.refused === 0; call += 1) await processes.call(0)
          await processes.call(1)
        } finally {
          await processes.close()
        }
        seen.inAdvance += processes.inAdvance
        seen.refused += processes.refused
      }),
      { numRuns: 12 },
    )
    expect(seen.inAdvance).toBeGreaterThan(0)
    expect(seen.refused).toBeGreaterThan(0)
  },
  120_000,
)

test.each(['parallel', 'budget'] as const)(
  'however calls and their ends cross each other, no limit of %s is exceeded, and each call is counted once',
  async (kind) => {
    const burst = fc.record({ calls: fc.integer({ min: 0, max: 60 }), ends: fc.integer({ min: 0, max: 60 }) })
    const bursts = fc.array(fc.tuple(burst, burst), { minLength: 5, maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 600, max: 1_000 }), bursts, async (room, all) => {
        await redis.deleteByPrefix('{sluice:limits}')
        const clock = { nowMs: Date.UTC(2026, 0, 5) }
        const stores = [open(clock), open(clock)]
        const message = callOf(kind, room)
        const underWay = stores.map(() => 0)
        const call = async (store: RedisLimitStore, index: number): Promise<void> => {
          const answer = await store.admit(message)
          if (answer.admitted) underWay[index]! += 1
          expect(underWay[0]! + underWay[1]!).toBeLessThanOrEqual(room)
        }
        const asked: Promise<void>[] = []
        for (const burst of all) {
          for (const [index, { calls, ends }] of burst.entries()) {
            const store = stores[index]!
            for (let count = 0; count < calls; count += 1) asked.push(call(store, index))
            for (let count = Math.min(ends, underWay[index]!); count > 0; count -= 1) {
              underWay[index]! -= 1
              store.settle(endOf(message, { costReserved: 10n, second: Math.floor(clock.nowMs / 1000) }))
            }
          }
          await new Promise((resolve) => setImmediate(resolve))
        }
        await Promise.all(asked)
        for (const store of stores) await store.close()
        const full = await open(clock).admit(callOf(kind, 0))
        const held = underWay[0]! + underWay[1]!
        expect(full).toMatchObject(kind === 'parallel' ? { used: `${held}` } : { reserved: `${held * 10}` })
      }),
      { numRuns: 40 },
    )
  },
  60_000,
)

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

test('a budget that the process knows to be spent refuses, whatever is in advance of it', async () => {
  const store = open()
  await callFast(store, callOf('budget', 10_000), 100)
  const spent = { ...callOf('budget', 10_000), asks: [askOf('key:k', 'budget', 10_000, () => 100_000n)] }
  expect(await store.admit(spent)).toMatchObject({ admitted: false, limit: 'budget', used: '100000' })
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
