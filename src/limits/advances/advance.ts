/**
 * Calls that a store has admitted in advance: real admissions in the one count, which calls of the same scopes and
 * limits take up without a question. What is not taken up is given back.
 */
import type { Admitted, AdmitMessage, ScopeAsk, ScopeUse, Settlement } from '../limit-store.ts'
import { limitsTheSame } from '../same-asks.ts'

/** The fewest calls that are worth a question, and the most. */
const FEWEST = 16
const MOST = 512

/** Admitted in advance: no calls where the limit is near. */
export interface Advanced {
  readonly calls: number
  readonly second: number
  /** After the first of them. */
  readonly uses: readonly ScopeUse[]
}

/** Takes what an advance gives back, until the store is told. */
export interface Returns {
  /** Calls were not made. @param second of their admission. @param tokens and cost reserved of each. */
  giveBack(second: number, calls: number, tokens: number, cost: bigint): void
  /** A call takes less than was reserved for it. */
  lessen(second: number, tokens: number, cost: bigint): void
}

/** What each of some calls has reserved. */
interface Reserved {
  readonly tokens: number
  readonly cost: bigint
}

const NOTHING_RESERVED: Reserved = { tokens: 0, cost: 0n }

export class Advance<R extends Returns = Returns> {
  readonly returns: R
  /** A question for more is under way. */
  isAsking = false
  isClosing = false
  /** The store knows of it. */
  isGranted = false
  /** What calls like those that are under way ask: the next question asks it too. */
  #asks: readonly ScopeAsk[]
  /** Requests and tokens count in the second of their admission: in that one they are taken up, or given back. */
  readonly #hasRates: boolean
  /** What is not limited is reserved of nothing: calls of all sizes are alike there. */
  readonly #hasTokens: boolean
  readonly #hasBudget: boolean
  readonly #hasParallel: boolean
  /** Of the next question: enough for every call since the last one. */
  #next: Reserved
  #held: Reserved
  /** The lesser of what is held and what is asked for: the store knows one of them. */
  #least: Reserved
  #left = 0
  #second = 0
  #uses: readonly ScopeUse[] = []
  #takenSinceUses = 0
  #wanted = FEWEST
  #ranOut = false
  #takenInTick = 0
  #idleTicks = 0

  constructor(message: AdmitMessage, returns: R) {
    this.returns = returns
    const { asks } = message
    this.#asks = asks
    this.#hasTokens = asks.some(({ tokensPerMinute }) => tokensPerMinute !== undefined)
    this.#hasBudget = asks.some(({ budget }) => budget !== undefined)
    this.#hasParallel = asks.some(({ parallelRequests }) => parallelRequests !== undefined)
    this.#hasRates = asks.some(
      ({ requestsPerMinute, tokensPerMinute }) =>
        requestsPerMinute !== undefined || tokensPerMinute !== undefined,
    )
    this.#next = this.#reservedBy(message)
    this.#held = this.#next
    this.#least = this.#next
  }

  /** More are to be asked for, before the last ones are taken up. */
  get isLow(): boolean {
    return !this.isAsking && !this.isClosing && this.#left * 4 < this.#wanted
  }

  /** @returns what is to be asked for now. */
  ask(): { readonly message: AdmitMessage; readonly calls: number } {
    const message = { ...this.#next, asks: this.#asks }
    this.#next = NOTHING_RESERVED
    if (this.#ranOut) this.#wanted = Math.min(MOST, this.#wanted * 2)
    this.#ranOut = false
    this.isAsking = true
    this.#least = {
      tokens: Math.min(this.#held.tokens, message.tokens),
      cost: message.cost < this.#held.cost ? message.cost : this.#held.cost,
    }
    return { message, calls: Math.max(1, this.#wanted - this.#left) }
  }

  get asks(): readonly ScopeAsk[] {
    return this.#asks
  }

  /** How many ticks long nothing was taken up. */
  get idleTicks(): number {
    return this.#idleTicks
  }

  /** Whether a call used at most one reservation more than it had reserved, and of the accounts of which it had. */
  isLikeReserved({ asks, accounts, tokens, tokensReserved, cost, costReserved }: Settlement): boolean {
    if (this.#hasTokens && tokens - tokensReserved > this.#least.tokens) return false
    if (this.#hasBudget && cost - costReserved > this.#least.cost) return false
    for (let index = 0; index < asks.length; index += 1)
      if (asks[index]?.budget?.account !== accounts[index]) return false
    return this.fits(asks)
  }

  /** Whether a call has the limits of this advance. */
  fits(asks: readonly ScopeAsk[]): boolean {
    const own = this.#asks
    if (asks.length !== own.length) return false
    for (let index = 0; index < asks.length; index += 1) {
      const ask = asks[index]
      const known = own[index]
      if (ask === undefined || known === undefined || !limitsTheSame(ask, known)) return false
    }
    return true
  }

  /** @returns undefined when the call has to be asked for. */
  take(message: AdmitMessage, second: number): Admitted | undefined {
    this.#asks = message.asks
    if (this.#hasRates && second !== this.#second) this.release()
    const { tokens, cost } = this.#held
    const own = this.#reservedBy(message)
    const isLarger = own.tokens > tokens || own.cost > cost
    // Or else what no call fits into any more would be held for as long as they come.
    if (!isLarger) this.#takenInTick += 1
    this.#grow(own)
    if (this.#left === 0) this.#ranOut = true
    if (isLarger || this.#left === 0) return undefined
    this.#left -= 1
    if (own.tokens < tokens || own.cost !== cost)
      this.returns.lessen(this.#second, tokens - own.tokens, cost - own.cost)
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
    this.#least = this.#held
    this.isGranted = true
    this.#left += calls
    this.#second = second
    this.#uses = uses
    this.#takenSinceUses = 0
  }

  /** Gives back all that is left. */
  release(): void {
    this.#giveBack(this.#left)
  }

  /** Some time has passed: what is wanted is what was taken up in it, four times; what is left beyond that goes back. */
  tick(second: number): void {
    if (this.#hasRates && second !== this.#second) this.release()
    this.#idleTicks = this.#takenInTick === 0 ? this.#idleTicks + 1 : 0
    if (this.#takenInTick > 0) this.#wanted = Math.min(MOST, Math.max(FEWEST, this.#takenInTick * 4))
    this.#takenInTick = 0
    this.#giveBack(this.#left - this.#wanted)
  }

  #giveBack(calls: number): void {
    if (calls <= 0) return
    this.#left -= calls
    this.returns.giveBack(this.#second, calls, this.#held.tokens, this.#held.cost)
  }

  #reservedBy({ tokens, cost }: AdmitMessage): Reserved {
    return { tokens: this.#hasTokens ? tokens : 0, cost: this.#hasBudget ? cost : 0n }
  }

  #grow({ tokens, cost }: Reserved): void {
    const next = this.#next
    if (tokens <= next.tokens && cost <= next.cost) return
    this.#next = {
      tokens: Math.max(next.tokens, tokens),
      cost: cost > next.cost ? cost : next.cost,
    }
  }

  /** As if the calls since the last question had asked one after the other. */
  #usesOfNext(): readonly ScopeUse[] {
    const before = this.#takenSinceUses
    this.#takenSinceUses += 1
    const uses = this.#uses
    if (before === 0) return uses
    if (!this.#hasRates && !this.#hasParallel)
      return before === 1 ? (this.#uses = uses.map(withoutSettled)) : uses
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
