/** Organizations. */
import { AUDIT_COLUMNS, auditColumns, openDetails } from './columns.ts'
import type { ImportContext } from './import-context.ts'
import type { MappedRow, RowKind } from './row-kind.ts'
import type { SourceRow } from './source-row.ts'
import { foreignSpend } from './windows.ts'

export function organizationKind(context: ImportContext): RowKind {
  return {
    name: 'organizations',
    table: 'LiteLLM_OrganizationTable',
    key: ['organization_id'],
    target: {
      kind: 'organization',
      table: 'sluice_organization',
      key: ['organization_id'],
      columns: ['organization_alias', 'budget_id', 'models', 'metadata', 'details', ...AUDIT_COLUMNS],
    },
    map: (row) => map(row, context),
  }
}

function map(row: SourceRow, context: ImportContext): MappedRow {
  const id = row.key('organization_id')
  const budgetId = row.name('budget_id')
  const spent = row.spend('spend')
  const window = context.budgets.get(budgetId ?? '')?.window
  return {
    label: id,
    row: {
      organization_id: id,
      organization_alias: row.text('organization_alias') ?? id,
      budget_id: budgetId,
      models: row.names('models'),
      metadata: row.object('metadata'),
      details: openDetails(row, ['model_spend'], context),
      ...auditColumns(row, context),
    },
    spend: foreignSpend('organization', id, { total: spent, spent }, window, context),
    notes: row.notes,
  }
}
