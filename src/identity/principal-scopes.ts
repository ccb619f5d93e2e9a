/** What a key's calls are counted for and limited by: its scopes, and those of single models within each of them. */
import type { Scope, ScopeKind } from '../record/scope.ts'
import {
  organizationMemberScopeId,
  teamMemberScopeId,
  windowScopeId,
  type LimitsJson,
  type PrincipalRow,
} from '../storage/queries/principals.ts'
import { readSpend, type SpendJson } from '../storage/queries/spend-windows.ts'
import { withModelDefaults } from './key-defaults.ts'
import { modelLimits, readDollars } from './model-limits.ts'
import {
  scopesByModel,
  scopesOfModels,
  type ModelScope,
  type ScopesByModel,
  type Spends,
} from './model-scopes.ts'
import type { ScopeBook } from './scope-book.ts'
import { windowLimits } from './window-limits.ts'
import type { BudgetIncrease, ScopeFacts, ScopeLimits, SharedScope } from './shared-scope.ts'

export function callerScopes(row: PrincipalRow, book: ScopeBook): ScopesByModel {
  return scopesByModel([...ownScopes(row, book), ...windowScopes(row, book)], scopesOfAllModels(row, book))
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
    names: ScopeNames,
    limits: LimitsJson,
    spend: SpendJson | null,
    metadata?: Record<string, unknown> | null,
  ): SharedScope =>
    book.take({
      kind,
      ...names,
      ...scopeLimits(limits),
      spend: readSpend(spend),
      increase: temporaryIncrease(metadata ?? {}),
    })
  const scopes = [take('key', keyNames(row), row.key_limits, row.key_spend, row.metadata)]
  if (teamId === null) {
    if (userId !== null) {
      const names = userNames(row, userId)
      scopes.push(take('user', names, row.user_limits, row.user_spend, row.user_metadata))
    }
  } else {
    scopes.push(take('team', teamNames(row, teamId), row.team_limits, row.team_spend, row.team_metadata))
    if (memberId !== null) {
      const names = memberNames(row, teamId, memberId)
      scopes.push(take('team_member', names, row.member_limits, row.member_spend))
    }
  }
  if (organizationId !== null) {
    const names = organizationNames(row, organizationId)
    scopes.push(take('organization', names, row.organization_limits, row.organization_spend))
    const { organization_member_user_id: inOrganization } = row
    if (inOrganization !== null) {
      const member = organizationMemberNames(row, organizationId, inOrganization)
      const { organization_member_limits: limits, organization_member_spend: spend } = row
      scopes.push(take('organization_member', member, limits, spend))
    }
  }
  return scopes
}

type ScopeNames = Pick<ScopeFacts, 'id' | 'label' | 'alias' | 'email'>

function keyNames({ key_hash: id, key_alias: alias, key_name: name }: PrincipalRow): ScopeNames {
  return { id, label: keyLabel(alias, name), alias: alias ?? undefined }
}

function userNames({ user_email: email, user_alias: alias }: PrincipalRow, id: string): ScopeNames {
  return { id, label: userLabel(email, alias, id), alias: alias ?? undefined, email: email ?? undefined }
}

function teamNames({ team_alias: alias }: PrincipalRow, id: string): ScopeNames {
  return { id, label: alias ?? id, alias: alias ?? undefined }
}

function memberNames(row: PrincipalRow, teamId: string, userId: string): ScopeNames {
  const label = `${row.user_email ?? userId} in ${row.team_alias ?? teamId}`
  return { id: teamMemberScopeId(teamId, userId), label }
}

function organizationNames({ organization_alias: alias }: PrincipalRow, id: string): ScopeNames {
  return { id, label: alias ?? id, alias: alias ?? undefined }
}

/** How a key is called in refusals and alerts. */
export function keyLabel(alias: string | null, name: string): string {
  return alias === null ? name : `${alias} (${name})`
}

export function userLabel(email: string | null, alias: string | null, userId: string): string {
  return email ?? alias ?? userId
}

function organizationMemberNames(row: PrincipalRow, organizationId: string, userId: string): ScopeNames {
  const label = `${row.user_email ?? userId} in ${row.organization_alias ?? organizationId}`
  return { id: organizationMemberScopeId(organizationId, userId), label }
}

function windowScopes(row: PrincipalRow, book: ScopeBook): readonly Scope[] {
  const { team_id: teamId } = row
  const scopes = scopesOfWindows('key_window', keyNames(row), row.key_windows, row.key_window_spends, book)
  if (teamId === null) return scopes
  const { team_windows: windows, team_window_spends: spends } = row
  return [...scopes, ...scopesOfWindows('team_window', teamNames(row, teamId), windows, spends, book)]
}

function scopesOfWindows(
  kind: 'key_window' | 'team_window',
  owner: ScopeNames,
  windows: unknown,
  spends: Spends,
  book: ScopeBook,
): readonly Scope[] {
  return [...windowLimits(windows)].map(([duration, limits]) => {
    const id = windowScopeId(owner.id, duration)
    const names = { ownerId: owner.id, label: `${owner.label}, ${duration}`, alias: owner.alias }
    return book.take({ kind, id, ...names, ...limits, spend: readSpend(spends?.[id]) })
  })
}

/** Models within each that the key spends from. */
function scopesOfAllModels(row: PrincipalRow, book: ScopeBook): readonly ModelScope[] {
  const { team_id: teamId, known_user_id: userId, member_user_id: memberId, organization_id: ofId } = row
  const ofTeam = modelLimits(row.team_metadata ?? {}, row.team_model_budgets)
  const ofKey = withModelDefaults(modelLimits(row.metadata, row.key_model_budgets), ofTeam, book.keyDefaults)
  const scopes = [
    ...scopesOfModels({ kind: 'key_model', ...keyNames(row) }, ofKey, row.key_model_spends, book),
  ]
  if (teamId === null && userId !== null) {
    const limits = modelLimits(row.user_metadata ?? {}, row.user_model_budgets)
    const owner = { kind: 'user_model', ...userNames(row, userId) } as const
    scopes.push(...scopesOfModels(owner, limits, row.user_model_spends, book))
  }
  if (teamId !== null) {
    const owner = { kind: 'team_model', ...teamNames(row, teamId) } as const
    scopes.push(...scopesOfModels(owner, ofTeam, row.team_model_spends, book))
    if (memberId !== null) {
      const limits = modelLimits({}, row.member_model_budgets)
      const member = { kind: 'team_member_model', ...memberNames(row, teamId, memberId) } as const
      scopes.push(...scopesOfModels(member, limits, row.member_model_spends, book))
    }
  }
  if (ofId !== null) {
    const limits = modelLimits(row.organization_metadata ?? {}, row.organization_model_budgets)
    const owner = { kind: 'organization_model', ...organizationNames(row, ofId) } as const
    scopes.push(...scopesOfModels(owner, limits, row.organization_model_spends, book))
    const { organization_member_user_id: inOrganization } = row
    if (inOrganization !== null) {
      const ofMember = modelLimits({}, row.organization_member_model_budgets)
      const names = organizationMemberNames(row, ofId, inOrganization)
      const member = { kind: 'organization_member_model', ...names } as const
      scopes.push(...scopesOfModels(member, ofMember, row.organization_member_model_spends, book))
    }
  }
  return scopes
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
