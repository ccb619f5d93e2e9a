/**
 * Calls that the process above has admitted in advance for a worker: real admissions in the one count, which calls of
 * the same scopes and limits take up without a question. What is not taken up is given back.
 */
import type { Admitted, AdmitMessage, ScopeAsk, ScopeUse, Surplus } from '../../limits/limit-store.ts'
import type { Advanced } from './limit-steps.ts'

/** The fewest calls that are worth a question, and the most. */
const FEWEST = 16
const MOST = 128

/** What is known here to be spent may go so many reservations beyond what the process above has told. */
const SPENT_BEYOND = 256n

/** What each of some calls has reserved. */
interface Reserved {
  readonly tokens: number
  readonly cost: string
}

const NOTHING_RESERVED: Reserved = { tokens: 0, cost: '0' }

export class Advance {
  readonly id: number
  /** A question for more is under way. */
  isAsking = false
  isClosing = false
  readonly #giveBack: (surplus: Surplus) => void
  /** What calls like those that are under way ask: the next question asks it too. */
  #asks: readonly ScopeAsk[]
  /** Requests and tokens count in the second of their admission: in that one they are taken up, or given back. */
  readonly #hasRates: boolean
  /** Of the next question: enough for every call since the last one. */
  #next: Reserved
  #held: Reserved
  #left = 0
  #second = 0
  #uses: readonly ScopeUse[] = []
  #takenSinceUses = 0
  /** More is known to be spent than the process above had told: it is to be asked before the next call. */
  #isStale = false
  #spentBelow: readonly (string | undefined)[] = []
  #wanted = FEWEST
  #ranOut = false
  #takenInTick = 0
  #idleTicks = 0

