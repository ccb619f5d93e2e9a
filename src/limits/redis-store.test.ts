/** Limits that processes share in Redis: exact together, and what happens while Redis does not answer. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { becomes, connectTo } from '../../test/limits/redis-client.ts'
import { LOCAL_ON_LOSS, priceOf, requestOf, scopeOf, spend, told } from '../../test/limits/sample-limits.ts'
import { openStore } from '../../test/limits/store-harness.ts'
import { startRedisCluster } from '../../test/redis-topologies.ts'
import { startRedis, type TestRedis } from '../../test/redis.ts'
import { picodollars, ZERO } from '../money/picodollars.ts'
import type { OpenRedis } from '../redis/open-redis.ts'
import { createLimits, type ConfigurableLimits } from './create-limits.ts'
import { LimitError, type Reservation } from './limits.ts'
import type { LimitSettings } from './limit-settings.ts'

let stack: AsyncDisposableStack
let server: TestRedis

beforeEach(async () => {
  stack = new AsyncDisposableStack()
  server = stack.use(await startRedis())
})
afterEach(() => stack.disposeAsync())

interface Process {
  readonly limits: ConfigurableLimits
  readonly redis: OpenRedis
  readonly events: string[]
}

/** A process of its own, as far as limits can see. */
async function process(settings: LimitSettings = LOCAL_ON_LOSS, deadlineMs = 10_000): Promise<Process> {
  const redis = await connectTo(server.port, deadlineMs)
  const { observer, events } = told()
  const limits = createLimits({ redis, settings, clock: Date.now, observer })
  stack.defer(async () => {
    await limits.close()
    await redis.close()
  })
  return { limits, redis, events }
}

const processes = (count: number): Promise<Process[]> =>
  Promise.all(Array.from({ length: count }, () => process()))

/** What came of admissions that were asked for at once. */
async function outcomes(asked: readonly (Reservation | Promise<Reservation>)[]): Promise<{
  readonly admitted: readonly Reservation[]
  readonly refused: readonly LimitError[]
}> {
  const settled = await Promise.allSettled(asked.map((each) => Promise.resolve(each)))
  const admitted = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  const refused = settled.flatMap((each) => (each.status === 'rejected' ? [each.reason as unknown] : []))
  for (const error of refused) expect(error).toBeInstanceOf(LimitError)
  return { admitted, refused: refused as LimitError[] }
}

