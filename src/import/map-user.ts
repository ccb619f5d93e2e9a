/** Users. The row in which LiteLLM keeps the budget of the whole proxy is no user: its spend is the gateway's. */
import { ROLES } from '../identity/principal.ts'
import { AUDIT_COLUMNS, auditColumns, LIMIT_COLUMNS, limitColumns, openDetails } from './columns.ts'
import type { ImportContext } from './import-context.ts'
import type { MappedRow, RowKind } from './row-kind.ts'
import type { SourceRow } from './source-row.ts'
import { foreignSpend, windowOf } from './windows.ts'

const PROXY_BUDGET = 'litellm-proxy-budget'

/** What users of LiteLLM's other roles become: never more than they were. */
const OTHER_ROLES: Readonly<Record<string, string>> = { org_admin: 'internal_user', team: 'internal_user' }
const LEAST_ROLE = 'internal_user_viewer'

export const USER_TARGET = {
  kind: 'user',
  table: 'sluice_user',
  key: ['user_id'],
  columns: [
    'user_alias',
    'user_email',
    'user_role',
    'sso_user_id',
    'models',
    'metadata',
    'details',
    ...LIMIT_COLUMNS,
    ...AUDIT_COLUMNS,
  ],
} as const

export function userKind(context: ImportContext): RowKind {
  return {
    name: 'users',
    table: 'LiteLLM_UserTable',
    key: ['user_id'],
    target: USER_TARGET,
    map: (row) => map(row, context),
  }
}

function map(row: SourceRow, context: ImportContext): MappedRow {
  const id = row.key('user_id')
  const spent = row.spend('spend')
  const amounts = { total: spent, spent }
  const window = windowOf(row)
  if (id === PROXY_BUDGET) {
    return {
      label: id,
      left: 'holds the spend of the whole gateway, which is taken; its budget is litellm_settings.max_budget',
      spend: foreignSpend('proxy', 'proxy', amounts, window, context),
    }
  }
  if (row.name('password') !== null) row.notes.push('password: not taken, as nobody signs in by one yet')
  return {
    label: id,
    row: {
      user_id: id,
      user_alias: row.name('user_alias'),
      user_email: emailOf(row, id, context),
      user_role: roleOf(row),
      sso_user_id: row.name('sso_user_id'),
      models: row.names('models'),
      metadata: row.object('metadata'),
      details: openDetails(
        row,
        ['model_max_budget', 'model_spend', 'allowed_cache_controls', 'policies'],
        context,
      ),
      ...limitColumns(row),
      ...auditColumns(row, context),
    },
    spend: foreignSpend('user', id, amounts, window, context),
    notes: row.notes,
  }
}

function emailOf(row: SourceRow, id: string, { emailOwners }: ImportContext): string | null {
  const email = row.name('user_email')
  const owner = email === null ? undefined : emailOwners.get(email.toLowerCase())
  if (owner === undefined || owner === id) return email
  row.notes.push('user_email: another user had it first; left empty')
  return null
}

function roleOf(row: SourceRow): string {
  const role = row.name('user_role')
  const known = ROLES.find((each) => each === role)
  if (known !== undefined) return known
  const instead = OTHER_ROLES[role ?? ''] ?? LEAST_ROLE
  row.notes.push(`user_role ${role ?? '(none)'} became ${instead}`)
  return instead
}
