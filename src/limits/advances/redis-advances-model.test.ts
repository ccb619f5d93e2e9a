/** Whatever processes have in advance, limits in Redis are as exact as if each call had asked. */
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { callOf } from '../../../test/limits/fast-calls.ts'
import { KINDS, type Kind } from '../../../test/limits/limited-asks.ts'
import { redisIn } from '../../../test/limits/redis-client.ts'
import { RedisProcesses } from '../../../test/limits/redis-processes.ts'
import { endOf } from '../../../test/limits/sample-messages.ts'
import { openStore, type Clock } from '../../../test/limits/store-harness.ts'
import type { OpenRedis } from '../../redis/open-redis.ts'
import type { RedisLimitStore } from '../redis-store.ts'

let stack: AsyncDisposableStack
let redis: OpenRedis

beforeEach(async () => {
  stack = new AsyncDisposableStack()
  ;({ redis } = await redisIn(stack))
})
afterEach(() => stack.disposeAsync())

function open(clock: Clock): RedisLimitStore {
  const store = openStore(redis, clock)
  stack.defer(() => store.close())
  return store
}

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
