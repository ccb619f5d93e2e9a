/** Budgets and limits, which keys, users and teams share: from the wire to columns, and back. */
import type { Calendar } from '../../identity/calendar.ts'
import { budgetWindowEndMs, parseDuration } from '../../identity/duration.ts'
import { picodollars } from '../../money/picodollars.ts'
import { readSpend, type SpendJson, type WindowChange } from '../../storage/queries/spend-windows.ts'
import type { LimitColumns } from '../../storage/schema/principals.ts'
import { budget, budgetDuration, dollarsOf, isoOf, limit, numberOf } from './fields.ts'
import type { z } from 'zod'

/** Limits of a budget, which may be shared. */
export const BUDGET_FIELDS = {
  max_budget: budget,
  soft_budget: budget,
  budget_duration: budgetDuration,
  tpm_limit: limit,
  rpm_limit: limit,
  max_parallel_requests: limit,
}

/** The same, and the spend that an administrator may set. */
export const LIMIT_FIELDS = { ...BUDGET_FIELDS, spend: budget }

type BudgetInput = {
  readonly [Field in keyof typeof BUDGET_FIELDS]?: z.output<(typeof BUDGET_FIELDS)[Field]>
}

export type LimitChange = Partial<LimitColumns>

/** Columns for the fields that were sent; null clears. */
export function limitColumns(input: BudgetInput): LimitChange {
  const change: LimitChange = {}
  if (input.max_budget !== undefined) change.max_budget = input.max_budget
  if (input.soft_budget !== undefined) change.soft_budget = input.soft_budget
  if (input.tpm_limit !== undefined) change.tpm_limit = input.tpm_limit
  if (input.rpm_limit !== undefined) change.rpm_limit = input.rpm_limit
  if (input.max_parallel_requests !== undefined) change.max_parallel_requests = input.max_parallel_requests
  if (input.budget_duration !== undefined) change.budget_duration = input.budget_duration?.text ?? null
  return change
}

/** The window that a budget of this length has now. */
export function openWindow(
  duration: string | null | undefined,
  nowMs: number,
  calendar: Calendar,
): WindowChange['window'] {
  const parsed = typeof duration === 'string' ? parseDuration(duration) : undefined
  if (typeof duration !== 'string' || parsed === undefined) return null
  return { duration, endsAtMs: budgetWindowEndMs(parsed, nowMs, calendar) }
}

/** What counts in the open window, as a JSON number of US dollars. */
export function spendOnWire(json: SpendJson | null): number | null {
  const { total, baseline } = readSpend(json)
  return dollarsOf(picodollars(total - baseline))
}

/** When the open window ends. */
export function resetOnWire(json: SpendJson | null): string | null {
  const { endsAtMs } = readSpend(json)
  return endsAtMs === undefined ? null : isoOf(new Date(endsAtMs))
}

/** As on the wire: amounts are JSON numbers of US dollars. */
export function limitsOf(row: LimitColumns & { readonly spend: SpendJson | null }) {
  return { spend: spendOnWire(row.spend), ...budgetLimitsOf(row), budget_reset_at: resetOnWire(row.spend) }
}

export function budgetLimitsOf(row: LimitColumns) {
  return {
    max_budget: dollarsOf(row.max_budget),
    soft_budget: dollarsOf(row.soft_budget),
    budget_duration: row.budget_duration,
    tpm_limit: numberOf(row.tpm_limit),
    rpm_limit: numberOf(row.rpm_limit),
    max_parallel_requests: numberOf(row.max_parallel_requests),
  }
}
