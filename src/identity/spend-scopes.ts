/** The scopes that spend is counted for: one object per scope in a process, however many principals share it. */
import { picodollars, type Picodollars } from '../money/picodollars.ts'
import type { Scope, ScopeKind } from '../record/scope.ts'

/** What the database holds of a scope. Amounts in picodollars. */
export interface ScopeFacts {
  readonly kind: ScopeKind
  readonly id: string
  readonly label: string
  readonly maxBudget: bigint | null
  /** All that was ever settled: it only grows. */
  readonly total: bigint
  /** The part of the total that no longer counts, since a budget window ended or an administrator set the spend. */
  readonly baseline: bigint
  readonly resetsAt: Date | null
}

class SharedScope implements Scope {
  readonly kind: ScopeKind
  readonly id: string
  label: string
  readonly requestsPerMinute = undefined
  readonly tokensPerMinute = undefined
  readonly parallelRequests = undefined
  readonly softBudget = undefined
  maxBudget: Picodollars | undefined
  spent: Picodollars
  resetsAtMs: number | undefined
  #baseline: bigint

  constructor(facts: ScopeFacts) {
    this.kind = facts.kind
    this.id = facts.id
    this.label = facts.label
    this.maxBudget = facts.maxBudget === null ? undefined : picodollars(facts.maxBudget)
    this.resetsAtMs = facts.resetsAt?.getTime()
    this.#baseline = facts.baseline
    this.spent = picodollars(facts.total - facts.baseline)
  }

  get budgetWindow(): string {
    return String(this.#baseline)
  }

  /**
   * Takes up what the database says. Its total may lack what this process has settled and not yet written down, and
   * this process's total may lack what others have settled; the truth is at least the larger of the two. Totals never
   * shrink (a reset moves the baseline), so that the larger one is always right to keep, and a reset still takes
   * effect at once. What stays uncounted until the next refresh is at most the spend of the ledger's unwritten batch.
   */
  refresh(facts: ScopeFacts): void {
    const known = this.spent + this.#baseline
    const total = facts.total > known ? facts.total : known
    this.#baseline = facts.baseline
    this.spent = picodollars(total - facts.baseline)
    this.maxBudget = facts.maxBudget === null ? undefined : picodollars(facts.maxBudget)
    this.resetsAtMs = facts.resetsAt?.getTime()
    this.label = facts.label
  }
}

export class SpendScopes {
  /** Weak, so that a scope lives as long as a principal or a call under way holds it, and no longer. */
  readonly #scopes = new Map<string, WeakRef<SharedScope>>()
  readonly #collected = new FinalizationRegistry<string>((key) => {
    if (this.#scopes.get(key)?.deref() === undefined) this.#scopes.delete(key)
  })

  /** The shared object of a scope, brought up to what the database says. */
  take(facts: ScopeFacts): Scope {
    const key = `${facts.kind} ${facts.id}`
    const known = this.#scopes.get(key)?.deref()
    if (known !== undefined) {
      known.refresh(facts)
      return known
    }
    const scope = new SharedScope(facts)
    this.#scopes.set(key, new WeakRef(scope))
    this.#collected.register(scope, key)
    return scope
  }
}
