/** What limits are, as simply as it can be said: every call is kept, and counted anew for each question. */
import type { AdmitMessage, BudgetAsk, Refused, ScopeAsk, Settlement } from '../../src/limits/limit-store.ts'

interface Counted {
  readonly second: number
  amount: number
}

interface Call {
  readonly process: string
  readonly message: AdmitMessage
  /** Its entries among the tokens, by scope. */
  readonly tokens: ReadonlyMap<string, Counted>
}

export interface ModelUse {
  readonly requests: number
  readonly tokens: number
  readonly parallel: number
  readonly settled: bigint | undefined
}

export class LimitModel {
  nowMs = Date.UTC(2026, 0, 5)
  readonly calls = new Set<Call>()
  readonly #requests = new Map<string, Counted[]>()
  readonly #tokens = new Map<string, Counted[]>()
  readonly #settled = new Map<string, bigint>()

  /** The refusing ask and its limit, or the call. */
  admit(process: string, message: AdmitMessage): Call | Pick<Refused, 'ask' | 'limit' | 'used'> {
    for (const [ask, asked] of message.asks.entries()) {
      const refused = this.#refusal(asked)
      if (refused !== undefined) return { ask, ...refused }
    }
    const tokens = new Map<string, Counted>()
    for (const ask of message.asks) {
      if (ask.requestsPerMinute !== undefined) this.#count(this.#requests, ask.scope, 1)
      if (ask.tokensPerMinute !== undefined)
        tokens.set(ask.scope, this.#count(this.#tokens, ask.scope, message.tokens))
    }
    const call = { process, message, tokens }
    this.calls.add(call)
    return call
  }

  /** What an asker knows to be spent is known of all that it asks, also when it is refused. */
  learn(asks: readonly ScopeAsk[]): void {
    for (const { budget } of asks) if (budget !== undefined) this.#raise(budget)
  }

  use(ask: ScopeAsk): ModelUse {
    return {
      requests: ask.requestsPerMinute === undefined ? 0 : this.#sum(this.#requests, ask.scope),
      tokens: ask.tokensPerMinute === undefined ? 0 : this.#sum(this.#tokens, ask.scope),
      parallel: ask.parallelRequests === undefined ? 0 : this.#parallel(ask.scope),
      settled: ask.budget === undefined ? undefined : (this.#settled.get(ask.budget.account) ?? 0n),
    }
  }

  settle(call: Call, { tokens, tokensReserved, cost, accounts }: Settlement): void {
    this.calls.delete(call)
    for (const [scope, counted] of call.tokens) {
      if (tokens < tokensReserved) counted.amount -= tokensReserved - tokens
      else this.#count(this.#tokens, scope, tokens - tokensReserved)
    }
    for (const account of accounts) {
      if (account !== undefined) this.#settled.set(account, (this.#settled.get(account) ?? 0n) + cost)
    }
  }

  /** Its calls settle nothing any more, and hold nothing. */
  die(process: string): void {
    for (const call of this.calls) if (call.process === process) this.calls.delete(call)
  }

  #refusal(ask: ScopeAsk): Pick<Refused, 'limit' | 'used'> | undefined {
    if (ask.budget !== undefined) {
      const settled = this.#raise(ask.budget)
      if (settled + this.#reserved(ask.budget.account) >= ask.budget.max)
        return { limit: 'budget', used: String(settled) }
    }
    const use = this.use(ask)
    if (use.requests >= (ask.requestsPerMinute ?? Infinity))
      return { limit: 'requests', used: String(use.requests) }
    if (use.tokens >= (ask.tokensPerMinute ?? Infinity)) return { limit: 'tokens', used: String(use.tokens) }
    if (use.parallel >= (ask.parallelRequests ?? Infinity))
      return { limit: 'parallel', used: String(use.parallel) }
    return undefined
  }

  #raise({ account, spent }: BudgetAsk): bigint {
    const known = this.#settled.get(account) ?? 0n
    const settled = spent > known ? spent : known
    this.#settled.set(account, settled)
    return settled
  }

  #count(counts: Map<string, Counted[]>, scope: string, amount: number): Counted {
    const counted = { second: Math.floor(this.nowMs / 1000), amount }
    counts.set(scope, [...(counts.get(scope) ?? []), counted])
    return counted
  }

  /** A second counts while it goes on, and for the sixty that follow. */
  #sum(counts: Map<string, Counted[]>, scope: string): number {
    const now = Math.floor(this.nowMs / 1000)
    const live = (counts.get(scope) ?? []).filter(({ second }) => now - second <= 60)
    return live.reduce((sum, { amount }) => sum + amount, 0)
  }

  #parallel(scope: string): number {
    return [...this.calls].filter(({ message }) =>
      message.asks.some((ask) => ask.scope === scope && ask.parallelRequests !== undefined),
    ).length
  }

  #reserved(account: string): bigint {
    return [...this.calls]
      .filter(({ message }) => message.asks.some((ask) => ask.budget?.account === account))
      .reduce((sum, { message }) => sum + message.cost, 0n)
  }
}
