/** Teams. */
import {
  AUDIT_COLUMNS,
  auditColumns,
  LIMIT_COLUMNS,
  limitColumns,
  noteUnenforced,
  noteWindows,
  openDetails,
} from './columns.ts'
import type { ImportContext } from './import-context.ts'
import { withAccessGroups } from './model-lists.ts'
import type { MappedRow, RowKind } from './row-kind.ts'
import type { SourceRow } from './source-row.ts'
import { foreignSpend, windowOf } from './windows.ts'

/** What LiteLLM lets the members of a team do that does not say. */
const DEFAULT_PERMISSIONS = ['/key/info', '/key/health']

const KEPT = [
  'model_id',
  'model_spend',
  'model_max_budget',
  'router_settings',
  'access_group_ids',
  'policies',
  'default_team_member_models',
  'budget_limits',
  'allow_team_guardrail_config',
]

export function teamKind(context: ImportContext): RowKind {
  return {
    name: 'teams',
    table: 'LiteLLM_TeamTable',
    key: ['team_id'],
    target: {
      kind: 'team',
      table: 'sluice_team',
      key: ['team_id'],
      columns: [
        'team_alias',
        'organization_id',
        'models',
        'model_aliases',
        'blocked',
        'member_permissions',
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
  const id = row.key('team_id')
  const spent = row.spend('spend')
  const permissions = row.names('team_member_permissions')
  noteUnenforced(row, { policies: 'policies' })
  noteWindows(row)
  return {
    label: id,
    row: {
      team_id: id,
      team_alias: row.name('team_alias'),
      organization_id: row.name('organization_id'),
      models: withAccessGroups(row.names('models'), row.names('access_group_ids'), context.accessGroups),
      model_aliases: context.modelAliases.get(row.whole('model_id') ?? -1) ?? {},
      blocked: row.flag('blocked'),
      member_permissions: permissions.length === 0 ? DEFAULT_PERMISSIONS : permissions,
      metadata: row.object('metadata'),
      details: openDetails(row, KEPT, context),
      ...limitColumns(row),
      ...auditColumns(row, context),
    },
    spend: foreignSpend('team', id, { total: spent, spent }, windowOf(row), context),
    notes: row.notes,
  }
}
