/** What a key's calls are counted for and limited by: its scopes, and those of single models within key and team. */
import type { Scope, ScopeKind } from '../record/scope.ts'
import {
  modelScopeId,
  teamMemberScopeId,
  windowScopeId,
  type LimitsJson,
  type PrincipalRow,
} from '../storage/queries/principals.ts'
import { readSpend, type SpendJson } from '../storage/queries/spend-windows.ts'
import { withModelDefaults } from './key-defaults.ts'
import { modelLimits, readDollars } from './model-limits.ts'
import type { ScopeBook } from './scope-book.ts'
import { windowLimits } from './window-limits.ts'
import type { BudgetIncrease, ScopeFacts, ScopeLimits, SharedScope } from './shared-scope.ts'

export interface CallerScopes {
  /** The key's own first. */
  readonly scopes: readonly Scope[]
  /** The same with those of one model, by model group; undefined when no model has limits of its own. */
  readonly modelScopes: ReadonlyMap<string, readonly Scope[]> | undefined
}

export function callerScopes(row: PrincipalRow, book: ScopeBook): CallerScopes {
  const scopes = [...ownScopes(row, book), ...windowScopes(row, book)]
  const ofModels = [...keyModelScopes(row, book), ...teamModelScopes(row, book)]
  if (ofModels.length === 0) return { scopes, modelScopes: undefined }
  const byModel = Map.groupBy(ofModels, ({ model }) => model)
  const modelScopes = new Map(
    [...byModel].map(([model, each]) => [model, [...scopes, ...each.map(({ scope }) => scope)]] as const),
  )
  return { scopes, modelScopes }
}

/** A team's key spends from the team and the membership; the user's own budget is for personal keys. */
function ownScopes(row: PrincipalRow, book: ScopeBook): readonly Scope[] {
  const {
    team_id: teamId,
    known_user_id: userId,
    member_user_id: memberId,
    organization_id: organizationId,
  } = row
  const take = (
    kind: ScopeKind,
    id: string,
    names: ScopeNames,
    limits: LimitsJson,
    spend: SpendJson | null,
    metadata?: Record<string, unknown> | null,
  ): SharedScope =>
    book.take({
      kind,
      id,
      ...names,
      ...scopeLimits(limits),
      spend: readSpend(spend),
      increase: temporaryIncrease(metadata ?? {}),
    })
  const ofKey = named(keyLabel(row.key_alias, row.key_name), row.key_alias)
  const scopes = [take('key', row.key_hash, ofKey, row.key_limits, row.key_spend, row.metadata)]
  if (teamId === null) {
    if (userId !== null) {
      const label = userLabel(row.user_email, row.user_alias, userId)
      const names = { ...named(label, row.user_alias), email: row.user_email ?? undefined }
      scopes.push(take('user', userId, names, row.user_limits, row.user_spend, row.user_metadata))
    }
  } else {
    const names = named(row.team_alias ?? teamId, row.team_alias)
    scopes.push(take('team', teamId, names, row.team_limits, row.team_spend, row.team_metadata))
    if (memberId !== null) {
      const label = `${row.user_email ?? memberId} in ${row.team_alias ?? teamId}`
      const id = teamMemberScopeId(teamId, memberId)
      scopes.push(take('team_member', id, { label }, row.member_limits, row.member_spend))
    }
  }
  if (organizationId !== null) {
    const names = named(row.organization_alias ?? organizationId, row.organization_alias)
    scopes.push(take('organization', organizationId, names, row.organization_limits, row.organization_spend))
  }
  return scopes
}

type ScopeNames = Pick<ScopeFacts, 'label' | 'alias' | 'email'>

function named(label: string, alias: string | null): ScopeNames {
  return { label, alias: alias ?? undefined }
}

/** How a key is called in refusals and alerts. */
export function keyLabel(alias: string | null, name: string): string {
  return alias === null ? name : `${alias} (${name})`
}

export function userLabel(email: string | null, alias: string | null, userId: string): string {
  return email ?? alias ?? userId
}

