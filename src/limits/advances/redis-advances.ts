/**
 * Calls that Redis has admitted in advance for this process: where calls of one kind come fast and their limits are far,
 * most of them ask nobody. Nobody calls an advance back: it ends by itself after a moment, and who is refused meanwhile
 * asks again when it has (`limit-script.ts`).
 */
import type { GatheredChanges } from '../gathered-changes.ts'
import type { Admitted, AdmitMessage, ScopeAsk, ScopeUse, Settlement } from '../limit-store.ts'
import { Advance, type Advanced, type Returns } from './advance.ts'
import { BusyCalls } from './busy-calls.ts'
import { KnownSpend, type Marks } from './known-spend.ts'
import { OwnAdvances } from './own-advances.ts'

/** From when a question is sent until what it brought is given back. */
const LIFE_MS = 100
const TICK_MS = 25
/** An advance of which nothing was taken up for so long is closed. */
const MOST_IDLE_TICKS = 4

/** What is to be asked of Redis. */
export interface AdvanceQuestion {
  readonly advance: Advance<RedisReturns>
  readonly message: AdmitMessage
  readonly calls: number
  readonly marks: Marks
  /** Of the name under which this process holds what it has. */
  readonly generation: number
}

export interface RedisAdvancesOptions {
  readonly changes: GatheredChanges
  /** Epoch milliseconds. */
  readonly clock: () => number
  /** In Redis's time. */
  readonly secondOf: (nowMs: number) => number
  /** There is a question for the message of this turn. */
  readonly onQuestion: () => void
  /** Some time has passed: what has changed is to be told now. */
  readonly onTick: () => void
  /** Something is given back, with the next message. */
  readonly onGivenBack: () => void
}

/** Gives back to Redis what an advance does not use. */
export class RedisReturns implements Returns {
  /** Epoch milliseconds: nothing of it is taken up later. */
  untilMs = 0
  readonly #asks: readonly ScopeAsk[]
  readonly #changes: GatheredChanges
  readonly #onGivenBack: () => void

  constructor(asks: readonly ScopeAsk[], changes: GatheredChanges, onGivenBack: () => void) {
    this.#asks = asks
    this.#changes = changes
    this.#onGivenBack = onGivenBack
  }

  giveBack(second: number, calls: number, tokens: number, cost: bigint): void {
    this.giveBackRates(second, calls, 0)
    for (const { scope, parallelRequests } of this.#asks)
      if (parallelRequests !== undefined) this.#changes.addParallel(scope, -calls)
    this.lessen(second, tokens * calls, cost * BigInt(calls))
    this.#onGivenBack()
  }

  /** Requests and tokens count under no name. @param tokens of each. */
  giveBackRates(second: number, calls: number, tokens: number): void {
    for (const { scope, requestsPerMinute, tokensPerMinute } of this.#asks) {
      if (requestsPerMinute !== undefined) this.#changes.takeBackRequests(scope, second, calls)
      if (tokensPerMinute !== undefined) this.#changes.addTokens(scope, second, -tokens * calls)
    }
  }

  lessen(second: number, tokens: number, cost: bigint): void {
    for (const { scope, tokensPerMinute, budget } of this.#asks) {
      if (tokensPerMinute !== undefined) this.#changes.addTokens(scope, second, -tokens)
      if (budget !== undefined) this.#changes.addReserved(budget.account, -cost)
    }
  }
}

export class RedisAdvances {
  readonly #changes: GatheredChanges
  readonly #clock: () => number
  readonly #secondOf: (nowMs: number) => number
  readonly #onQuestion: () => void
  readonly #onTick: () => void
  readonly #onGivenBack: () => void
  readonly #busy = new BusyCalls()
  readonly #spend = new KnownSpend()
  #advances = new OwnAdvances<RedisReturns>()
  #low: Advance<RedisReturns>[] = []
  #generation = 0
  #timer: NodeJS.Timeout | undefined

  constructor(options: RedisAdvancesOptions) {
    const { changes, clock, secondOf, onQuestion, onTick, onGivenBack } = options
    this.#changes = changes
    this.#clock = clock
    this.#secondOf = secondOf
    this.#onQuestion = onQuestion
    this.#onTick = onTick
    this.#onGivenBack = onGivenBack
  }

