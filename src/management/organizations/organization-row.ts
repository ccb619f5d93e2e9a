/** Organizations as the management API shows them. */
import type { Kysely, Transaction } from 'kysely'
import type { Schema } from '../../storage/database.ts'
import { findBudgets, type BudgetRow } from '../../storage/queries/principals-keys.ts'
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
    members: [],
    teams: (teamsOf.get(row.organization_id) ?? []).map((team) =>
      teamOnWire(team, membersOf.get(team.team_id) ?? []),
    ),
    created_at: isoOf(row.created_at),
    created_by: row.created_by,
    updated_at: isoOf(row.updated_at),
    updated_by: row.updated_by,
  }))
}

function budgetOf(row: OrganizationRow, budgets: ReadonlyMap<string, BudgetRow>) {
  const budget = row.budget_id === null ? undefined : budgets.get(row.budget_id)
  return budget === undefined ? null : budgetOnWire(budget)
}
