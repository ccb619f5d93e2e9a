/** Every store counts as the model does, whatever happens in whatever order. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { LimitModel } from '../../test/limits/limit-model.ts'
import { connectTo } from '../../test/limits/redis-client.ts'
import {
  memoryHarness,
  redisHarness,
  type Clock,
  type StoreHarness,
} from '../../test/limits/store-harness.ts'
import { startRedis, type TestRedis } from '../../test/redis.ts'
import type { OpenRedis } from '../redis/open-redis.ts'
import type { AdmitMessage, ScopeAsk, Settlement } from './limit-store.ts'

let server: TestRedis
let redis: OpenRedis

beforeAll(async () => {
  server = await startRedis()
  redis = await connectTo(server.port)
})
afterAll(async () => {
  await redis.close()
  await server[Symbol.asyncDispose]()
})

const STORES: readonly (readonly [string, (clock: Clock) => Promise<StoreHarness>])[] = [
  ['in this process', (clock) => Promise.resolve(memoryHarness(clock))],
  ['in Redis', (clock) => redisHarness(redis, clock)],
]

interface World {
  readonly model: LimitModel
  readonly harness: StoreHarness
  readonly underWay: { readonly process: string; readonly call: ModelCall; readonly second: number }[]
}

type ModelCall = Exclude<ReturnType<LimitModel['admit']>, { limit: unknown }>

/** The scopes of the test, each with limits that a few calls reach. `spent` is what the asker knows. */
function askOf(scope: number, spent: number): ScopeAsk {
  const nothing = {
    requestsPerMinute: undefined,
    tokensPerMinute: undefined,
    parallelRequests: undefined,
    budget: undefined,
  }
  const name = `key:${scope}`
  switch (scope) {
    case 0:
      return { ...nothing, scope: name, requestsPerMinute: 4 }
    case 1:
      return { ...nothing, scope: name, tokensPerMinute: 100, parallelRequests: 2 }
    case 2:
      return { ...nothing, scope: name, budget: { account: `${name}@w`, max: 1000n, spent: BigInt(spent) } }
    default:
      return {
        scope: name,
        requestsPerMinute: 6,
        tokensPerMinute: 150,
        parallelRequests: 3,
        budget: { account: `${name}@w`, max: 900719925474099300n, spent: BigInt(spent) },
      }
  }
}

/** What a call asks: its scopes, tokens, cost, and what its process knows to be spent. */
type Asked = readonly [scopes: readonly number[], tokens: number, cost: number, spent: number]

function messageOf([scopes, tokens, cost, spent]: Asked): AdmitMessage {
  return { tokens, cost: BigInt(cost), asks: scopes.map((scope) => askOf(scope, spent)) }
}

/** Of the model: what has to come of the calls, in their order. */
function expected({ model, underWay }: World, process: string, messages: readonly AdmitMessage[]) {
  return messages.map((message) => {
    const call = model.admit(process, message)
    if ('limit' in call) return { answer: { admitted: false, ...call }, admitted: () => undefined }
    const uses = message.asks.map((ask) => model.use(ask))
    const admitted = (second: number): unknown => underWay.push({ process, call, second })
    return { answer: { admitted: true, uses }, admitted }
  })
}

/** How an ended call settles, told to the model. */
function settlementOf(
  { model }: World,
  { call, second }: World['underWay'][number],
  tokens: number,
  cost: number,
): Settlement {
  const { asks, tokens: tokensReserved, cost: costReserved } = call.message
  const accounts = asks.map((ask) => ask.budget?.account)
  const settlement = { asks, accounts, second, tokensReserved, tokens, costReserved, cost: BigInt(cost) }
  model.settle(call, settlement)
  return settlement
}

class Admit implements fc.AsyncCommand<Record<string, never>, World> {
  readonly process: string
  readonly message: AdmitMessage

  constructor(process: string, asked: Asked) {
    this.process = process
    this.message = messageOf(asked)
  }

  check(): boolean {
    return true
  }

  async run(_: unknown, world: World): Promise<void> {
    const [outcome] = expected(world, this.process, [this.message])
    const answer = await world.harness.admit(this.process, this.message)
    expect(answer).toMatchObject(outcome!.answer)
    if (answer.admitted) outcome!.admitted(answer.second)
  }

  toString(): string {
    return `admit ${this.process} ${fc.stringify(this.message)}`
  }
}

