/** Tags. Each gets a row among the totals, which is what has its spend counted from now on. */
import { AUDIT_COLUMNS, auditColumns } from './columns.ts'
import type { ImportContext } from './import-context.ts'
import type { RowKind } from './row-kind.ts'
import { foreignSpend } from './windows.ts'

export function tagKind(context: ImportContext): RowKind {
  return {
    name: 'tags',
    table: 'LiteLLM_TagTable',
    key: ['tag_name'],
    target: {
      kind: 'tag',
      table: 'sluice_tag',
      key: ['tag_name'],
      columns: ['description', 'models', 'budget_id', ...AUDIT_COLUMNS],
    },
    map: (row) => {
      const id = row.key('tag_name')
      const budgetId = row.name('budget_id')
      const spent = row.spend('spend')
      const window = context.budgets.get(budgetId ?? '')?.window
      return {
        label: id,
        row: {
          tag_name: id,
          description: row.name('description'),
          models: row.names('models'),
          budget_id: budgetId,
          ...auditColumns(row, context),
        },
        spend: foreignSpend('tag', id, { total: spent, spent }, window, context),
        notes: row.notes,
      }
    },
  }
}