  /** @returns undefined when the call has to be asked for. */
  take(message: AdmitMessage): Admitted | undefined {
    const { asks } = message
    const nowMs = this.#clock()
    const advance = this.#advances.get(asks)
    if (advance === undefined) {
      if (this.#busy.notice(asks, nowMs)) this.#begin(message)
      return undefined
    }
    if (!advance.fits(asks)) {
      this.#close(advance)
      return undefined
    }
    if (isSpent(asks) || !this.#spend.covers(asks)) return undefined
    if (nowMs >= advance.returns.untilMs) advance.release()
    const admitted = advance.take(message, this.#secondOf(nowMs))
    if (advance.isLow) this.#askForMore(advance)
    return admitted
  }

  /** @returns whether it is told soon enough with the next tick: no limit is near, and it is about what was reserved. */
  settled(settlement: Settlement): boolean {
    if (this.#advances.size === 0) return false
    this.#spend.add(settlement)
    const advance = this.#advances.get(settlement.asks)
    return advance?.isGranted === true && advance.isLikeReserved(settlement)
  }

  /** @returns some of what is to be asked now, behind all that is settled so far. */
  questions(most: number): readonly AdvanceQuestion[] {
    if (this.#low.length === 0) return NO_QUESTIONS
    const asking = this.#low.splice(0, most).filter(({ isClosing }) => !isClosing)
    return asking.map((advance) => {
      const { message, calls } = advance.ask()
      return { advance, message, calls, marks: this.#spend.asked(message.asks), generation: this.#generation }
    })
  }

  get hasQuestions(): boolean {
    return this.#low.length > 0
  }

  /** A call is asked for by itself, behind all that is settled so far. */
  asked(asks: readonly ScopeAsk[]): Marks | undefined {
    return this.#advances.size > 0 && this.#advances.get(asks) !== undefined
      ? this.#spend.asked(asks)
      : undefined
  }

  /** Such a call was admitted. */
  admitted(marks: Marks, uses: readonly ScopeUse[]): void {
    this.#spend.told(marks, uses)
  }

  /** @param sentAtMs when the question was sent. */
  answered(question: AdvanceQuestion, advanced: Advanced, sentAtMs: number): void {
    const { advance, message, marks, generation } = question
    // What was granted under a name that is no more is not held any more.
    if (generation !== this.#generation)
      return advance.returns.giveBackRates(advanced.second, advanced.calls, message.tokens)
    advance.returns.untilMs = sentAtMs + LIFE_MS
    advance.add(advanced, message)
    if (advanced.calls > 0) this.#spend.told(marks, advanced.uses)
    if (advance.isClosing) this.#release(advance)
    else if (advanced.calls === 0) {
      this.#close(advance)
      this.#busy.deny(advance.asks)
    }
  }

  /** Gives back at once what is in advance of a scope. */
  giveBack(scope: string): void {
    for (const advance of this.#advances.touching(scope)) this.#close(advance)
  }

  /** The name under which all is held in Redis is no more. @param isDataLost Redis has counted nothing of it. */
  drop(isDataLost: boolean): void {
    if (!isDataLost) for (const advance of this.#advances.list()) advance.release()
    this.#generation += 1
    this.#advances = new OwnAdvances()
    this.#low = []
    this.#spend.clear()
  }

  close(): void {
    for (const advance of this.#advances.list()) this.#close(advance)
    clearTimeout(this.#timer)
  }

  #begin(message: AdmitMessage): void {
    const advance = new Advance(message, new RedisReturns(message.asks, this.#changes, this.#onGivenBack))
    this.#advances.add(advance)
    this.#tickSoon()
    this.#askForMore(advance)
  }

  #tickSoon(): void {
    this.#timer ??= setTimeout(this.#tick, TICK_MS).unref()
  }

  #askForMore(advance: Advance<RedisReturns>): void {
    advance.isAsking = true
    if (this.#low.push(advance) === 1) this.#onQuestion()
  }

  /** Nothing is taken up of it any more. What is asked for still is given back when it comes. */
  #close(advance: Advance<RedisReturns>): void {
    this.#advances.delete(advance)
    this.#spend.forget(advance.asks)
    advance.isClosing = true
    this.#release(advance)
    // If nothing was left, of calls that took less than was reserved for them.
    if (advance.isGranted) this.#onGivenBack()
  }

  #release(advance: Advance<RedisReturns>): void {
    advance.release()
    this.#tickSoon()
  }

  readonly #tick = (): void => {
    this.#timer = undefined
    const nowMs = this.#clock()
    const second = this.#secondOf(nowMs)
    for (const advance of this.#advances.list()) {
      if (nowMs >= advance.returns.untilMs) advance.release()
      advance.tick(second)
      if (advance.idleTicks > MOST_IDLE_TICKS) this.#close(advance)
    }
    if (this.#advances.size > 0) this.#tickSoon()
    this.#onTick()
  }
}

const NO_QUESTIONS: readonly AdvanceQuestion[] = []

/** A budget that this process knows to be spent is refused by Redis, whatever was granted before. */
function isSpent(asks: readonly ScopeAsk[]): boolean {
  for (let index = 0; index < asks.length; index += 1) {
    const budget = asks[index]?.budget
    if (budget !== undefined && budget.spent >= budget.max) return true
  }
  return false
}