class Settle implements fc.AsyncCommand<Record<string, never>, World> {
  readonly which: number
  readonly tokens: number
  readonly cost: number

  constructor(which: number, tokens: number, cost: number) {
    this.which = which
    this.tokens = tokens
    this.cost = cost
  }

  check(): boolean {
    return true
  }

  async run(_: unknown, world: World): Promise<void> {
    const { harness, underWay } = world
    const [ended] = underWay.splice(this.which % Math.max(1, underWay.length), 1)
    if (ended === undefined) return
    await harness.settle(ended.process, settlementOf(world, ended, this.tokens, this.cost))
  }

  toString(): string {
    return `settle ${this.which} ${this.tokens} ${this.cost}`
  }
}

/** Of one process in one turn: calls that end, and calls that ask. */
class Together implements fc.AsyncCommand<Record<string, never>, World> {
  readonly process: string
  readonly ended: readonly (readonly [tokens: number, cost: number])[]
  readonly messages: readonly AdmitMessage[]

  constructor(process: string, ended: Together['ended'], asked: readonly Asked[]) {
    this.process = process
    this.ended = ended
    this.messages = asked.map(messageOf)
  }

  check(): boolean {
    return true
  }

  async run(_: unknown, world: World): Promise<void> {
    const { harness, underWay } = world
    const settlements = this.ended.flatMap(([tokens, cost]) => {
      const [ended] = underWay.splice(underWay.findIndex(({ process }) => process === this.process) >>> 0, 1)
      return ended === undefined ? [] : [settlementOf(world, ended, tokens, cost)]
    })
    const outcomes = expected(world, this.process, this.messages)
    const answers = await harness.together(this.process, settlements, this.messages)
    expect(answers).toMatchObject(outcomes.map(({ answer }) => answer))
    for (const [index, answer] of answers.entries())
      if (answer.admitted) outcomes[index]!.admitted(answer.second)
  }

  toString(): string {
    return `together ${this.process} ${fc.stringify([this.ended, this.messages])}`
  }
}

class Pass implements fc.AsyncCommand<Record<string, never>, World> {
  readonly ms: number

  constructor(ms: number) {
    this.ms = ms
  }

  check(): boolean {
    return true
  }

  async run(_: unknown, { harness }: World): Promise<void> {
    await harness.pass(this.ms)
  }

  toString(): string {
    return `pass ${this.ms}`
  }
}

class Die implements fc.AsyncCommand<Record<string, never>, World> {
  readonly process: string

  constructor(process: string) {
    this.process = process
  }

  check(): boolean {
    return true
  }

  async run(_: unknown, { model, harness, underWay }: World): Promise<void> {
    model.die(this.process)
    for (const [index, { process }] of [...underWay.entries()].reverse())
      if (process === this.process) underWay.splice(index, 1)
    await harness.die(this.process)
  }

  toString(): string {
    return `die ${this.process}`
  }
}

const processes = fc.constantFrom('a', 'b', 'c')

const asked = fc.tuple(
  fc.uniqueArray(fc.nat(3), { minLength: 1, maxLength: 4 }),
  fc.nat(60),
  fc.nat(300),
  fc.nat(400),
)
const used = fc.tuple(fc.nat(90), fc.nat(500))

const admit = fc.tuple(processes, asked).map((values) => new Admit(...values))
const together = fc
  .tuple(processes, fc.array(used, { maxLength: 3 }), fc.array(asked, { minLength: 1, maxLength: 6 }))
  .map((values) => new Together(...values))

const commands = fc.commands(
  [
    admit,
    admit,
    together,
    fc.tuple(fc.nat(20), fc.nat(90), fc.nat(500)).map((values) => new Settle(...values)),
    fc.nat(3_000).map((ms) => new Pass(ms)),
    fc.integer({ min: 15_000, max: 62_000 }).map((ms) => new Pass(ms)),
    processes.map((process) => new Die(process)),
  ],
  { maxCommands: 60, size: 'max' },
)

describe.each(STORES)('limits counted %s', (_, open) => {
  test('are those of the model, whatever happens', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(commands, async (sequence) => {
        const model = new LimitModel()
        const harness = await open(model)
        try {
          await fc.asyncModelRun(() => ({ model: {}, real: { model, harness, underWay: [] } }), sequence)
        } finally {
          await harness.close()
        }
      }),
      { numRuns: 200 },
    )
  })
})
