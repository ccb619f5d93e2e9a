/** Limits counted in this process: for a gateway that is one process, and while a shared store is lost. */
import type {
  AdmitAnswer,
  Admitted,
  AdmitMessage,
  BudgetAsk,
  LimitStore,
  Refused,
  ScopeAsk,
  ScopeUse,
  Settlement,
  Tally,
} from './limit-store.ts'
import { asksRates } from './admit-message.ts'
import { Leases } from './leases.ts'
import { MinuteWindow } from './minute-window.ts'

/** Who holds what is taken, where there is only one holder. */
const SELF = ''

/** Counts that nobody asked for so long are forgotten: of a budget the asker knows what is settled. */
const FORGET_AFTER_MS = 600_000
const SWEEP_EVERY_MS = 60_000

/** What a scope and an account take with their names: measured, of scopes that limit requests or tokens or both. */
const SCOPE_BYTES = 1_300
const ACCOUNT_BYTES = 500

/** Of calls together. */
export interface Amounts {
  readonly calls: number
  readonly tokens: number
  /** Picodollars. */
  readonly cost: bigint
}

const NO_AMOUNTS: Amounts = { calls: 0, tokens: 0, cost: 0n }

/** Windows are made when they are first needed: most scopes limit one thing. */
interface ScopeCount {
  requests: MinuteWindow | undefined
  tokens: MinuteWindow | undefined
  readonly parallel: Leases
  usedAtMs: number
}

interface Account {
  readonly reserved: Leases
  settled: bigint
  usedAtMs: number
}

/** What a holder has taken and not given back. */
export interface Held {
  readonly parallel: ReadonlyMap<string, number>
  /** By account: picodollars. */
  readonly reserved: ReadonlyMap<string, bigint>
}

export class MemoryLimitStore implements LimitStore {
  readonly available = true
  readonly mirrored = false
  readonly #clock: () => number
  readonly #scopes = new Map<string, ScopeCount>()
  readonly #accounts = new Map<string, Account>()
  #sweptAtMs: number

  /** @param clock epoch milliseconds. */
  constructor(clock: () => number) {
    this.#clock = clock
    this.#sweptAtMs = clock()
  }

  get heldBytes(): number {
    return this.#scopes.size * SCOPE_BYTES + this.#accounts.size * ACCOUNT_BYTES
  }

  /** @param holder who will settle the call: a process that may die before it does, when this store serves several. */
  admit(message: AdmitMessage, holder: string = SELF): AdmitAnswer {
    const nowMs = this.#now()
    const { asks } = message
    for (let index = 0; index < asks.length; index += 1) {
      const ask = asks[index]
      const refused = ask === undefined ? undefined : this.#refusal(ask, index, nowMs)
      if (refused !== undefined) return refused
    }
    return this.#take(asks, amountsOf(message, 1), holder, nowMs)
  }

  /** Counts calls that were admitted elsewhere, or all at once, for the same asks. */
  count(asks: readonly ScopeAsk[], amounts: Amounts, holder: string = SELF): void {
    this.#take(asks, amounts, holder, this.#now())
  }

