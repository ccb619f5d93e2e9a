import { setImmediate as nextTurn } from 'node:timers/promises'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { LimitModel } from '../../../test/limits/limit-model.ts'
import { askOf, asksOf, KINDS, NOTHING_SPENT, type Kind } from '../../../test/limits/limited-asks.ts'
import { settleDown, WorkersOfAHost, type HostedWorker } from '../../../test/limits/workers-of-a-host.ts'
import type { AdmitAnswer, AdmitMessage, LimitKind } from '../../limits/limit-store.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})
afterEach(() => {
  vi.useRealTimers()
})

interface UnderWay {
  readonly worker: HostedWorker
  readonly message: AdmitMessage
  readonly second: number
  readonly call: Exclude<ReturnType<LimitModel['admit']>, { limit: unknown }>
}

/** The model and the workers beside it: each decision must be the same. */
class World {
  readonly model = new LimitModel()
  readonly host = new WorkersOfAHost(this.model)
  readonly workers: HostedWorker[] = [this.host.start(), this.host.start()]
  readonly underWay: UnderWay[] = []
  readonly kind: Kind
  readonly room: number
  /** By worker and account: what it knows to be spent. */
  readonly #spent = new Map<string, bigint>()
  inAdvance = 0
  refused = 0

  constructor(kind: Kind, room: number) {
    this.kind = kind
    this.room = room
  }

  async call(index: number, size: number): Promise<void> {
    const worker = this.workers[index]!
    const { message, answer } = await this.#ask(worker, index, size)
    const told = this.#modelOf(worker, message)
    const limit = 'limit' in told ? told.limit : undefined
    expect(answer.admitted ? undefined : answer.limit).toBe(limit)
    if ('limit' in told) this.refused += 1
    else if (answer.admitted) this.underWay.push({ worker, message, second: answer.second, call: told })
  }

  /** @param factor of the reservation, of what is limited. */
  async settle(count: number, factor: number): Promise<void> {
    const times = (limit: 'tokens' | 'budget'): number => (this.kind.includes(limit) ? factor : 1)
    for (const { worker, message, second, call } of this.underWay.splice(0, count)) {
      const settlement = {
        asks: message.asks,
        accounts: message.asks.map(({ budget }) => budget?.account),
        second,
        tokensReserved: message.tokens,
        tokens: message.tokens * times('tokens'),
        costReserved: message.cost,
        cost: message.cost * BigInt(times('budget')),
      }
      for (const account of settlement.accounts)
        if (account !== undefined)
          this.#knows(worker, account, this.#spentOf(worker, account) + settlement.cost)
      worker.store.settle(settlement)
      this.model.settle(call, settlement)
    }
    await settleDown()
  }

  /** One worker reads what was spent, here and by other hosts. */
  learn(index: number, amount: number): void {
    const worker = this.workers[index]!
    for (const ask of asksOf(this.kind, index, this.room, NOTHING_SPENT)) {
      const { settled } = this.model.use(ask)
      if (ask.budget !== undefined && settled !== undefined)
        this.#knows(worker, ask.budget.account, settled + BigInt(amount))
    }
  }

  /** When all is settled and told, all that is counted is what the model counts. */
  async end(): Promise<void> {
    await this.settle(Infinity, 1)
    await this.pass(200)
    for (const [index, worker] of this.workers.entries()) {
      const { message, answer } = await this.#ask(worker, index, 1)
      const told = this.#modelOf(worker, message)
      if (answer.admitted) expect(answer.uses).toEqual(message.asks.map((ask) => this.model.use(ask)))
      else expect(answer).toMatchObject(told)
    }
  }

