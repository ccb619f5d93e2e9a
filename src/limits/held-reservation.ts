/** What an admitted call holds, until it settles. */
import { ZERO, type Picodollars } from '../money/picodollars.ts'
import type { Scope, ScopeKind } from '../record/scope.ts'
import type { AdmitMessage, LimitStore, ScopeAsk, Settlement } from './limit-store.ts'
import type { Reservation } from './limits.ts'
import { accountOf } from './scope-names.ts'

/** A store that counted the call, and the second in which it did; undefined where it had counted no rates. */
export interface CountedBy {
  readonly store: LimitStore
  readonly second: number | undefined
}

/** What a call that moves to another deployment takes there anew. */
const OF_DEPLOYMENT: readonly ScopeKind[] = ['deployment', 'provider', 'proxy']

export class HeldReservation implements Reservation {
  readonly headers: readonly string[]
  readonly #stores: readonly CountedBy[]
  readonly #message: AdmitMessage
  #scopes: readonly Scope[]
  #asks: readonly ScopeAsk[]

  /** @param scopes those of the message's asks, in their order. */
  constructor(
    stores: readonly CountedBy[],
    scopes: readonly Scope[],
    message: AdmitMessage,
    headers: readonly string[],
  ) {
    this.headers = headers
    this.#stores = stores
    this.#scopes = scopes
    this.#message = message
    this.#asks = message.asks
  }

  settle(tokens: number, cost: Picodollars): void {
    const scopes = this.#scopes
    const asks = this.#asks
    this.#scopes = []
    this.#asks = []
    if (asks.length > 0) this.#settle(scopes, asks, Math.ceil(tokens), cost)
  }

  leaveDeployment(): void {
    const leaving = this.#scopes.map((scope) => OF_DEPLOYMENT.includes(scope.kind))
    if (!leaving.includes(true)) return
    this.#settle(
      this.#scopes.filter((_, index) => leaving[index]),
      this.#asks.filter((_, index) => leaving[index]),
      0,
      ZERO,
    )
    this.#scopes = this.#scopes.filter((_, index) => leaving[index] === false)
    this.#asks = this.#asks.filter((_, index) => leaving[index] === false)
  }

  #settle(scopes: readonly Scope[], asks: readonly ScopeAsk[], tokens: number, cost: Picodollars): void {
    // A window may have ended since: the cost counts in the one that is open now, as in the ledger.
    const accounts = asks.map((ask, index) => accountNow(ask, scopes[index]))
    const { tokens: tokensReserved, cost: costReserved } = this.#message
    for (const { store, second } of this.#stores) {
      const settlement: Settlement = { asks, accounts, second, tokensReserved, tokens, costReserved, cost }
      store.settle(settlement)
    }
  }
}

function accountNow(ask: ScopeAsk, scope: Scope | undefined): string | undefined {
  return ask.budget === undefined || scope === undefined ? undefined : accountOf(scope)
}

/** Of a call that nothing is asked for. */
export const NOTHING_HELD: Reservation = { headers: [], settle() {}, leaveDeployment() {} }