  settle(settlement: Settlement, holder: string = SELF): void {
    const nowMs = this.#now()
    const second = Math.floor(nowMs / 1000)
    const { asks, accounts, cost, costReserved } = settlement
    for (let index = 0; index < asks.length; index += 1) {
      const ask = asks[index]
      if (ask === undefined) continue
      if (ask.parallelRequests !== undefined) this.#scope(ask.scope, nowMs).parallel.give(holder, 1n)
      if (ask.tokensPerMinute !== undefined)
        settleTokens(tokensOf(this.#scope(ask.scope, nowMs)), settlement, second)
      if (ask.budget !== undefined)
        this.#account(ask.budget.account, nowMs).reserved.give(holder, costReserved)
      const account = accounts[index]
      if (account !== undefined && cost !== 0n) this.#account(account, nowMs).settled += cost
    }
  }

  /** Counts what many calls settle, and takes back what is not needed as if it had never been admitted. */
  settleAll(tally: Tally, holder: string = SELF): void {
    const { asks, second, ended, unneeded, tokensBack, tokensMore, costBack, cost } = tally
    const nowMs = this.#now()
    const nowSecond = Math.floor(nowMs / 1000)
    for (const ask of asks) {
      if (ask.budget !== undefined) {
        const { account } = ask.budget
        const counted = this.#account(account, nowMs)
        counted.reserved.give(holder, costBack)
        counted.settled += cost
      }
      if (!asksRates(ask)) continue
      const scope = this.#scope(ask.scope, nowMs)
      if (ask.parallelRequests !== undefined) scope.parallel.give(holder, BigInt(ended))
      if (ask.requestsPerMinute !== undefined) requestsOf(scope).correct(nowSecond, second, -unneeded)
      if (ask.tokensPerMinute === undefined) continue
      const tokens = tokensOf(scope)
      tokens.correct(nowSecond, second, -tokensBack)
      tokens.correct(nowSecond, second, tokensMore)
    }
  }

  /** What an asker knows to be spent beyond what is counted, by account: picodollars. */
  missing(asks: readonly ScopeAsk[]): Map<string, bigint> {
    const missing = new Map<string, bigint>()
    for (const { budget } of asks) {
      if (budget === undefined) continue
      const { account, spent } = budget
      const beyond = spent - (this.#accounts.get(account)?.settled ?? 0n)
      if (beyond > 0n) missing.set(account, beyond)
    }
    return missing
  }

  /** Counts spend of an account that no settlement tells of: picodollars. */
  spent(account: string, amount: bigint): void {
    this.#account(account, this.#now()).settled += amount
  }

  /** Takes up what an asker knows to be spent, as its admission would. */
  learn(asks: readonly ScopeAsk[]): void {
    const nowMs = this.#now()
    for (const { budget } of asks) if (budget !== undefined) this.#raised(budget, nowMs)
  }

  /**
   * How many calls like this one could be admitted now, one after the other, and after what is admitted `before` them;
   * zero for calls that reserve nothing of a limit that they ask.
   */
  room(message: AdmitMessage, before: Amounts = NO_AMOUNTS): number {
    const nowMs = this.#now()
    const each = amountsOf(message, 1)
    let room = Infinity
    for (const ask of message.asks) room = Math.min(room, this.#roomOf(ask, each, before, nowMs))
    return Math.max(0, Math.floor(room))
  }

  /** Frees all that a holder has taken: it is no more. */
  forget(holder: string): void {
    for (const scope of this.#scopes.values()) scope.parallel.forget(holder)
    for (const account of this.#accounts.values()) account.reserved.forget(holder)
  }

  held(holder: string = SELF): Held {
    const parallel = new Map<string, number>()
    const reserved = new Map<string, bigint>()
    for (const [name, scope] of this.#scopes) {
      const count = scope.parallel.of(holder)
      if (count > 0n) parallel.set(name, Number(count))
    }
    for (const [name, account] of this.#accounts) {
      const amount = account.reserved.of(holder)
      if (amount > 0n) reserved.set(name, amount)
    }
    return { parallel, reserved }
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  #roomOf(ask: ScopeAsk, each: Amounts, before: Amounts, nowMs: number): number {
    let room = Infinity
    if (ask.budget !== undefined) {
      const { settled, reserved } = this.#raised(ask.budget, nowMs)
      const left = ask.budget.max - settled - reserved.sum - before.cost
      room = each.cost === 0n ? 0 : Number(left / each.cost)
    }
    if (!asksRates(ask)) return room
    const { requestsPerMinute, tokensPerMinute, parallelRequests } = ask
    const scope = this.#scope(ask.scope, nowMs)
    const second = Math.floor(nowMs / 1000)
    if (requestsPerMinute !== undefined)
      room = Math.min(room, requestsPerMinute - requestsOf(scope).sum(second) - before.calls)
    if (tokensPerMinute !== undefined) {
      const left = tokensPerMinute - tokensOf(scope).sum(second) - before.tokens
      room = Math.min(room, each.tokens === 0 ? 0 : left / each.tokens)
    }
    if (parallelRequests !== undefined)
      room = Math.min(room, parallelRequests - Number(scope.parallel.sum) - before.calls)
    return room
  }

  #refusal(ask: ScopeAsk, index: number, nowMs: number): Refused | undefined {
    if (ask.budget !== undefined) {
      const account = this.#raised(ask.budget, nowMs)
      const reserved = account.reserved.sum
      if (account.settled + reserved >= ask.budget.max)
        return { ...refusal(index, 'budget', String(account.settled), 0), reserved: String(reserved) }
    }
    if (!asksRates(ask)) return undefined
    const { requestsPerMinute, tokensPerMinute, parallelRequests } = ask
    const scope = this.#scope(ask.scope, nowMs)
    if (requestsPerMinute !== undefined) {
      const refused = refusalOf(requestsOf(scope), requestsPerMinute, index, 'requests', nowMs)
      if (refused !== undefined) return refused
    }
    if (tokensPerMinute !== undefined) {
      const refused = refusalOf(tokensOf(scope), tokensPerMinute, index, 'tokens', nowMs)
      if (refused !== undefined) return refused
    }
    if (parallelRequests !== undefined && scope.parallel.sum >= BigInt(parallelRequests))
      return refusal(index, 'parallel', String(scope.parallel.sum), 0)
    return undefined
  }

  /** @returns what is used after the last of the calls. */
  #take(asks: readonly ScopeAsk[], taken: Amounts, holder: string, nowMs: number): Admitted {
    const second = Math.floor(nowMs / 1000)
    const uses: ScopeUse[] = []
    for (const ask of asks) uses.push(this.#takeOf(ask, taken, holder, second, nowMs))
    return { admitted: true, second, uses }
  }

  #takeOf(ask: ScopeAsk, taken: Amounts, holder: string, second: number, nowMs: number): ScopeUse {
    let settled: bigint | undefined
    if (ask.budget !== undefined) {
      const account = this.#raised(ask.budget, nowMs)
      account.reserved.take(holder, taken.cost)
      settled = account.settled
    }
    const { requestsPerMinute, tokensPerMinute, parallelRequests } = ask
    if (!asksRates(ask)) return { requests: 0, tokens: 0, parallel: 0, settled }
    const scope = this.#scope(ask.scope, nowMs)
    if (parallelRequests !== undefined) scope.parallel.take(holder, BigInt(taken.calls))
    return {
      requests: requestsPerMinute === undefined ? 0 : requestsOf(scope).add(second, taken.calls),
      tokens: tokensPerMinute === undefined ? 0 : tokensOf(scope).add(second, taken.tokens),
      parallel: Number(scope.parallel.sum),
      settled,
    }
  }

  #scope(name: string, nowMs: number): ScopeCount {
    let scope = this.#scopes.get(name)
    if (scope === undefined) {
      scope = { requests: undefined, tokens: undefined, parallel: new Leases(), usedAtMs: nowMs }
      this.#scopes.set(name, scope)
    }
    scope.usedAtMs = nowMs
    return scope
  }

  #account(name: string, nowMs: number): Account {
    let account = this.#accounts.get(name)
    if (account === undefined) {
      account = { reserved: new Leases(), settled: 0n, usedAtMs: nowMs }
      this.#accounts.set(name, account)
    }
    account.usedAtMs = nowMs
    return account
  }

  /** The account, which knows at least as much spend as the asker. */
  #raised(budget: BudgetAsk, nowMs: number): Account {
    const account = this.#account(budget.account, nowMs)
    if (budget.spent > account.settled) account.settled = budget.spent
    return account
  }

  #now(): number {
    const nowMs = this.#clock()
    if (nowMs - this.#sweptAtMs >= SWEEP_EVERY_MS) this.#sweep(nowMs)
    return nowMs
  }

  #sweep(nowMs: number): void {
    this.#sweptAtMs = nowMs
    const idleSinceMs = nowMs - FORGET_AFTER_MS
    for (const [name, scope] of this.#scopes) {
      if (scope.usedAtMs < idleSinceMs && scope.parallel.sum === 0n) this.#scopes.delete(name)
    }
    for (const [name, account] of this.#accounts) {
      if (account.usedAtMs < idleSinceMs && account.reserved.sum === 0n) this.#accounts.delete(name)
    }
  }
}

