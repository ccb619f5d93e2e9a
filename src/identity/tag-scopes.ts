/** The limits of tags, as calls carry them: of those that have a budget of their own, by row or by configuration. */
import type { Picodollars } from '../money/picodollars.ts'
import type { Scope } from '../record/scope.ts'
import type { Database } from '../storage/database.ts'
import { findLimitedTag, listLimitedTags } from '../storage/queries/principals-limited.ts'
import { readSpend } from '../storage/queries/spend-windows.ts'
import { LimitedNames } from './limited-names.ts'
import { modelLimits } from './model-limits.ts'
import { scopesByModel, scopesOfCall, scopesOfModels, type ScopesByModel } from './model-scopes.ts'
import { scopeLimits } from './principal-scopes.ts'
import type { ScopeBook } from './scope-book.ts'
import { UNLIMITED } from './shared-scope.ts'

/** `litellm_settings.tag_budget_config` of one tag. */
export interface TagBudget {
  readonly maxBudget: Picodollars
  readonly duration: string | undefined
}

const NONE: readonly Scope[] = []

export class TagScopes {
  readonly #database: Database
  readonly #book: ScopeBook
  readonly #tags: LimitedNames<ScopesByModel>
  #configured: ReadonlyMap<string, TagBudget> = new Map()

  constructor(database: Database, book: ScopeBook) {
    this.#database = database
    this.#book = book
    this.#tags = new LimitedNames<ScopesByModel>({
      list: async (most) => [...this.#configured.keys(), ...(await listLimitedTags(database.sql, most))],
      find: async (tag) => await this.#find(tag),
    })
  }

  configure(budgets: ReadonlyMap<string, TagBudget>): void {
    for (const tag of [...this.#configured.keys(), ...budgets.keys()]) this.#tags.changed(tag)
    this.#configured = budgets
  }

  /** Reads which tags have limits, unless that is known. */
  async load(): Promise<void> {
    if (!this.#tags.loaded) await this.#tags.load()
  }

  /** Scopes of the tags that have limits, and of the model within them. */
  scopesOf(tags: readonly string[], modelGroup: string): readonly Scope[] | Promise<readonly Scope[]> {
    let scopes = NONE
    for (const tag of tags) {
      const ofTag = this.#tags.get(tag)
      if (ofTag instanceof Promise) return this.#readScopes(tags, modelGroup)
      if (ofTag !== undefined) scopes = [...scopes, ...scopesOfCall(ofTag, modelGroup)]
    }
    return scopes
  }

  async #readScopes(tags: readonly string[], modelGroup: string): Promise<readonly Scope[]> {
    const scopes = await Promise.all(tags.map(async (tag) => await this.#tags.get(tag)))
    return scopes.flatMap((ofTag) => (ofTag === undefined ? [] : scopesOfCall(ofTag, modelGroup)))
  }

  async #find(tag: string): Promise<ScopesByModel | undefined> {
    const row = await findLimitedTag(this.#database.sql, tag)
    const { limits, spend } = row
    const configured = this.#configured.get(tag)
    if (limits === null && configured === undefined) return undefined
    const scope = this.#book.take({
      kind: 'tag',
      id: tag,
      label: tag,
      ...(limits === null
        ? { ...UNLIMITED, maxBudget: configured?.maxBudget ?? null, duration: configured?.duration ?? null }
        : scopeLimits(limits)),
      spend: readSpend(spend),
    })
    const ofModels = scopesOfModels(
      { kind: 'tag_model', id: tag, label: tag },
      modelLimits({}, row.model_budgets),
      row.model_spends,
      this.#book,
    )
    await this.#book.writeWindows([scope, ...ofModels.map((each) => each.scope)])
    return scopesByModel([scope], ofModels)
  }

  tagChanged(tag: string): void {
    this.#tags.changed(tag)
  }

  budgetChanged(): void {
    this.#tags.allChanged()
  }

  changesLost(): void {
    this.#tags.changesLost()
  }
}