  async #ask(worker: HostedWorker, index: number, size: number) {
    const spent = (account: string): bigint => this.#spentOf(worker, account)
    const message: AdmitMessage = {
      tokens: 10 * size,
      cost: BigInt(10 * size),
      asks: asksOf(this.kind, index, this.room, spent),
    }
    const asked = worker.store.admit(message)
    if (!(asked instanceof Promise)) this.inAdvance += 1
    const answer: AdmitAnswer = await asked
    for (const [place, { budget }] of message.asks.entries()) {
      const settled = answer.admitted ? answer.uses[place]?.settled : undefined
      if (budget !== undefined && settled !== undefined) this.#knows(worker, budget.account, settled)
    }
    return { message, answer }
  }

  #modelOf({ name }: HostedWorker, message: AdmitMessage): ReturnType<LimitModel['admit']> {
    this.model.learn(message.asks)
    return this.model.admit(name, message)
  }

  #spentOf(worker: HostedWorker, account: string): bigint {
    return this.#spent.get(`${worker.name} ${account}`) ?? 0n
  }

  #knows(worker: HostedWorker, account: string, spent: bigint): void {
    if (spent > this.#spentOf(worker, account)) this.#spent.set(`${worker.name} ${account}`, spent)
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10) {
      this.model.nowMs += 10
      vi.advanceTimersByTime(10)
      await settleDown()
    }
  }

  async die(index: number): Promise<void> {
    // What a worker has not told when it is killed, the ledger tells later.
    await this.pass(30)
    const worker = this.workers[index]!
    this.host.kill(worker)
    this.model.die(worker.name)
    for (const call of this.underWay.filter((each) => each.worker === worker))
      this.underWay.splice(this.underWay.indexOf(call), 1)
    this.workers[index] = this.host.start()
  }
}

type Step =
  | { readonly do: 'calls'; readonly worker: number; readonly count: number; readonly size: number }
  | { readonly do: 'settle'; readonly count: number; readonly factor: number }
  | { readonly do: 'learn'; readonly worker: number; readonly amount: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'die'; readonly worker: number }

const worker = fc.integer({ min: 0, max: 1 })

/** Calls of one size only: so that limits are reached, there are more of them. */
const COUNTED: readonly Kind[] = ['requests', 'parallel']

/** @param scale of large calls and of what is spent elsewhere, where limits have more room. */
const steps = (kind: Kind, scale = 1): fc.Arbitrary<Step[]> => {
  const others: fc.Arbitrary<Step>[] = []
  if (kind === 'budget' || kind === 'budgets of a team and of its keys')
    others.push(
      fc.record({
        do: fc.constant('learn' as const),
        worker,
        amount: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3_000 * scale })),
      }),
    )
  // Requests and tokens that a dead worker may have used stay counted, which the model does not know.
  if (kind === 'budget' || kind === 'budgets of a team and of its keys' || kind === 'parallel')
    others.push(fc.record({ do: fc.constant('die' as const), worker }))
  return fc.array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant('calls' as const),
          worker,
          count: fc.integer({ min: 1, max: COUNTED.includes(kind) ? 250 : 100 * Math.sqrt(scale) }),
          size: fc.constantFrom(1, 1, 1, 2),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constant('calls' as const),
          worker,
          count: fc.integer({ min: 1, max: 3 }),
          size: fc.constantFrom(50 * scale, 200 * scale, 500 * scale),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant('settle' as const),
          count: fc.integer({ min: 1, max: 120 }),
          factor: fc.constantFrom(0, 1, 1, 2, 40),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(10, 30, 100, 1_000) }),
      },
      ...others,
    ),
    { minLength: 4, maxLength: 24 },
  )
}

async function play(world: World, step: Step): Promise<void> {
  switch (step.do) {
    case 'calls':
      for (let count = 0; count < step.count; count += 1) await world.call(step.worker, step.size)
      return
    case 'settle':
      return await world.settle(step.count, step.factor)
    case 'learn':
      return world.learn(step.worker, step.amount)
    case 'pass':
      return await world.pass(step.ms)
    case 'die':
      return await world.die(step.worker)
  }
}

test.each(KINDS)(
  'whatever workers have in advance of a limit of %s, each call is admitted or refused as if each were counted at once',
  async (kind) => {
    const seen = { inAdvance: 0, refused: 0, recalls: 0 }
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 520, max: 1_200 }), steps(kind), async (room, all) => {
        const world = new World(kind, room)
        for (const step of all) await play(world, step)
        await world.end()
        seen.inAdvance += world.inAdvance
        seen.refused += world.refused
        seen.recalls += world.host.recalls
      }),
      { numRuns: 60 },
    )
    expect(seen.inAdvance).toBeGreaterThan(0)
    expect(seen.refused).toBeGreaterThan(0)
    // Calls of one size come near a limit slowly: workers give back before they are asked to.
    if (!COUNTED.includes(kind)) expect(seen.recalls).toBeGreaterThan(0)
  },
  60_000,
)

