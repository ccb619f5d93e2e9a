/**
 * What an admission asks of the place where limits are counted, and what that place answers. Messages are plain data, for
 * a store may live in Redis or in another process; amounts are picodollars.
 */

/** The four things that a scope can limit. */
export type LimitKind = 'requests' | 'tokens' | 'parallel' | 'budget'

/** A budget as the asking process knows it. */
export interface BudgetAsk {
  /** Scope and window: with another window the count begins anew. */
  readonly account: string
  readonly max: bigint
  /** Settled as far as the asker knows: the store's own figure is raised to it, and never lowered. */
  readonly spent: bigint
}

/** What one scope limits. A member that is absent limits nothing. */
export interface ScopeAsk {
  /** Kind and id of the scope. */
  readonly scope: string
  readonly requestsPerMinute: number | undefined
  readonly tokensPerMinute: number | undefined
  readonly parallelRequests: number | undefined
  readonly budget: BudgetAsk | undefined
}

export interface AdmitMessage {
  /** Reserved of each scope that limits tokens. */
  readonly tokens: number
  /** Reserved of each budget. */
  readonly cost: bigint
  readonly asks: readonly ScopeAsk[]
}

/** A scope after the call was counted, in the order of the asks; zero, and undefined, where it limits nothing. */
export interface ScopeUse {
  /** Within the last minute. */
  readonly requests: number
  readonly tokens: number
  readonly parallel: number
  /** Settled spend of the account. */
  readonly settled: bigint | undefined
}

export interface Admitted {
  readonly admitted: true
  /** The store's second in which requests and tokens were counted: the settlement gives it back. */
  readonly second: number
  readonly uses: readonly ScopeUse[]
}

export interface Refused {
  readonly admitted: false
  /** Index of the ask that refused. */
  readonly ask: number
  readonly limit: LimitKind
  /** Requests, tokens or calls in use; for a budget the settled amount, as decimal text of picodollars. */
  readonly used: string
  /** For a budget: what calls under way have reserved of it, as decimal text of picodollars; else `0`. */
  readonly reserved: string
  /** When requests or tokens will be free again; zero where the store cannot know. */
  readonly freeInMs: number
}

export type AdmitAnswer = Admitted | Refused

/** How a call that was admitted ended, or left some of its scopes. */
export interface Settlement {
  /** The asks that it was admitted with, or some of them: each is settled once. */
  readonly asks: readonly ScopeAsk[]
  /** In the order of the asks: the account that the cost is counted for now, for its window may have ended meanwhile. */
  readonly accounts: readonly (string | undefined)[]
  /** Of the admission; undefined when this store did not admit the call: then it had reserved no tokens here. */
  readonly second: number | undefined
  readonly tokensReserved: number
  readonly tokens: number
  readonly costReserved: bigint
  readonly cost: bigint
}

/**
 * What calls that were admitted for the same asks in the same second used and gave back, together. Their cost counts
 * for the accounts that they reserved of.
 */
export interface Tally {
  readonly asks: readonly ScopeAsk[]
  /** Of the admissions. */
  readonly second: number
  /** Calls that ended, or were not made. */
  readonly ended: number
  /** Those of them that were not made: they are no requests. */
  readonly unneeded: number
  /** Reserved and not used. */
  readonly tokensBack: number
  /** Used beyond what was reserved. */
  readonly tokensMore: number
  /** No longer reserved. */
  readonly costBack: bigint
  readonly cost: bigint
}

/** Where limits are counted. */
export interface LimitStore {
  /** False: to ask would fail, or take too long. Each process then goes on by its policy for the loss of the store. */
  readonly available: boolean
  /** True: what it admits is counted in the process's own store too, which so can go on from there. */
  readonly mirrored: boolean
  /**
   * Counts the call for all scopes, or for none when one of them is at its limit.
   * @throws (or rejects) when the store does not answer: the call may have been counted there or not.
   */
  admit(message: AdmitMessage): AdmitAnswer | Promise<AdmitAnswer>
  /** Never waits and never throws. */
  settle(settlement: Settlement): void
  close(): Promise<void>
}