describe('processes that share Redis', () => {
  test('never admit more requests a minute than the limit, however many ask at once', async () => {
    const all = await processes(8)
    const asked = all.flatMap(({ limits }) =>
      Array.from({ length: 40 }, () => limits.admit(requestOf([scopeOf({ requestsPerMinute: 100 })]))),
    )
    const { admitted, refused } = await outcomes(asked)
    expect([admitted.length, refused.length]).toEqual([100, 220])
  })

  test('run exactly as many calls at once as are allowed', async () => {
    const all = await processes(4)
    const ask = (): readonly (Reservation | Promise<Reservation>)[] =>
      all.flatMap(({ limits }) =>
        Array.from({ length: 20 }, () => limits.admit(requestOf([scopeOf({ parallelRequests: 10 })]))),
      )
    const first = await outcomes(ask())
    expect(first.admitted).toHaveLength(10)
    for (const reservation of first.admitted) reservation.settle(1, ZERO)
    for (const { limits } of all)
      await limits.admit(requestOf([scopeOf({ id: 'another', parallelRequests: 9 })]))
    expect((await outcomes(ask())).admitted).toHaveLength(10)
  })

  test('overspend a budget by no more than one call where the estimate holds', async () => {
    for (let run = 0; run < 20; run += 1) {
      const all = await processes(4)
      const id = `budget-${run}`
      const cost = picodollars(138n)
      let spent = 0n
      const call = async ({ limits }: Process): Promise<void> => {
        const key = scopeOf({ id, maxBudget: picodollars(10_000n) })
        try {
          const reservation = await limits.admit(requestOf([key]))
          spent += cost
          spend([key], cost)
          reservation.settle(138, cost)
        } catch (error) {
          expect(error).toBeInstanceOf(LimitError)
        }
      }
      await Promise.all(all.flatMap((each) => Array.from({ length: 50 }, () => call(each))))
      expect(spent).toBeGreaterThanOrEqual(10_000n)
      expect(spent).toBeLessThan(10_000n + cost)
    }
  })

  test('overspend by no more than the estimates fell short of the calls that were under way', async () => {
    const all = await processes(4)
    const key = () => scopeOf({ maxBudget: picodollars(10_000n) })
    const { admitted } = await outcomes(
      all.flatMap(({ limits }) => Array.from({ length: 50 }, () => limits.admit(requestOf([key()])))),
    )
    // Each reserved 138, and costs five times that.
    expect(admitted).toHaveLength(Math.ceil(10_000 / 138))
    for (const reservation of admitted) reservation.settle(690, picodollars(690n))
    for (const { limits } of all) {
      await expect(Promise.resolve(limits.admit(requestOf([key()])))).rejects.toBeInstanceOf(LimitError)
    }
    const shown = key()
    await outcomes([all[0]!.limits.admit(requestOf([shown]))])
    expect(shown.spent).toBe(BigInt(admitted.length) * 690n)
  })

  test('learn from each other what is spent', async () => {
    const [one, other] = await processes(2)
    const here = scopeOf({ maxBudget: picodollars(5_000n) })
    const there = scopeOf({ maxBudget: picodollars(5_000n) })
    const call = await one!.limits.admit(requestOf([here]))
    spend([here], 700n)
    call.settle(5, picodollars(700n))
    await one!.limits.admit(requestOf([here]))
    await other!.limits.admit(requestOf([there]))
    expect([here.spent, there.spent]).toEqual([700n, 700n])
  })

  test('leave no key in Redis that does not expire, and keep all in one slot', async () => {
    const { limits } = await process()
    const scope = {
      requestsPerMinute: 5,
      tokensPerMinute: 900,
      parallelRequests: 5,
      maxBudget: picodollars(900n),
    }
    const call = await limits.admit(requestOf([scopeOf(scope), scopeOf({ ...scope, kind: 'team' })]))
    call.settle(900, picodollars(20n))
    await limits.admit(requestOf([scopeOf({ ...scope, kind: 'user' })]))
    const keys = (await server.command('keys', '*')).split('\n')
    expect(keys).toHaveLength(10)
    for (const key of keys) {
      expect(key).toContain('{sluice:limits}')
      expect(Number(await server.command('pttl', key))).toBeGreaterThan(0)
    }
  })
})

test('limits hold on a cluster', async () => {
  const cluster = stack.use(await startRedisCluster())
  const redis = await connectTo(cluster.nodes.map(({ port }) => port))
  const limits = createLimits({ redis, settings: LOCAL_ON_LOSS, clock: Date.now, observer: told().observer })
  stack.defer(async () => {
    await limits.close()
    await redis.close()
  })
  const scopes = [scopeOf({ requestsPerMinute: 3 }), scopeOf({ kind: 'team', maxBudget: picodollars(900n) })]
  const { admitted } = await outcomes(Array.from({ length: 9 }, () => limits.admit(requestOf(scopes))))
  expect(admitted).toHaveLength(3)
})

