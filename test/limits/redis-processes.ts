/** Processes that count limits together in Redis, beside the model of the limits; time is what the test says. */
import { expect } from 'vitest'
import type { AdmitAnswer, AdmitMessage, Settlement } from '../../src/limits/limit-store.ts'
import { MemoryLimitStore } from '../../src/limits/memory-store.ts'
import type { RedisLimitStore } from '../../src/limits/redis-store.ts'
import type { Redis } from '../../src/redis/redis.ts'
import { LimitModel } from './limit-model.ts'
import { asksOf, type Kind } from './limited-asks.ts'
import { openStore } from './store-harness.ts'

type ModelCall = Exclude<ReturnType<LimitModel['admit']>, { limit: unknown }>

interface RedisProcess {
  readonly name: string
  readonly store: RedisLimitStore
  readonly own: MemoryLimitStore
}

/** A call under way. */
interface UnderWay {
  readonly process: RedisProcess
  readonly message: AdmitMessage
  readonly second: number
  readonly call: ModelCall
}

/** Two processes, and the model beside them: each decision must be the same. */
export class RedisProcesses {
  readonly model = new LimitModel()
  readonly processes: readonly [RedisProcess, RedisProcess]
  readonly underWay: UnderWay[] = []
  readonly #kind: Kind
  readonly #room: number
  /** By process and account: what it knows to be spent. */
  readonly #spent = new Map<string, bigint>()
  inAdvance = 0
  refused = 0

  constructor(redis: Redis, kind: Kind, room: number) {
    this.#kind = kind
    this.#room = room
    this.processes = [this.#start(redis, 'one'), this.#start(redis, 'two')]
  }

  #start(redis: Redis, name: string): RedisProcess {
    const own = new MemoryLimitStore(() => this.model.nowMs)
    return { name, own, store: openStore(redis, this.model, undefined, own) }
  }

  /** @param size how much it reserves, as a multiple. */
  async call(index: 0 | 1, size = 1): Promise<AdmitAnswer> {
    const process = this.processes[index]
    const spent = (account: string): bigint => this.#spentOf(process, account)
    const message: AdmitMessage = {
      tokens: 10 * size,
      cost: BigInt(10 * size),
      asks: asksOf(this.#kind, index, this.#room, spent),
    }
    const asked = process.store.admit(message)
    if (!(asked instanceof Promise)) this.inAdvance += 1
    const answer = await asked
    this.model.learn(message.asks)
    const told = this.model.admit(process.name, message)
    expect(answer.admitted ? undefined : answer.limit).toBe('limit' in told ? told.limit : undefined)
    if ('limit' in told) {
      this.refused += 1
      // It may have waited for so long: who is refused next need not.
      await this.pass(150)
    }
    if (answer.admitted && !('limit' in told))
      this.underWay.push({ process, message, second: answer.second, call: told })
    for (const [place, { budget }] of message.asks.entries()) {
      const settled = answer.admitted ? answer.uses[place]?.settled : undefined
      if (budget !== undefined && settled !== undefined) this.#knows(process, budget.account, settled)
    }
    return answer
  }

  /** Ends calls, the first ones first. @param used of what each had reserved. */
  async settle(count: number, used: number): Promise<void> {
    for (const { process, message, second, call } of this.underWay.splice(0, count)) {
      const settlement: Settlement = {
        asks: message.asks,
        accounts: message.asks.map(({ budget }) => budget?.account),
        second,
        tokensReserved: message.tokens,
        tokens: message.tokens * used,
        costReserved: message.cost,
        cost: message.cost * BigInt(used),
      }
      for (const account of settlement.accounts)
        if (account !== undefined)
          this.#knows(process, account, this.#spentOf(process, account) + settlement.cost)
      process.store.settle(settlement)
      process.own.settle({ ...settlement, second: Math.floor(this.model.nowMs / 1000) })
      this.model.settle(call, settlement)
    }
    for (const { store } of this.processes) await store.flush()
  }

  async pass(ms: number): Promise<void> {
    this.model.nowMs += ms
    for (const { store } of this.processes) await store.flush()
  }

  /** What each process counts of what calls hold is what they hold. */
  checkOwn(): void {
    for (const process of this.processes) {
      const calls = this.underWay.filter((each) => each.process === process)
      const { parallel, reserved } = process.own.held()
      const holds = calls.reduce((sum, { message }) => sum + message.cost, 0n)
      for (const held of parallel.values()) expect(held).toBe(calls.length)
      for (const held of reserved.values()) expect(held).toBe(holds)
    }
  }

  async close(): Promise<void> {
    for (const { store } of this.processes) await store.close()
  }

  #spentOf({ name }: RedisProcess, account: string): bigint {
    return this.#spent.get(`${name} ${account}`) ?? 0n
  }

  #knows(process: RedisProcess, account: string, spent: bigint): void {
    if (spent > this.#spentOf(process, account)) this.#spent.set(`${process.name} ${account}`, spent)
  }
}
