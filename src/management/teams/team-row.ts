/** A team as the management API shows it. */
import type { BudgetRow } from '../../storage/queries/principals-keys.ts'
import type { MemberRow, TeamRow } from '../../storage/queries/principals-teams.ts'
import { budgetOnWire } from '../keys/key-row.ts'
import { dollarsOf, isoOf } from '../wire/fields.ts'
import { readSpend } from '../../storage/queries/spend-windows.ts'
import { limitsOf, spendOnWire } from '../wire/limits.ts'

const DETAIL_DEFAULTS = {
  admins: [],
  members: [],
  model_id: null,
  object_permission: null,
  object_permission_id: null,
  router_settings: null,
  access_group_ids: [],
  default_team_member_models: [],
  budget_limits: null,
  model_max_budget: {},
}

export function teamOnWire(row: TeamRow, members: readonly MemberRow[]) {
  return {
    ...DETAIL_DEFAULTS,
    ...row.details,
    team_id: row.team_id,
    team_alias: row.team_alias,
    organization_id: row.organization_id,
    members_with_roles: members.map((member) => ({
      user_id: member.user_id,
      user_email: member.user_email,
      role: member.role,
    })),
    team_member_permissions: row.member_permissions,
    metadata: row.metadata,
    ...limitsOf(row),
    models: row.models,
    model_aliases: row.model_aliases,
    litellm_model_table:
      Object.keys(row.model_aliases).length === 0 ? null : { model_aliases: row.model_aliases },
    blocked: row.blocked,
    created_at: isoOf(row.created_at),
    updated_at: isoOf(row.updated_at),
  }
}

export function membershipOnWire(member: MemberRow, budget: BudgetRow | undefined) {
  return {
    user_id: member.user_id,
    team_id: member.team_id,
    budget_id: member.budget_id,
    spend: spendOnWire(member.spend),
    total_spend: dollarsOf(readSpend(member.spend).total),
    litellm_budget_table: budget === undefined ? null : budgetOnWire(budget),
  }
}
