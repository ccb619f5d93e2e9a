/** Customers: end users as clients name them. */
import { AUDIT_COLUMNS, auditColumns } from './columns.ts'
import type { ImportContext } from './import-context.ts'
import type { RowKind } from './row-kind.ts'
import { foreignSpend } from './windows.ts'

export function customerKind(context: ImportContext): RowKind {
  return {
    name: 'customers',
    table: 'LiteLLM_EndUserTable',
    key: ['user_id'],
    target: {
      kind: 'customer',
      table: 'sluice_customer',
      key: ['customer_id'],
      columns: ['alias', 'budget_id', 'blocked', 'allowed_model_region', 'default_model', ...AUDIT_COLUMNS],
    },
    map: (row) => {
      const id = row.key('user_id')
      const budgetId = row.name('budget_id')
      const spent = row.spend('spend')
      const window = context.budgets.get(budgetId ?? '')?.window
      if (row.name('object_permission_id') !== null) row.notes.push('object permissions: not taken')
      return {
        label: id,
        row: {
          customer_id: id,
          alias: row.name('alias'),
          budget_id: budgetId,
          blocked: row.flag('blocked'),
          allowed_model_region: row.name('allowed_model_region'),
          default_model: row.name('default_model'),
          ...auditColumns(row, context),
        },
        spend: foreignSpend('end_user', id, { total: spent, spent }, window, context),
        notes: row.notes,
      }
    },
  }
}