test.each(KINDS.filter((kind) => !COUNTED.includes(kind)))(
  'so they are where a limit of %s has room for advances of full size',
  async (kind) => {
    const seen = { inAdvance: 0, refused: 0, recalls: 0 }
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 8_500, max: 20_000 }), steps(kind, 16), async (room, all) => {
        const world = new World(kind, room)
        // The fourth of them is the first that asks for more than itself; each that runs out asks for twice as many.
        for (let call = 0; call < 300; call += 1) await world.call(0, 1)
        for (const step of all) await play(world, step)
        await world.end()
        seen.inAdvance += world.inAdvance
        seen.refused += world.refused
        seen.recalls += world.host.recalls
      }),
      { numRuns: 60 },
    )
    expect(
      Object.values(seen).every((count) => count > 0),
      JSON.stringify(seen),
    ).toBe(true)
  },
  60_000,
)

function twoWorkers(): readonly [HostedWorker, HostedWorker] {
  const host = new WorkersOfAHost({ nowMs: 1_000_000 })
  return [host.start(), host.start()]
}

/** A call of many that come fast. */
function callOf(kind: LimitKind, room: number): AdmitMessage {
  return { tokens: 10, cost: 10n, asks: [askOf('key:k', kind, room, NOTHING_SPENT)] }
}

async function callFast(worker: HostedWorker, message: AdmitMessage, calls: number): Promise<void> {
  for (let call = 0; call < calls; call += 1)
    expect(await worker.store.admit(message)).toMatchObject({ admitted: true })
}

test('many calls that come fast are few messages', async () => {
  const clock = { nowMs: 1_000_000 }
  const worker = new WorkersOfAHost(clock).start()
  await callFast(worker, callOf('budget', 100_000), 4)
  await settleDown()
  const before = worker.end.sent
  await callFast(worker, callOf('budget', 100_000), 500)
  expect(worker.end.sent - before).toBeLessThan(50)
})

test('who knows of more spend than others is not refused for what lies in advance elsewhere', async () => {
  const world = new World('budget', 1_805)
  for (let call = 0; call < 4; call += 1) await world.call(0, 1)
  for (let call = 0; call < 2; call += 1) await world.call(0, 700)
  world.learn(1, 3_850)
  for (const index of [0, 0, 1]) await world.call(index, 1)
  expect(world.refused).toBe(0)
  expect(world.host.recalls).toBe(1)
})

test('who asks for calls in advance, and has read of what others have not told yet, does not count it twice', async () => {
  const world = new World('budget', 1_000)
  for (let call = 0; call < 40; call += 1) await world.call(0, 1)
  for (let call = 0; call < 3; call += 1) await world.call(1, 1)
  await world.settle(10, 1)
  world.learn(1, 0)
  await world.call(1, 1)
  expect(world.host.recalls).toBe(1)
  await world.end()
})

test.each(['budget', 'tokens'] as const)(
  'calls that use more %s than they reserved are told in time',
  async (kind) => {
    const world = new World(kind, 1_200)
    for (let call = 0; call < 600; call += 1) await world.call(0, 1)
    await world.settle(600, 2)
    await world.call(1, 1)
    expect(world.refused).toBe(1)
  },
)

test.each(['budget', 'tokens'] as const)(
  'a call that uses far more %s than it reserved is told at once',
  async (kind) => {
    const world = new World(kind, 1_200)
    for (let call = 0; call < 40; call += 1) await world.call(0, 1)
    await world.settle(1, 1_200)
    await world.call(1, 1)
    expect(world.refused).toBe(1)
  },
)