function windowScopes(row: PrincipalRow, book: ScopeBook): readonly Scope[] {
  const { key_hash: keyHash, team_id: teamId, team_alias: teamAlias } = row
  const ofKey = named(keyLabel(row.key_alias, row.key_name), row.key_alias)
  const scopes = scopesOfWindows('key_window', keyHash, ofKey, row.key_windows, row.key_window_spends, book)
  if (teamId === null) return scopes
  const ofTeam = named(teamAlias ?? teamId, teamAlias)
  const { team_windows: windows, team_window_spends: spends } = row
  return [...scopes, ...scopesOfWindows('team_window', teamId, ofTeam, windows, spends, book)]
}

function scopesOfWindows(
  kind: 'key_window' | 'team_window',
  ownerId: string,
  owner: ScopeNames,
  windows: unknown,
  spends: Spends,
  book: ScopeBook,
): readonly Scope[] {
  return [...windowLimits(windows)].map(([duration, limits]) => {
    const id = windowScopeId(ownerId, duration)
    const names = { label: `${owner.label}, ${duration}`, alias: owner.alias }
    return book.take({ kind, id, ...names, ...limits, spend: readSpend(spends?.[id]) })
  })
}

type Spends = Readonly<Record<string, SpendJson>> | null

interface ModelScope {
  readonly model: string
  readonly scope: Scope
}

function keyModelScopes(row: PrincipalRow, book: ScopeBook): readonly ModelScope[] {
  const own = modelLimits(row.metadata, row.key_model_budgets)
  const limits = withModelDefaults(own, teamModelLimits(row), book.keyDefaults)
  const names = named(keyLabel(row.key_alias, row.key_name), row.key_alias)
  return scopesOfModels('key_model', row.key_hash, names, limits, row.key_model_spends, book)
}

function teamModelScopes(row: PrincipalRow, book: ScopeBook): readonly ModelScope[] {
  if (row.team_id === null) return []
  const limits = teamModelLimits(row)
  const names = named(row.team_alias ?? row.team_id, row.team_alias)
  return scopesOfModels('team_model', row.team_id, names, limits, row.team_model_spends, book)
}

function teamModelLimits(row: PrincipalRow): ReadonlyMap<string, ScopeLimits> {
  return modelLimits(row.team_metadata ?? {}, row.team_model_budgets)
}

function scopesOfModels(
  kind: 'key_model' | 'team_model',
  ownerId: string,
  owner: ScopeNames,
  limits: ReadonlyMap<string, ScopeLimits>,
  spends: Spends,
  book: ScopeBook,
): readonly ModelScope[] {
  return [...limits].map(([model, limitsOfModel]) => {
    const id = modelScopeId(ownerId, model)
    const facts = {
      kind,
      id,
      label: `${model} of ${owner.label}`,
      alias: owner.alias,
      ...limitsOfModel,
      spend: readSpend(spends?.[id]),
    }
    return { model, scope: book.take(facts) }
  })
}

export function scopeLimits({ max, soft, rpm, tpm, parallel, duration }: LimitsJson): ScopeLimits {
  return {
    maxBudget: toBigint(max),
    softBudget: toBigint(soft),
    requestsPerMinute: toBigint(rpm),
    tokensPerMinute: toBigint(tpm),
    parallelRequests: toBigint(parallel),
    duration,
  }
}

function toBigint(value: string | number | null): bigint | null {
  return value === null ? null : BigInt(value)
}

/** `temp_budget_increase` (USD) and `temp_budget_expiry` (a moment) of a row's metadata. */
export function temporaryIncrease(metadata: Readonly<Record<string, unknown>>): BudgetIncrease | undefined {
  const expiry = metadata['temp_budget_expiry']
  const amount = readDollars(metadata['temp_budget_increase'])
  const untilMs = typeof expiry === 'string' ? Date.parse(expiry) : Number.NaN
  return amount === undefined || Number.isNaN(untilMs) ? undefined : { amount, untilMs }
}
