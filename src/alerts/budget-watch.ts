/** Notices that spend has crossed a line of a budget: a comparison a settlement, and a look now and then. */
import { ZERO, type Picodollars } from '../money/picodollars.ts'
import type { CallerFacts } from '../record/call-record.ts'
import type { Scope } from '../record/scope.ts'
import { budgetLines, linesCrossed, nextLine, type BudgetLine } from './budget-lines.ts'

/** A scope as it was when it crossed lines. */
export interface Crossing {
  readonly scope: Readonly<Scope>
  readonly caller: CallerFacts | undefined
  /** Not empty; as listed by `budgetLines`. */
  readonly lines: readonly BudgetLine[]
}

/** Sweeps that a scope is looked at after its last settlement: others may have spent from it since. */
const SWEEPS_AFTER_SETTLEMENT = 30

class WatchedScope {
  readonly scope: Scope
  caller: CallerFacts | undefined
  sweepsLeft = 0
  #window: string
  #maxBudget: Picodollars | undefined
  #softBudget: Picodollars | undefined
  #lines: readonly BudgetLine[]
  /** Spend up to which lines have been told. */
  #told: Picodollars = ZERO
  #next: Picodollars | undefined

  constructor(scope: Scope) {
    this.scope = scope
    this.#window = scope.budgetWindow
    this.#maxBudget = scope.maxBudget
    this.#softBudget = scope.softBudget
    this.#lines = budgetLines(scope.maxBudget, scope.softBudget)
    this.#next = nextLine(this.#lines, ZERO)
  }

  /** The lines crossed since the last look; undefined when there is none, which is nearly always. */
  look(): readonly BudgetLine[] | undefined {
    const { scope } = this
    if (
      scope.budgetWindow !== this.#window ||
      scope.maxBudget !== this.#maxBudget ||
      scope.softBudget !== this.#softBudget
    ) {
      this.#beginAnew()
    }
    if (this.#next === undefined || scope.spent < this.#next) return undefined
    const crossed = linesCrossed(this.#lines, this.#told, scope.spent)
    this.#told = scope.spent
    this.#next = nextLine(this.#lines, scope.spent)
    return crossed
  }

  /** Another window, or another budget: all lines are ahead again. Those told before are known by their claims. */
  #beginAnew(): void {
    this.#window = this.scope.budgetWindow
    this.#maxBudget = this.scope.maxBudget
    this.#softBudget = this.scope.softBudget
    this.#lines = budgetLines(this.#maxBudget, this.#softBudget)
    this.#told = ZERO
    this.#next = nextLine(this.#lines, ZERO)
  }
}

export class BudgetWatch {
  readonly #onCrossing: (crossing: Crossing) => void
  readonly #watched = new WeakMap<Scope, WatchedScope>()
  /** Scopes settled lately, looked at by each sweep. */
  #recent = new Set<WatchedScope>()

  constructor(onCrossing: (crossing: Crossing) => void) {
    this.#onCrossing = onCrossing
  }

  spent(scopes: readonly Scope[], caller: CallerFacts | undefined): void {
    for (const scope of scopes) {
      if (scope.maxBudget === undefined && scope.softBudget === undefined) continue
      const watched = this.#watch(scope)
      watched.caller = caller
      if (watched.sweepsLeft === 0) this.#recent.add(watched)
      watched.sweepsLeft = SWEEPS_AFTER_SETTLEMENT
      this.#look(watched)
    }
  }

  #watch(scope: Scope): WatchedScope {
    const known = this.#watched.get(scope)
    if (known !== undefined) return known
    const watched = new WatchedScope(scope)
    this.#watched.set(scope, watched)
    return watched
  }

  /**
   * Looks again at the scopes settled lately: what other processes spend reaches `spent` without a settlement here, and
   * a budget that is used up has no further settlements.
   */
  sweep(): void {
    for (const watched of this.#recent) {
      this.#look(watched)
      watched.sweepsLeft -= 1
      if (watched.sweepsLeft === 0) this.#recent.delete(watched)
    }
  }

  #look(watched: WatchedScope): void {
    const lines = watched.look()
    if (lines === undefined) return
    this.#onCrossing({ scope: copyOf(watched.scope), caller: watched.caller, lines })
  }
}

/** Member by member: scopes have accessors, which a spread would leave out. */
function copyOf(scope: Scope): Scope {
  return {
    kind: scope.kind,
    id: scope.id,
    ownerId: scope.ownerId,
    label: scope.label,
    requestsPerMinute: scope.requestsPerMinute,
    tokensPerMinute: scope.tokensPerMinute,
    parallelRequests: scope.parallelRequests,
    maxBudget: scope.maxBudget,
    softBudget: scope.softBudget,
    budgetWindow: scope.budgetWindow,
    resetsAtMs: scope.resetsAtMs,
    spent: scope.spent,
  }
}