  constructor(id: number, { asks, tokens, cost }: AdmitMessage, giveBack: (surplus: Surplus) => void) {
    this.id = id
    this.#giveBack = giveBack
    this.#asks = asks
    this.#hasRates = asks.some(
      ({ requestsPerMinute, tokensPerMinute }) =>
        requestsPerMinute !== undefined || tokensPerMinute !== undefined,
    )
    this.#next = { tokens, cost }
    this.#held = this.#next
  }

  /** More are to be asked for, before the last ones are taken up. */
  get isLow(): boolean {
    return !this.isAsking && !this.isClosing && (this.#isStale || this.#left * 4 < this.#wanted)
  }

  /** @returns what is to be asked for now. */
  ask(): { readonly message: AdmitMessage; readonly calls: number } {
    const message = { ...this.#next, asks: this.#asks }
    this.#next = NOTHING_RESERVED
    if (this.#ranOut) this.#wanted = Math.min(MOST, this.#wanted * 2)
    this.#ranOut = false
    this.isAsking = true
    return { message, calls: Math.max(1, this.#wanted - this.#left) }
  }

  /** How many ticks long nothing was taken up. */
  get idleTicks(): number {
    return this.#idleTicks
  }

  /** Reserved of each call. */
  get tokens(): number {
    return this.#held.tokens
  }

  get cost(): string {
    return this.#held.cost
  }

  /** Whether a call has the limits of this advance. */
  fits(asks: readonly ScopeAsk[]): boolean {
    const own = this.#asks
    if (asks.length !== own.length) return false
    for (let index = 0; index < asks.length; index += 1) {
      const ask = asks[index]
      const known = own[index]
      if (ask === undefined || known === undefined || !asksTheSame(ask, known)) return false
    }
    return true
  }

  /** @returns undefined when the call has to be asked for. */
  take(message: AdmitMessage, second: number): Admitted | undefined {
    this.#asks = message.asks
    this.#takenInTick += 1
    if (this.#hasRates && second !== this.#second) this.release()
    const { tokens, cost } = this.#held
    const isLarger = message.tokens > tokens || isLess(cost, message.cost)
    this.#grow(message)
    if (this.#left === 0) this.#ranOut = true
    this.#isStale = this.#knowsMoreSpent(message.asks)
    if (isLarger || this.#left === 0 || this.#isStale) return undefined
    this.#left -= 1
    if (message.tokens < tokens || message.cost !== cost)
      this.#giveBack({
        asks: message.asks,
        second: this.#second,
        calls: 0,
        tokens: tokens - message.tokens,
        cost: String(BigInt(cost) - BigInt(message.cost)),
      })
    return { admitted: true, second: this.#second, uses: this.#usesOfNext() }
  }

  /** More have been admitted, or none. */
  add({ calls, second, uses }: Advanced, asked: AdmitMessage): void {
    this.isAsking = false
    if (calls === 0) return
    const { tokens, cost } = this.#held
    if (asked.tokens !== tokens || asked.cost !== cost || (this.#hasRates && second !== this.#second))
      this.release()
    this.#held = { tokens: asked.tokens, cost: asked.cost }
    this.#isStale = false
    this.#left += calls
    this.#second = second
    this.#uses = uses
    this.#takenSinceUses = 0
    const beyond = BigInt(asked.cost) * SPENT_BEYOND
    this.#spentBelow = uses.map(({ settled }) =>
      settled === undefined ? undefined : String(BigInt(settled) + beyond),
    )
  }

  /** Gives back all that is left. */
  release(): void {
    const calls = this.#left
    if (calls === 0) return
    this.#left = 0
    const { tokens, cost } = this.#held
    this.#giveBack({
      asks: this.#asks,
      second: this.#second,
      calls,
      tokens: tokens * calls,
      cost: String(BigInt(cost) * BigInt(calls)),
    })
  }

  /** Some time has passed: what is wanted is what was taken up in it, four times. */
  tick(second: number): void {
    if (this.#hasRates && second !== this.#second) this.release()
    this.#idleTicks = this.#takenInTick === 0 ? this.#idleTicks + 1 : 0
    if (this.#takenInTick > 0) this.#wanted = Math.min(MOST, Math.max(FEWEST, this.#takenInTick * 4))
    this.#takenInTick = 0
  }

  #grow({ tokens, cost }: AdmitMessage): void {
    const next = this.#next
    if (tokens <= next.tokens && !isLess(next.cost, cost)) return
    this.#next = {
      tokens: Math.max(next.tokens, tokens),
      cost: isLess(next.cost, cost) ? cost : next.cost,
    }
  }

  #knowsMoreSpent(asks: readonly ScopeAsk[]): boolean {
    for (let index = 0; index < asks.length; index += 1) {
      const below = this.#spentBelow[index]
      const budget = asks[index]?.budget
      if (below !== undefined && budget !== undefined && !isLess(budget.spent, below)) return true
    }
    return false
  }

  /** As if the calls since the last question had asked one after the other. */
  #usesOfNext(): readonly ScopeUse[] {
    const before = this.#takenSinceUses
    this.#takenSinceUses += 1
    const uses = this.#uses
    if (before === 0) return uses
    if (!this.#hasRates) return before === 1 ? (this.#uses = uses.map(withoutSettled)) : uses
    const { tokens } = this.#held
    return uses.map((use) => ({
      requests: use.requests + before,
      tokens: use.tokens + before * tokens,
      parallel: use.parallel + before,
      settled: undefined,
    }))
  }
}

/** It was told with the first call after the question. */
function withoutSettled(use: ScopeUse): ScopeUse {
  return { ...use, settled: undefined }
}

function asksTheSame(ask: ScopeAsk, other: ScopeAsk): boolean {
  return (
    ask.scope === other.scope &&
    ask.requestsPerMinute === other.requestsPerMinute &&
    ask.tokensPerMinute === other.tokensPerMinute &&
    ask.parallelRequests === other.parallelRequests &&
    ask.budget?.account === other.budget?.account &&
    ask.budget?.max === other.budget?.max
  )
}

/** Compares amounts as decimal text; one below zero is the less. */
export function isLess(amount: string, other: string): boolean {
  if (amount.startsWith('-')) return !other.startsWith('-')
  if (amount.length !== other.length) return amount.length < other.length
  return amount < other
}