/** What so many calls like this one reserve. */
export function amountsOf({ tokens, cost }: AdmitMessage, calls: number): Amounts {
  return { calls, tokens: tokens * calls, cost: cost * BigInt(calls) }
}

function requestsOf(scope: ScopeCount): MinuteWindow {
  scope.requests ??= new MinuteWindow()
  return scope.requests
}

function tokensOf(scope: ScopeCount): MinuteWindow {
  scope.tokens ??= new MinuteWindow()
  return scope.tokens
}

function refusalOf(
  window: MinuteWindow,
  limit: number,
  ask: number,
  kind: 'requests' | 'tokens',
  nowMs: number,
): Refused | undefined {
  const used = window.sum(Math.floor(nowMs / 1000))
  return used < limit ? undefined : refusal(ask, kind, String(used), window.freeInMs(nowMs, limit))
}

function settleTokens(window: MinuteWindow, settlement: Settlement, second: number): void {
  const { second: reservedIn, tokens, tokensReserved } = settlement
  if (reservedIn === undefined) window.correct(second, second, tokens)
  else window.correct(second, reservedIn, tokens - tokensReserved)
}

function refusal(ask: number, limit: Refused['limit'], used: string, freeInMs: number): Refused {
  return { admitted: false, ask, limit, used, reserved: '0', freeInMs }
}
