import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { asksOf, KINDS, type Kind } from '../../../test/limits/limited-asks.ts'
import { settleDown, WorkersOfAHost, type HostedWorker } from '../../../test/limits/workers-of-a-host.ts'
import type { AdmitMessage } from '../../limits/limit-store.ts'

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
}

/** Two workers whose calls and settlements cross on their way; what is spent is told to them by a ledger. */
class Crowd {
  readonly #clock = { nowMs: Date.UTC(2026, 0, 5) }
  readonly host = new WorkersOfAHost(this.#clock)
  readonly workers: readonly HostedWorker[] = [this.host.start(), this.host.start()]
  readonly #kind: Kind
  readonly #room: number
  readonly #underWay: UnderWay[] = []
  readonly #asked = new Set<Promise<void>>()
  /** By account: settled. */
  readonly #ledger = new Map<string, bigint>()
  /** By worker and account: what it knows of that. */
  readonly #known = new Map<string, bigint>()
  /** By scope: reserved by calls under way, or used. */
  readonly #used = new Map<string, number>()
  inAdvance = 0
  refused = 0

  constructor(kind: Kind, room: number) {
    this.#kind = kind
    this.#room = room
  }

  call(index: number, count: number): void {
    for (let call = 0; call < count; call += 1) {
      const asked = this.#call(index).finally(() => this.#asked.delete(asked))
      this.#asked.add(asked)
    }
  }

  /** @param isUsed all of what was reserved, or nothing. */
  settle(count: number, isUsed: boolean): void {
    for (const { worker, message, second } of this.#underWay.splice(0, count)) {
      const settlement = {
        asks: message.asks,
        accounts: message.asks.map(({ budget }) => budget?.account),
        second,
        tokensReserved: message.tokens,
        tokens: isUsed ? message.tokens : 0,
        costReserved: message.cost,
        cost: isUsed ? message.cost : 0n,
      }
      for (const account of settlement.accounts) {
        if (account === undefined) continue
        void this.#book(account, settlement.cost)
        this.#knows(worker, account, this.#knownOf(worker, account) + settlement.cost)
      }
      for (const { scope, parallelRequests, requestsPerMinute } of message.asks)
        if (parallelRequests !== undefined || (!isUsed && requestsPerMinute === undefined))
          this.#use(scope, -1)
      worker.store.settle(settlement)
    }
  }

  /** A worker reads what the ledger has of all workers. */
  read(index: number): void {
    const worker = this.workers[index]!
    for (const [account, settled] of this.#ledger) this.#knows(worker, account, settled)
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 10) {
      this.#clock.nowMs += 10
      vi.advanceTimersByTime(10)
      await settleDown()
    }
  }

  /** When all is settled and told, each call is counted once. */
  async end(): Promise<void> {
    await this.pass(200)
    await Promise.all(this.#asked)
    this.settle(Infinity, true)
    await this.pass(200)
    for (const [index, worker] of this.workers.entries()) {
      const message = this.#message(index)
      const answer = await worker.store.admit(message)
      if (!answer.admitted) continue
      for (const [place, { scope, budget, parallelRequests, requestsPerMinute }] of message.asks.entries()) {
        const use = answer.uses[place]
        const used = (this.#used.get(scope) ?? 0) + 1
        if (budget === undefined) this.#use(scope, 1)
        if (budget !== undefined) expect(use?.settled).toBe(this.#ledger.get(budget.account) ?? 0n)
        else if (parallelRequests !== undefined) expect(use?.parallel).toBe(used)
        else if (requestsPerMinute !== undefined) expect(use?.requests).toBe(used)
        else expect(use?.tokens).toBe(used * 10)
      }
    }
  }

  /** The way to the database and back is longer than that to another process. */
  async #book(account: string, cost: bigint): Promise<void> {
    await settleDown()
    this.#ledger.set(account, (this.#ledger.get(account) ?? 0n) + cost)
  }

  async #call(index: number): Promise<void> {
    const worker = this.workers[index]!
    const message = this.#message(index)
    const asked = worker.store.admit(message)
    if (!(asked instanceof Promise)) this.inAdvance += 1
    const answer = await asked
    if (!answer.admitted) {
      this.refused += 1
      return
    }
    for (const [place, { scope, budget }] of message.asks.entries()) {
      this.#use(scope, 1)
      expect(this.#used.get(scope)).toBeLessThanOrEqual(this.#room)
      const settled = answer.uses[place]?.settled
      if (budget !== undefined && settled !== undefined) this.#knows(worker, budget.account, settled)
    }
    this.#underWay.push({ worker, message, second: answer.second })
  }

  #message(index: number): AdmitMessage {
    const worker = this.workers[index]!
    const spent = (account: string): bigint => this.#knownOf(worker, account)
    return { tokens: 10, cost: 10n, asks: asksOf(this.#kind, index, this.#room, spent) }
  }

  #use(scope: string, calls: number): void {
    this.#used.set(scope, (this.#used.get(scope) ?? 0) + calls)
  }

  #knownOf(worker: HostedWorker, account: string): bigint {
    return this.#known.get(`${worker.name} ${account}`) ?? 0n
  }

  #knows(worker: HostedWorker, account: string, spent: bigint): void {
    if (spent > this.#knownOf(worker, account)) this.#known.set(`${worker.name} ${account}`, spent)
  }
}

type Step =
  | { readonly do: 'calls'; readonly worker: number; readonly count: number }
  | { readonly do: 'settle'; readonly count: number; readonly isUsed: boolean }
  | { readonly do: 'read'; readonly worker: number }
  | { readonly do: 'turn' }
  | { readonly do: 'pass'; readonly ms: number }

const worker = fc.integer({ min: 0, max: 1 })

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        do: fc.constant('calls' as const),
        worker,
        count: fc.integer({ min: 1, max: 200 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('settle' as const),
        count: fc.integer({ min: 1, max: 100 }),
        isUsed: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('read' as const), worker }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('turn' as const) }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(10, 30, 100) }),
    },
  ),
  { minLength: 8, maxLength: 60 },
)

async function play(crowd: Crowd, step: Step): Promise<void> {
  switch (step.do) {
    case 'calls':
      return crowd.call(step.worker, step.count)
    case 'settle':
      return crowd.settle(step.count, step.isUsed)
    case 'read':
      return crowd.read(step.worker)
    case 'turn':
      return await new Promise((resolve) => setImmediate(resolve))
    case 'pass':
      return await crowd.pass(step.ms)
  }
}

test.each(KINDS)(
  'calls that cross each other are never beyond a limit of %s, and each is counted once',
  async (kind) => {
    const seen = { inAdvance: 0, refused: 0, recalls: 0 }
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 520, max: 900 }), steps, async (room, all) => {
        const crowd = new Crowd(kind, room)
        for (const step of all) await play(crowd, step)
        await crowd.end()
        seen.inAdvance += crowd.inAdvance
        seen.refused += crowd.refused
        seen.recalls += crowd.host.recalls
      }),
      { numRuns: 60 },
    )
    expect(seen.inAdvance).toBeGreaterThan(0)
    expect(seen.refused).toBeGreaterThan(0)
  },
  60_000,
)