describe('while Redis does not answer', () => {
  test('a call waits for one deadline, and the next ones for nothing', async () => {
    const { limits, redis, events } = await process(LOCAL_ON_LOSS, 100)
    const key = scopeOf({ parallelRequests: 2, maxBudget: picodollars(10_000n) })
    await limits.admit(requestOf([key]))
    server.pause()
    await limits.admit(requestOf([key]))
    expect(redis.available).toBe(false)
    // What was admitted by Redis counts here too.
    expect(() => limits.admit(requestOf([key]))).toThrow(LimitError)
    expect(events).toEqual(['shared', 'failed admission', 'local', 'key parallel'])
    server.resume()
  })

  test('each process limits by itself, and Redis counts what it holds as soon as it is back', async () => {
    const one = await process(LOCAL_ON_LOSS, 100)
    const other = await process(LOCAL_ON_LOSS, 100)
    const key = () => scopeOf({ parallelRequests: 2 })
    server.pause()
    await outcomes([one.limits.admit(requestOf([key()])), other.limits.admit(requestOf([key()]))])
    await becomes(() => !one.redis.available && !other.redis.available)
    const { admitted } = await outcomes([1, 2, 3].map(async () => one.limits.admit(requestOf([key()]))))
    expect(admitted).toHaveLength(1)
    server.resume()
    await becomes(() => one.redis.available && other.redis.available)
    await expect(one.limits.admit(requestOf([key()]))).rejects.toThrow('Current use: 2')
    await expect(other.limits.admit(requestOf([key()]))).rejects.toThrow('Current use: 3')
    admitted[0]!.settle(1, ZERO)
    await expect(one.limits.admit(requestOf([key()]))).rejects.toThrow('Current use: 2')
  })

  test('what is spent meanwhile counts when it is back', async () => {
    const { limits, redis } = await process(LOCAL_ON_LOSS, 100)
    const key = scopeOf({ maxBudget: picodollars(10_000n) })
    const before = await limits.admit(requestOf([key]))
    server.pause()
    const meanwhile = await limits.admit(requestOf([key]))
    for (const call of [before, meanwhile]) {
      spend([key], 4_000n)
      call.settle(1, picodollars(4_000n))
    }
    server.resume()
    await becomes(() => redis.available)
    await limits.admit(requestOf([key]))
    const readAnew = scopeOf({ maxBudget: picodollars(10_000n) })
    await limits.admit(requestOf([readAnew]))
    expect([key.spent, readAnew.spent]).toEqual([8_000n, 8_000n])
  })

  test('calls that are limited are refused, where it is set so', async () => {
    const closed = { ...LOCAL_ON_LOSS, ratesOnStoreLoss: 'fail_closed' } as const
    const { limits, redis } = await process(closed)
    await server.stop()
    await becomes(() => !redis.available)
    expect(() => limits.admit(requestOf([scopeOf({ requestsPerMinute: 9 })]))).toThrow(
      expect.objectContaining({ code: 'limits_unavailable', status: 503, retryAfterSeconds: 1 }),
    )
    await limits.admit(requestOf([scopeOf({ maxBudget: picodollars(1n) })]))
    limits.configure({ ...LOCAL_ON_LOSS, budgetsOnStoreLoss: 'fail_closed' })
    await limits.admit(requestOf([scopeOf({ requestsPerMinute: 9 })]))
    expect(() => limits.admit(requestOf([scopeOf({ maxBudget: picodollars(1n) })]))).toThrow('budgets')
  })

  test('nothing is limited, where it is set so', async () => {
    const { limits, redis } = await process({
      ...LOCAL_ON_LOSS,
      ratesOnStoreLoss: 'fail_open',
      budgetsOnStoreLoss: 'fail_open',
    })
    await server.stop()
    await becomes(() => !redis.available)
    const nothing = scopeOf({ requestsPerMinute: 0, parallelRequests: 0, maxBudget: ZERO })
    expect(limits.admit(requestOf([nothing]))).toMatchObject({ headers: [] })
  })
})

describe('when Redis has lost its data', () => {
  test('calls under way are counted again, and budgets begin at what is known to be spent', async () => {
    const one = await process()
    const other = await process()
    const key = () =>
      scopeOf({ parallelRequests: 3, maxBudget: picodollars(10_000n), spent: picodollars(6_000n) })
    const held = await one.limits.admit(requestOf([key()]))
    await one.limits.admit(requestOf([key()]))
    await server.flush()
    await one.limits.admit(requestOf([scopeOf({ id: 'any', requestsPerMinute: 9 })]))
    await one.limits.admit(requestOf([scopeOf({ id: 'any', requestsPerMinute: 9 })]))
    const unaware = scopeOf({ parallelRequests: 3, maxBudget: picodollars(10_000n) })
    await other.limits.admit(requestOf([key()]))
    await expect(other.limits.admit(requestOf([unaware]))).rejects.toThrow(
      'Limit type: max_parallel_requests',
    )
    held.settle(1, ZERO)
    await one.limits.admit(requestOf([scopeOf({ id: 'any', requestsPerMinute: 9 })]))
    await other.limits.admit(requestOf([unaware]))
    expect(unaware.spent).toBe(6_000n)
  })
})

test('a sum that Redis cannot count further refuses, and breaks nothing', async () => {
  const { limits, events } = await process()
  const key = scopeOf({ maxBudget: picodollars(7_000_000n * 10n ** 12n) })
  const calls = [await limits.admit(requestOf([key])), await limits.admit(requestOf([key]))]
  for (const call of calls) call.settle(1, picodollars(9n * 10n ** 18n))
  await expect(limits.admit(requestOf([key]))).rejects.toMatchObject({ code: 'budget_exceeded' })
  expect(events).toEqual(['shared', 'shared', 'key budget'])
})