test.each(['budget', 'tokens'] as const)(
  'calls that use more %s than they reserved are told at once while nothing is granted in advance yet',
  async (kind) => {
    const [one, two] = twoWorkers()
    const message = callOf(kind, 10)
    const answers: AdmitAnswer[] = []
    for (let call = 0; call < 3; call += 1) answers.push(await one.store.admit(message))
    // It asks for calls in advance too, and none will be granted: the limit is near.
    const fourth = one.store.admit(message)
    // The question is on its way, and all that is told with it.
    await nextTurn()
    for (const answer of answers)
      one.store.settle({
        asks: message.asks,
        accounts: message.asks.map(({ budget }) => budget?.account),
        second: answer.admitted ? answer.second : undefined,
        tokensReserved: 10,
        tokens: 20,
        costReserved: 10n,
        cost: 20n,
      })
    expect(await fourth).toMatchObject({ admitted: true })
    await callFast(two, message, 3)
    expect(await two.store.admit(message)).toMatchObject({ admitted: false, limit: kind })
  },
)

test('when a limit is lowered, what lies in advance of the old one refuses nobody', async () => {
  const [one, two] = twoWorkers()
  await callFast(one, callOf('budget', 1_200), 480)
  expect(await two.store.admit(callOf('budget', 481))).toMatchObject({ admitted: true })
  expect(await two.store.admit(callOf('budget', 481))).toMatchObject({ admitted: false, limit: 'budget' })
})

test('near a limit a call is one message: what was not granted is not asked for again at once', async () => {
  const worker = new WorkersOfAHost({ nowMs: 1_000_000 }).start()
  await callFast(worker, callOf('budget', 400), 8)
  await settleDown()
  const before = worker.end.sent
  await callFast(worker, callOf('budget', 400), 100)
  expect(worker.end.sent - before).toBe(100)
})

test('what a worker does not use of an advance is free again soon, and nobody has to call it back', async () => {
  const world = new World('parallel', 1_600)
  for (let call = 0; call < 40; call += 1) await world.call(0, 1)
  await world.pass(200)
  for (let call = 0; call < 1_560; call += 1) await world.call(1, 1)
  await world.call(1, 1)
  expect(world.refused).toBe(1)
  expect(world.host.recalls).toBe(0)
})

/** A worker with an advance, and another whose next call is of a size that takes all that is left. */
async function nearLimit() {
  const clock = { nowMs: 1_000_000 }
  const host = new WorkersOfAHost(clock)
  const [holder, asker] = [host.start(), host.start()]
  const message = callOf('budget', 2_000)
  await callFast(holder, message, 40)
  await settleDown()
  const asked = asker.store.admit({ ...message, cost: 19600n })
  return { host, holder, asker, message, asked }
}

test('who comes near a limit waits for a worker that does not answer for a second at most', async () => {
  const { holder, asked, host, asker, message } = await nearLimit()
  holder.end.other?.removeAllListeners()
  holder.end.removeAllListeners()
  await settleDown()
  expect(host.recalls).toBe(1)
  vi.advanceTimersByTime(1_000)
  expect(await asked).toMatchObject({ admitted: true })
  // What that worker may use still is counted.
  expect(await asker.store.admit(message)).toMatchObject({ admitted: false, limit: 'budget' })
})

test('what a worker had in advance is free when it is killed, and who waited for it goes on', async () => {
  const { host, holder, asked, asker, message } = await nearLimit()
  holder.end.removeAllListeners()
  await settleDown()
  host.kill(holder)
  expect(await asked).toMatchObject({ admitted: true })
  await callFast(asker, message, 40)
  expect(await asker.store.admit(message)).toMatchObject({ admitted: false, limit: 'budget' })
})

test('a worker that is killed while it waits holds nothing', async () => {
  const { host, holder, asker, asked, message } = await nearLimit()
  host.kill(asker)
  await expect(asked).rejects.toThrow()
  await settleDown()
  await callFast(holder, { ...message, cost: 19000n }, 1)
})

test('a worker that ends gives back what it has in advance', async () => {
  const clock = { nowMs: 1_000_000 }
  const host = new WorkersOfAHost(clock)
  const [one, two] = [host.start(), host.start()]
  await callFast(one, callOf('requests', 1_600), 40)
  await settleDown()
  await one.store.close()
  await settleDown()
  await callFast(two, callOf('requests', 1_600), 1_560)
  expect(await two.store.admit(callOf('requests', 1_600))).toMatchObject({ admitted: false })
  expect(host.recalls).toBe(0)
})
