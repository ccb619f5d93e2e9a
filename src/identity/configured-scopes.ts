/** Scopes that the configuration limits, and no row of a principal: deployments, providers, the gateway as a whole. */
import type { Scope } from '../record/scope.ts'
import { NO_SPEND } from '../storage/queries/spend-windows.ts'
import type { ScopeBook } from './scope-book.ts'
import type { ScopeLimits, SharedScope } from './shared-scope.ts'

export interface ConfiguredLimits extends ScopeLimits {
  readonly kind: 'deployment' | 'provider' | 'proxy'
  /** As the totals of spend have it: the deployment's id, the provider's name, `proxy`. */
  readonly id: string
  readonly label: string
}

/** Their windows begin at the latest so long after the last ones have ended. */
const ADVANCE_EVERY_MS = 500

export class ConfiguredScopes {
  readonly #book: ScopeBook
  #scopes: readonly SharedScope[] = []
  #advancing: NodeJS.Timeout | undefined

  constructor(book: ScopeBook) {
    this.#book = book
  }

  /**
   * Takes the place of what the last configuration limited. What a scope has spent stays.
   * @returns the scopes, in the order of the limits.
   */
  replace(limits: readonly ConfiguredLimits[]): readonly Scope[] {
    this.#scopes = limits.map((limit) => this.#book.take({ ...limit, spend: NO_SPEND }))
    for (const scope of this.#scopes) this.#book.readSoon(scope)
    this.close()
    if (this.#scopes.length > 0) this.#advancing = setInterval(() => this.advance(), ADVANCE_EVERY_MS).unref()
    return this.#scopes
  }

  /** Brings their windows up to the clock: no call asks identity for these scopes. */
  advance(): void {
    this.#book.use(this.#scopes)
  }

  close(): void {
    clearInterval(this.#advancing)
  }
}
