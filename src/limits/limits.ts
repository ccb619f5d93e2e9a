/**
 * The face of limits to the call path: a call is admitted over all its scopes at once, or refused, and settles what
 * it had reserved when it ends.
 */
import type { Usage } from '../dialects/usage.ts'
import { GatewayError, type GatewayErrorOptions, type ErrorCode } from '../errors/gateway-error.ts'
import type { Picodollars } from '../money/picodollars.ts'
import type { Scope, ScopeKind } from '../record/scope.ts'
import type { ModelPrice } from '../spend/prices/model-price.ts'

export interface AdmissionRequest {
  readonly callId: string
  readonly atMs: number
  /** Scopes that limit something (`isLimited`); not empty. */
  readonly scopes: readonly Scope[]
  readonly modelGroup: string
  /** Undefined, or a price of zero: budgets are not asked. */
  readonly price: ModelPrice | undefined
  /** Estimate of the request's tokens. */
  readonly inputTokens: number
  /** The client's bound on the output, when it gave one. It bounds the reservation, and is never reserved itself. */
  readonly maxOutputTokens: number | undefined
}

/** What an admitted call holds. */
export interface Reservation {
  /** `x-ratelimit-*` and kin for the answer, as a flat list of names and values. */
  readonly headers: readonly string[]
  /**
   * Gives back what was reserved and counts what was used: once a call, whatever its ending; never waits.
   * @param tokens by `tokensOf` the call's usage.
   */
  settle(tokens: number, cost: Picodollars): void
  /**
   * Gives back what is reserved of deployment and provider, of which the call has used nothing: its next attempt goes
   * elsewhere, with a reservation of its own.
   */
  leaveDeployment(): void
}

export interface Limits {
  /**
   * Answers without a promise when the limits are kept in this process.
   * @throws LimitError (thrown, or as rejection) when a scope is at its limit: then nothing is counted for any scope.
   */
  admit(request: AdmissionRequest): Reservation | Promise<Reservation>
  /** The tokens of a call that its limits of tokens count. */
  tokensOf(usage: Usage): number
  /** Tells how much output a call of a model group had, so that the next reservations are near the truth. */
  learn(modelGroup: string, outputTokens: number): void
  close(): Promise<void>
}

/** A refusal by a limit. The call path tries another deployment when `scopeKind` is `deployment` or `provider`. */
export class LimitError extends GatewayError {
  readonly scopeKind: ScopeKind

  constructor(scopeKind: ScopeKind, code: ErrorCode, message: string, options: GatewayErrorOptions) {
    super(code, message, options)
    this.scopeKind = scopeKind
  }
}
