/** How much of their rates scopes had used when they were last asked about: for metrics, which ask no store. */
import type { Scope } from '../record/scope.ts'
import type { Refused, ScopeUse } from './limit-store.ts'
import { LIVE_SECONDS } from './minute-window.ts'

/** Requests and tokens of the last minute. */
export interface RateUse {
  readonly requests: number
  readonly tokens: number
}

interface NotedUse {
  requests: number
  tokens: number
  atMs: number
}

const UNUSED: RateUse = { requests: 0, tokens: 0 }

export class RateUses {
  readonly #uses = new WeakMap<Scope, NotedUse>()

  note(scope: Scope, use: ScopeUse, nowMs: number): void {
    const noted = this.#of(scope)
    noted.requests = use.requests
    noted.tokens = use.tokens
    noted.atMs = nowMs
  }

  /** A refusal tells of the one limit that was reached. */
  noteRefusal(scope: Scope, refused: Refused, nowMs: number): void {
    if (refused.limit !== 'requests' && refused.limit !== 'tokens') return
    const noted = this.#of(scope)
    noted[refused.limit] = Number(refused.used)
    noted.atMs = nowMs
  }

  /** What was counted a minute ago, and nothing since, counts no more. */
  of(scope: Scope, nowMs: number): RateUse {
    const noted = this.#uses.get(scope)
    return noted === undefined || nowMs - noted.atMs >= LIVE_SECONDS * 1000 ? UNUSED : noted
  }

  #of(scope: Scope): NotedUse {
    let noted = this.#uses.get(scope)
    if (noted === undefined) {
      noted = { requests: 0, tokens: 0, atMs: 0 }
      this.#uses.set(scope, noted)
    }
    return noted
  }
}