test('a call of any price is reserved for, and calls of the same turn are none the wiser', async () => {
  const { limits, events } = await process()
  const million = picodollars(10n ** 18n)
  const [dear, other] = [
    scopeOf({ maxBudget: picodollars(8n * million) }),
    scopeOf({ id: 'other', requestsPerMinute: 1 }),
  ]
  const price = priceOf({ input_cost_per_token: 1_000_000, output_cost_per_token: 1_000_000 })
  const { admitted, refused } = await outcomes([
    ...Array.from({ length: 8 }, () => limits.admit(requestOf([dear], { price }))),
    limits.admit(requestOf([other])),
  ])
  expect([admitted.length, refused.length]).toEqual([8, 1])
  expect(events.filter((event) => event !== 'shared')).toEqual(['key budget'])
})

describe('time in Redis', () => {
  test('a process that is silent for too long loses what it holds, and has it again when it speaks', async () => {
    const redis = await connectTo(server.port)
    stack.defer(() => redis.close())
    const clock = { nowMs: Date.UTC(2026, 0, 5) }
    const [sleeper, other] = [openStore(redis, clock), openStore(redis, clock)]
    stack.defer(() => sleeper.close())
    stack.defer(() => other.close())
    const message = {
      tokens: 0,
      cost: 100n,
      asks: [
        {
          scope: 'key:1',
          requestsPerMinute: undefined,
          tokensPerMinute: undefined,
          parallelRequests: 2,
          budget: { account: 'key:1@w', max: 250n, spent: 0n },
        },
      ],
    }
    await sleeper.admit(message)
    await sleeper.admit(message)
    expect(await other.admit(message)).toMatchObject({ admitted: false, limit: 'parallel', used: '2' })
    clock.nowMs += 11_000
    const call = await other.admit(message)
    expect(call).toMatchObject({ admitted: true, uses: [{ parallel: 1 }] })
    await sleeper.flush()
    await sleeper.flush()
    expect(await other.admit(message)).toMatchObject({ admitted: false, limit: 'budget', reserved: '300' })
  })

  test('a message that reaches Redis too late is void', async () => {
    const redis = await connectTo(server.port)
    stack.defer(() => redis.close())
    const clock = { nowMs: Date.UTC(2026, 0, 5) }
    const store = openStore(redis, clock)
    stack.defer(() => store.close())
    const message = {
      tokens: 0,
      cost: 0n,
      asks: [
        {
          scope: 'key:1',
          requestsPerMinute: 5,
          tokensPerMinute: undefined,
          parallelRequests: undefined,
          budget: undefined,
        },
      ],
    }
    await store.admit(message)
    // Redis's clock has moved on by the time that it reads the next message.
    let sent = 0
    const late = openStore(redis, clock, () => clock.nowMs + 5_000 * sent++)
    stack.defer(() => late.close())
    await late.admit(message)
    await expect(late.admit(message)).rejects.toThrow('too late')
    expect(await store.admit(message)).toMatchObject({ admitted: true, uses: [{ requests: 3 }] })
  })

  test('a refusal tells when the limit is free again, to the millisecond', async () => {
    const redis = await connectTo(server.port)
    stack.defer(() => redis.close())
    const clock = { nowMs: Date.UTC(2026, 0, 5) + 300 }
    const store = openStore(redis, clock)
    stack.defer(() => store.close())
    const message = {
      tokens: 0,
      cost: 0n,
      asks: [
        {
          scope: 'key:1',
          requestsPerMinute: 2,
          tokensPerMinute: undefined,
          parallelRequests: undefined,
          budget: undefined,
        },
      ],
    }
    await store.admit(message)
    clock.nowMs += 20_000
    await store.admit(message)
    clock.nowMs += 9_000
    const refused = await store.admit(message)
    if (refused.admitted) throw new Error('admitted')
    expect(refused.freeInMs).toBe(61_000 - 300 - 29_000)
    clock.nowMs += refused.freeInMs - 1
    expect(await store.admit(message)).toMatchObject({ admitted: false, freeInMs: 1 })
    clock.nowMs += 1
    expect(await store.admit(message)).toMatchObject({ admitted: true, uses: [{ requests: 2 }] })
  })
})
