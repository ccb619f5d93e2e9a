/** What all end users get who have no budget of their own: `max_end_user_budget`, or a budget by its id. */
import type { Picodollars } from '../money/picodollars.ts'
import type { Scope } from '../record/scope.ts'
import type { Database } from '../storage/database.ts'
import { findBudgetLimits, type BudgetLimits } from '../storage/queries/principals-limited.ts'
import { NO_SPEND } from '../storage/queries/spend-windows.ts'
import { modelLimits } from './model-limits.ts'
import { scopesOfModels } from './model-scopes.ts'
import { scopeLimits } from './principal-scopes.ts'
import type { ScopeBook } from './scope-book.ts'
import { UNLIMITED, type ScopeLimits } from './shared-scope.ts'

export interface EndUserDefaults {
  /** `litellm_settings.max_end_user_budget`. */
  readonly maxBudget: Picodollars | undefined
  /** `litellm_settings.max_end_user_budget_id`: its limits go before `maxBudget`. */
  readonly budgetId: string | undefined
}

type Scopes = readonly Scope[]

/** What an end user's calls are counted for. */
interface Known {
  readonly scopes: Scopes
  /** The same with that of a model, by the models that have been called. */
  readonly ofModels: Map<string, Scopes | Promise<Scopes>>
}

const NONE: Scopes = []

/** Scopes of end users that are kept at a time. */
const MOST_SCOPES = 20_000

export class DefaultEndUsers {
  readonly #database: Database
  readonly #book: ScopeBook
  readonly #known = new Map<string, Known>()
  #defaults: EndUserDefaults = { maxBudget: undefined, budgetId: undefined }
  #limits: ScopeLimits | undefined
  #models: ReadonlyMap<string, ScopeLimits> = new Map()
  #loaded = true

  constructor(database: Database, book: ScopeBook) {
    this.#database = database
    this.#book = book
  }

  configure(defaults: EndUserDefaults): void {
    this.#defaults = defaults
    this.#take(undefined)
    this.#loaded = defaults.budgetId === undefined
  }

  /** Reads the budget, unless it is known. Never rejects. */
  async load(): Promise<void> {
    if (!this.#loaded) await this.#read()
  }

  async #read(): Promise<void> {
    const { budgetId } = this.#defaults
    if (budgetId === undefined) return
    try {
      const budget = await findBudgetLimits(this.#database.sql, budgetId)
      if (budgetId !== this.#defaults.budgetId) return
      this.#take(budget)
      this.#loaded = true
    } catch {
      // The storage room reports a database that is away; the next round asks again.
    }
  }

  #take(budget: BudgetLimits | undefined): void {
    const { maxBudget } = this.#defaults
    const ofSetting = maxBudget === undefined ? undefined : { ...UNLIMITED, maxBudget }
    const limits = budget?.limits ?? null
    this.#limits = limits === null ? ofSetting : scopeLimits(limits)
    this.#models = modelLimits({}, budget?.model_budgets)
    this.#known.clear()
  }

  /**
   * An end user begins at zero spent, and is read soon: a name that nobody knows delays no call. A model's budget is
   * the exception: what is spent of it is booked only from when the database has a row of it.
   */
  scopesOf(id: string, modelGroup: string): Scopes | Promise<Scopes> {
    if (this.#limits === undefined) return NONE
    const known = this.#known.get(id) ?? this.#begin(id, this.#limits)
    const limits = this.#models.get(modelGroup)
    if (limits === undefined) return known.scopes
    return known.ofModels.get(modelGroup) ?? this.#beginModel(id, known, modelGroup, limits)
  }

  #begin(id: string, limits: ScopeLimits): Known {
    const scope = this.#book.take({ kind: 'end_user', id, label: id, ...limits, spend: NO_SPEND })
    this.#book.readSoon(scope)
    const known = { scopes: [scope], ofModels: new Map() }
    this.#known.set(id, known)
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MOST_SCOPES) break
      this.#known.delete(oldest)
    }
    return known
  }

  #beginModel(id: string, known: Known, model: string, limits: ScopeLimits): Scopes | Promise<Scopes> {
    const owner = { kind: 'end_user_model', id, label: id } as const
    const ofModel = scopesOfModels(owner, new Map([[model, limits]]), null, this.#book).map(
      ({ scope }) => scope,
    )
    const scopes = [...known.scopes, ...ofModel]
    if (limits.maxBudget === null) {
      known.ofModels.set(model, scopes)
      return scopes
    }
    const read = this.#book
      .readSpends(ofModel)
      // The database is away: the next round asks again.
      .catch(() => ofModel.forEach((scope) => this.#book.readSoon(scope)))
      .then(() => {
        known.ofModels.set(model, scopes)
        return scopes
      })
    known.ofModels.set(model, read)
    return read
  }

  customerChanged(id: string): void {
    this.#known.delete(id)
  }

  budgetChanged(budgetId: string): void {
    if (budgetId === this.#defaults.budgetId) void this.#read()
  }
}
