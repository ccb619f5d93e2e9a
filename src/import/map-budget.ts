/** Shared budgets. */
import { AUDIT_COLUMNS, auditColumns, LIMIT_COLUMNS, limitColumns } from './columns.ts'
import type { ImportContext } from './import-context.ts'
import type { RowKind } from './row-kind.ts'

export function budgetKind(context: ImportContext): RowKind {
  return {
    name: 'budgets',
    table: 'LiteLLM_BudgetTable',
    key: ['budget_id'],
    target: {
      kind: 'budget',
      table: 'sluice_budget',
      key: ['budget_id'],
      columns: ['model_max_budget', ...LIMIT_COLUMNS, ...AUDIT_COLUMNS],
    },
    map: (row) => ({
      label: row.key('budget_id'),
      row: {
        budget_id: row.key('budget_id'),
        model_max_budget: row.object('model_max_budget'),
        ...limitColumns(row),
        ...auditColumns(row, context),
      },
      notes: row.notes,
    }),
  }
}
