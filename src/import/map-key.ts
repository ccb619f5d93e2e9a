/** Virtual keys: by their hashes, so that those who hold them go on using them. */
import {
  AUDIT_COLUMNS,
  auditColumns,
  LIMIT_COLUMNS,
  limitColumns,
  noteUnenforced,
  noteWindows,
  openDetails,
} from './columns.ts'
import { textMembers, type ImportContext } from './import-context.ts'
import { narrowed, withAccessGroups } from './model-lists.ts'
import type { MappedRow, RowKind } from './row-kind.ts'
import type { SourceRow } from './source-row.ts'
import { foreignSpend, windowOf } from './windows.ts'

/** The team that LiteLLM gives to the sessions of its dashboard. It has no row. */
const DASHBOARD_TEAM = 'litellm-dashboard'

const KEPT = [
  'config',
  'permissions',
  'router_settings',
  'agent_id',
  'project_id',
  'budget_limits',
  'budget_fallbacks',
  'model_max_budget',
  'model_spend',
  'allowed_cache_controls',
  'access_group_ids',
  'policies',
  'auto_rotate',
  'rotation_interval',
  'rotation_count',
  'last_rotation_at',
  'key_rotation_at',
  'key_type',
]

const UNENFORCED = {
  budget_fallbacks: 'budget_fallbacks',
  policies: 'policies',
  auto_rotate: 'auto_rotate',
}

export function keyKind(context: ImportContext): RowKind {
  return {
    name: 'keys',
    table: 'LiteLLM_VerificationToken',
    key: ['token'],
    target: {
      kind: 'key',
      table: 'sluice_virtual_key',
      key: ['key_hash'],
      columns: [
        'key_name',
        'key_alias',
        'user_id',
        'team_id',
        'organization_id',
        'budget_id',
        'models',
        'aliases',
        'allowed_routes',
        'expires_at',
        'blocked',
        'metadata',
        'details',
        ...LIMIT_COLUMNS,
        ...AUDIT_COLUMNS,
      ],
    },
    map: (row) => map(row, context),
  }
}

function map(row: SourceRow, context: ImportContext): MappedRow {
  const hash = row.key('token')
  const name = row.name('key_name') ?? 'sk-...'
  const label = row.name('key_alias') ?? name
  if (row.name('team_id') === DASHBOARD_TEAM) return { label, left: 'a session of the dashboard' }
  if (!/^[0-9a-f]{64}$/.test(hash))
    return { label, left: 'its token is no SHA-256: such keys were never hashed' }
  const project = context.projects.get(row.name('project_id') ?? '')
  if (project !== undefined) row.notes.push('limits of its project: not enforced yet')
  noteUnenforced(row, UNENFORCED)
  noteWindows(row)
  const budgetId = row.name('budget_id')
  const spent = row.spend('spend')
  const window = windowOf(row) ?? context.budgets.get(budgetId ?? '')?.window
  return {
    label,
    row: {
      key_hash: hash,
      key_name: name,
      key_alias: aliasOf(row, hash, context),
      user_id: row.name('user_id'),
      team_id: row.name('team_id'),
      organization_id: row.name('organization_id'),
      budget_id: budgetId,
      models: modelsOf(row, context),
      aliases: textMembers(row.object('aliases')),
      allowed_routes: row.names('allowed_routes'),
      expires_at: row.moment('expires'),
      blocked: row.flag('blocked') || project?.blocked === true,
      metadata: row.object('metadata'),
      details: openDetails(row, KEPT, context),
      ...limitColumns(row),
      soft_budget: null,
      ...auditColumns(row, context),
    },
    spend: foreignSpend('key', hash, { total: spent, spent }, window, context),
    notes: row.notes,
  }
}

function aliasOf(row: SourceRow, hash: string, { aliasOwners }: ImportContext): string | null {
  const alias = row.name('key_alias')
  const owner = alias === null ? undefined : aliasOwners.get(alias)
  if (alias === null || owner === undefined || owner === hash) return alias
  row.notes.push('key_alias: another key had it first; the beginning of the hash was added')
  return `${alias} (${hash.slice(0, 8)})`
}

/** The key's own list, as its project and its owner's place in the team narrow it. */
function modelsOf(row: SourceRow, context: ImportContext): readonly string[] {
  const own = withAccessGroups(row.names('models'), row.names('access_group_ids'), context.accessGroups)
  const ofProject = context.projects.get(row.name('project_id') ?? '')?.models ?? []
  const ofMember = context.memberModels.get(`${row.key('team_id')}::${row.key('user_id')}`) ?? []
  const models = narrowed(narrowed(own, ofProject), ofMember)
  if (models !== own) row.notes.push('models: narrowed to those of its project, or of its owner in the team')
  return models
}
