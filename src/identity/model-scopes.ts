/** Scopes of single models within a key, a user, a team, …; and which scopes a call of a model is counted for. */
import type { Scope, ScopeKind } from '../record/scope.ts'
import { modelScopeId } from '../storage/queries/principals.ts'
import { readSpend, type SpendJson } from '../storage/queries/spend-windows.ts'
import type { ScopeBook } from './scope-book.ts'
import type { ScopeLimits, SharedScope } from './shared-scope.ts'

/** Scopes that hold for all calls, and for those of single model groups. */
export interface ScopesByModel {
  readonly scopes: readonly Scope[]
  /** The same with those of one model, by model group; undefined when no model has limits of its own. */
  readonly modelScopes: ReadonlyMap<string, readonly Scope[]> | undefined
}

export interface ModelScope {
  readonly model: string
  readonly scope: SharedScope
}

/** What models are limited in. */
export interface ModelOwner {
  readonly kind: Extract<ScopeKind, `${string}_model`>
  readonly id: string
  readonly label: string
  readonly alias?: string | undefined
}

/** Spend by the ids of scopes, as a query answers it. */
export type Spends = Readonly<Record<string, SpendJson>> | null

export function scopesOfModels(
  { kind, id: ownerId, label, alias }: ModelOwner,
  limits: ReadonlyMap<string, ScopeLimits>,
  spends: Spends,
  book: ScopeBook,
): readonly ModelScope[] {
  return [...limits].map(([model, limitsOfModel]) => {
    const id = modelScopeId(ownerId, model)
    const names = { ownerId, label: `${model} of ${label}`, alias }
    return {
      model,
      scope: book.take({ kind, id, ...names, ...limitsOfModel, spend: readSpend(spends?.[id]) }),
    }
  })
}

export function scopesByModel(scopes: readonly Scope[], ofModels: readonly ModelScope[]): ScopesByModel {
  if (ofModels.length === 0) return { scopes, modelScopes: undefined }
  const byModel = Map.groupBy(ofModels, ({ model }) => model)
  const modelScopes = new Map(
    [...byModel].map(([model, each]) => [model, [...scopes, ...each.map(({ scope }) => scope)]] as const),
  )
  return { scopes, modelScopes }
}

/** What a call of the model group is counted for. */
export function scopesOfCall({ scopes, modelScopes }: ScopesByModel, modelGroup: string): readonly Scope[] {
  return modelScopes?.get(modelGroup) ?? scopes
}
