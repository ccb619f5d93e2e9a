/** Messages to Redis: what goes into one, and that each thing is told once. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { becomes, connectTo } from '../../test/limits/redis-client.ts'
import { openStore } from '../../test/limits/store-harness.ts'
import { startRedis, type TestRedis } from '../../test/redis.ts'
import type { OpenRedis } from '../redis/open-redis.ts'
import type { AdmitMessage, Refused, ScopeAsk, Settlement } from './limit-store.ts'
import { MemoryLimitStore } from './memory-store.ts'

let stack: AsyncDisposableStack
let server: TestRedis
let redis: OpenRedis

beforeEach(async () => {
  stack = new AsyncDisposableStack()
  server = stack.use(await startRedis())
  redis = await connectTo(server.port)
  stack.defer(() => redis.close())
})
afterEach(() => stack.disposeAsync())

const NOTHING = {
  requestsPerMinute: undefined,
  tokensPerMinute: undefined,
  parallelRequests: undefined,
  budget: undefined,
}
/** Of one key: picodollars are reserved, and a call is under way. */
const messageOf = (cost: bigint): AdmitMessage => {
  const budget = { account: 'key:1@w', max: '900719925474099300', spent: '0' }
  return {
    tokens: 0,
    cost: String(cost),
    asks: [{ ...NOTHING, scope: 'key:1', parallelRequests: 9, budget }],
  }
}
const settlementOf = ({ asks, cost }: AdmitMessage): Settlement => ({
  asks,
  accounts: ['key:1@w'],
  second: undefined,
  tokensReserved: 0,
  tokens: 0,
  costReserved: cost,
  cost: '0',
})

/** Calls under way and picodollars reserved of the key, as another process is told that asks for too much. */
async function held(): Promise<readonly string[]> {
  const store = openStore(redis, { nowMs: Date.UTC(2026, 0, 5) })
  const refusal = async (limits: Partial<ScopeAsk>): Promise<Refused> => {
    const answer = await store.admit({
      tokens: 0,
      cost: '0',
      asks: [{ ...NOTHING, scope: 'key:1', ...limits }],
    })
    if (answer.admitted) throw new Error('admitted')
    return answer
  }
  const { used } = await refusal({ parallelRequests: 0 })
  const { reserved } = await refusal({ budget: { account: 'key:1@w', max: '0', spent: '0' } })
  await store.close()
  return [used, reserved]
}

test('calls of one turn ask in one message, fifty at most', async () => {
  const store = openStore(redis, { nowMs: Date.UTC(2026, 0, 5) })
  stack.defer(() => store.close())
  const message = { tokens: 0, cost: '0', asks: [{ ...NOTHING, scope: 'key:1', requestsPerMinute: 110 }] }
  await store.admit(message)
  const before = await scriptsRun()
  const answers = await Promise.all(Array.from({ length: 120 }, () => store.admit(message)))
  expect(answers.map((answer) => (answer.admitted ? answer.uses[0]!.requests : 0))).toEqual([
    ...Array.from({ length: 109 }, (_, index) => index + 2),
    ...Array.from({ length: 11 }, () => 0),
  ])
  expect((await scriptsRun()) - before).toBe(3)
})

test('a call that is refused for those of its own message is told when it may come again', async () => {
  const store = openStore(redis, { nowMs: Date.UTC(2026, 0, 5) + 300 })
  stack.defer(() => store.close())
  const message = { tokens: 0, cost: '0', asks: [{ ...NOTHING, scope: 'key:1', requestsPerMinute: 2 }] }
  const answers = await Promise.all([1, 2, 3].map(() => store.admit(message)))
  expect(answers[2]).toMatchObject({ admitted: false, limit: 'requests', freeInMs: 61_000 - 300 })
})

test('reservations are added up to the picodollar, however large they are', async () => {
  const store = openStore(redis, { nowMs: Date.UTC(2026, 0, 5) })
  stack.defer(() => store.close())
  const costs = [2n ** 53n - 2n, 3n, 2n ** 53n + 1n, 4n]
  await Promise.all(costs.map((cost) => store.admit(messageOf(cost))))
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
  expect(await held()).toEqual(['1', '30'])
})

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
  expect(await held()).toEqual(['2', '105'])
})

async function scriptsRun(): Promise<number> {
  const stats = await server.command('info', 'commandstats')
  return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1])
}
