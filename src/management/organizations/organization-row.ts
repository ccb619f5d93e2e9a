/** Organizations as the management API shows them. */
import type { Kysely, Transaction } from 'kysely'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Schema } from '../../storage/database.ts'
import { findBudgets, type BudgetRow } from '../../storage/queries/principals-keys.ts'
import { findOrganizationMembers } from '../../storage/queries/principals-organization-members.ts'
import type { OrganizationRow } from '../../storage/queries/principals-organizations.ts'
import { findMembers, listTeams } from '../../storage/queries/principals-teams.ts'
import { budgetOnWire } from '../keys/key-row.ts'
import { teamOnWire } from '../teams/team-row.ts'
import { isoOf } from '../wire/fields.ts'
import { resetOnWire, spendOnWire } from '../wire/limits.ts'

export async function organizationsOnWire(
  database: Kysely<Schema> | Transaction<Schema>,
  rows: readonly OrganizationRow[],
) {
  const ids = rows.flatMap((row) => (row.budget_id === null ? [] : [row.budget_id]))
  const budgets = new Map((await findBudgets(database, ids)).map((budget) => [budget.budget_id, budget]))
  const organizationIds = rows.map((row) => row.organization_id)
  const teams = await listTeams(database, { memberIds: [], organizationIds })
  const members = await findMembers(
    database,
    teams.map((team) => team.team_id),
  )
  const membersOf = Map.groupBy(members, (member) => member.team_id)
  const ownMembers = await organizationMembersOnWire(database, organizationIds)
  const ownMembersOf = Map.groupBy(ownMembers, (member) => member.organization_id)
  const teamsOf = Map.groupBy(teams, (team) => team.organization_id)
  return rows.map((row) => ({
    organization_id: row.organization_id,
    organization_alias: row.organization_alias,
    budget_id: row.budget_id,
    spend: spendOnWire(row.spend),
    budget_reset_at: resetOnWire(row.spend),
    metadata: row.metadata,
    models: row.models,
    object_permission: null,
    object_permission_id: null,
    ...row.details,
    litellm_budget_table: budgetOf(row, budgets),
    users: null,
    members: ownMembersOf.get(row.organization_id) ?? [],
    teams: (teamsOf.get(row.organization_id) ?? []).map((team) =>
      teamOnWire(team, membersOf.get(team.team_id) ?? []),
    ),
    created_at: isoOf(row.created_at),
    created_by: row.created_by,
    updated_at: isoOf(row.updated_at),
    updated_by: row.updated_by,
  }))
}

export type ShownOrganization = Awaited<ReturnType<typeof organizationsOnWire>>[number]

/** Members of organizations, each with its budget. */
export async function organizationMembersOnWire(
  database: Kysely<Schema> | Transaction<Schema>,
  organizationIds: readonly string[],
) {
  const rows = await findOrganizationMembers(database, organizationIds)
  const ids = rows.flatMap((row) => row.budget_id ?? [])
  const budgets = new Map((await findBudgets(database, ids)).map((budget) => [budget.budget_id, budget]))
  return rows.map((row) => ({
    user_id: row.user_id,
    organization_id: row.organization_id,
    user_role: row.role,
    user_email: row.user_email,
    spend: spendOnWire(row.spend),
    budget_reset_at: resetOnWire(row.spend),
    budget_id: row.budget_id,
    litellm_budget_table: budgetOf(row, budgets),
    created_at: isoOf(row.created_at),
    updated_at: isoOf(row.updated_at),
  }))
}

export function organizationNotFound(organizationId: string): GatewayError {
  return new GatewayError('not_found', `Organization not found: ${organizationId}.`, {
    param: 'organization_id',
  })
}

function budgetOf(row: { readonly budget_id: string | null }, budgets: ReadonlyMap<string, BudgetRow>) {
  const budget = row.budget_id === null ? undefined : budgets.get(row.budget_id)
  return budget === undefined ? null : budgetOnWire(budget)
}
