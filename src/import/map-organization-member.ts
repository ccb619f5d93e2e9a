/** Members of organizations. */
import { organizationMemberScopeId } from '../storage/queries/principals.ts'
import type { ImportContext } from './import-context.ts'
import type { MappedRow, RowKind } from './row-kind.ts'
import type { SourceRow } from './source-row.ts'
import { foreignSpend } from './windows.ts'

const ROLES = ['org_admin', 'internal_user', 'internal_user_viewer']
const LEAST_ROLE = 'internal_user_viewer'

export function organizationMemberKind(context: ImportContext): RowKind {
  return {
    name: 'organization members',
    table: 'LiteLLM_OrganizationMembership',
    key: ['user_id', 'organization_id'],
    target: {
      kind: 'organization_member',
      table: 'sluice_organization_membership',
      key: ['organization_id', 'user_id'],
      columns: ['role', 'budget_id', 'created_at', 'updated_at'],
    },
    map: (row) => map(row, context),
  }
}

function map(row: SourceRow, context: ImportContext): MappedRow {
  const organizationId = row.key('organization_id')
  const userId = row.key('user_id')
  const budgetId = row.name('budget_id')
  const spent = row.spend('spend')
  const window = context.budgets.get(budgetId ?? '')?.window
  const id = organizationMemberScopeId(organizationId, userId)
  const createdAt = row.moment('created_at') ?? new Date(context.nowMs).toISOString()
  return {
    label: `${userId} in ${organizationId}`,
    row: {
      organization_id: organizationId,
      user_id: userId,
      role: roleOf(row),
      budget_id: budgetId,
      created_at: createdAt,
      updated_at: row.moment('updated_at') ?? createdAt,
    },
    spend: foreignSpend('organization_member', id, { total: spent, spent }, window, context),
    notes: row.notes,
  }
}

function roleOf(row: SourceRow): string {
  const role = row.name('user_role')
  if (role !== null && ROLES.includes(role)) return role
  row.notes.push(`user_role ${role ?? '(none)'} became ${LEAST_ROLE}`)
  return LEAST_ROLE
}
