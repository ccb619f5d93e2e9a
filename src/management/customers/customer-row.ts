/** A customer as the management API shows it. */
import type { Kysely } from 'kysely'
import type { Schema } from '../../storage/database.ts'
import type { CustomerRow } from '../../storage/queries/principals-customers.ts'
import { findBudgets, type BudgetRow } from '../../storage/queries/principals-keys.ts'
import { budgetOnWire } from '../keys/key-row.ts'
import { spendOnWire } from '../wire/limits.ts'

export function customerOnWire(row: CustomerRow, budget: BudgetRow | undefined) {
  return {
    user_id: row.customer_id,
    alias: row.alias,
    spend: spendOnWire(row.spend),
    blocked: row.blocked,
    allowed_model_region: row.allowed_model_region,
    default_model: row.default_model,
    budget_id: row.budget_id,
    litellm_budget_table: budget === undefined ? null : budgetOnWire(budget),
    object_permission: null,
  }
}

/** Customers with the budgets that they point at. */
export async function withBudgets(database: Kysely<Schema>, rows: readonly CustomerRow[]) {
  const ids = new Set(rows.flatMap((row) => (row.budget_id === null ? [] : [row.budget_id])))
  const budgets = new Map((await findBudgets(database, [...ids])).map((budget) => [budget.budget_id, budget]))
  return rows.map((row) => customerOnWire(row, budgets.get(row.budget_id ?? '')))
}
