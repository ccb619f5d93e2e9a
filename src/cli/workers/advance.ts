/**
 * Calls that the process above has admitted in advance for a worker: real admissions in the one count, which calls of
 * the same scopes and limits take up without a question. What is not taken up is given back.
 */
import type {
  Admitted,
  AdmitMessage,
  ScopeAsk,
  ScopeUse,
  Settlement,
  Tally,
} from '../../limits/limit-store.ts'
import { limitsTheSame } from '../../limits/same-asks.ts'
import type { Advanced } from './limit-steps.ts'
import { Tallies } from './tallies.ts'

/** The fewest calls that are worth a question, and the most. */
const FEWEST = 16
const MOST = 512

/** What each of some calls has reserved. */
interface Reserved {
  readonly tokens: number
  readonly cost: bigint
}

const NOTHING_RESERVED: Reserved = { tokens: 0, cost: 0n }

export class Advance {
  readonly id: number
  /** A question for more is under way. */
  isAsking = false
  isClosing = false
  /** The process above knows of it, and can call it back. */
  isGranted = false
  readonly #onUntold: (advance: Advance) => void
  readonly #tallies = new Tallies()
  /** What calls like those that are under way ask: the next question asks it too. */
  #asks: readonly ScopeAsk[]
  /** Requests and tokens count in the second of their admission: in that one they are taken up, or given back. */
  readonly #hasRates: boolean
  /** What is not limited is reserved of nothing: calls of all sizes are alike there. */
  readonly #hasTokens: boolean
  readonly #hasBudget: boolean
  /** Of the next question: enough for every call since the last one. */
  #next: Reserved
  #held: Reserved
  /** The lesser of what is held and what is asked for: the process above knows one of them. */
  #least: Reserved
  #left = 0
  #second = 0
  #uses: readonly ScopeUse[] = []
  #takenSinceUses = 0
  #wanted = FEWEST
  #ranOut = false
  #takenInTick = 0
  #idleTicks = 0

  /** @param onUntold there is something to be told now, where there was nothing. */
  constructor(id: number, message: AdmitMessage, onUntold: (advance: Advance) => void) {
    this.id = id
    this.#onUntold = onUntold
    const { asks } = message
    this.#asks = asks
    this.#hasTokens = asks.some(({ tokensPerMinute }) => tokensPerMinute !== undefined)
    this.#hasBudget = asks.some(({ budget }) => budget !== undefined)
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

  /** So many settlements are not told that exceed what was reserved, each by one reservation at most. */
  get exceeding(): number {
    return this.#tallies.exceeding
  }

  /** @returns false for a settlement that has to be told by itself. */
  settle(settlement: Settlement): boolean {
    const { second } = settlement
    if (!this.isGranted || this.isClosing || second === undefined || !this.#isLikeReserved(settlement))
      return false
    this.#untold().settle(second, settlement)
    return true
  }

  /** @returns what is not told yet: it is told now. */
  tell(): readonly Tally[] {
    return this.#tallies.take(this.#asks)
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
      this.#untold().lessen(this.#second, tokens - own.tokens, cost - own.cost)
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
    this.#untold().giveBack(this.#second, calls, this.#held.tokens, this.#held.cost)
  }

  #untold(): Tallies {
    if (this.#tallies.isEmpty) this.#onUntold(this)
    return this.#tallies
  }

  /** A call used at most one reservation more than it had reserved, and of the accounts of which it had. */
  #isLikeReserved({ asks, accounts, tokens, tokensReserved, cost, costReserved }: Settlement): boolean {
    if (this.#hasTokens && tokens - tokensReserved > this.#least.tokens) return false
    if (this.#hasBudget && cost - costReserved > this.#least.cost) return false
    for (let index = 0; index < asks.length; index += 1)
      if (asks[index]?.budget?.account !== accounts[index]) return false
    return this.fits(asks)
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
