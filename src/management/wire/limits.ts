/** Budgets and limits, which keys, users and teams share: from the wire to columns, and back. */
import { budgetWindowEndMs } from '../../identity/duration.ts'
import type { LimitColumns } from '../../storage/schema/principals.ts'
import { budget, budgetDuration, dollarsOf, isoOf, limit, numberOf, spend } from './fields.ts'
import type { z } from 'zod'

export const LIMIT_FIELDS = {
  max_budget: budget,
  soft_budget: budget,
  budget_duration: budgetDuration,
  tpm_limit: limit,
  rpm_limit: limit,
  max_parallel_requests: limit,
  spend,
}

type LimitInput = { readonly [Field in keyof typeof LIMIT_FIELDS]?: z.output<(typeof LIMIT_FIELDS)[Field]> }

export type LimitChange = Partial<LimitColumns> & { spend_baseline?: bigint }

/**
 * Columns for the fields that were sent; null clears. Spend is the total less a baseline: setting it moves the baseline.
 *
 * @param total what was settled so far, in picodollars.
 */
export function limitColumns(input: LimitInput, total: bigint, nowMs: number): LimitChange {
  const change: LimitChange = {}
  if (input.max_budget !== undefined) change.max_budget = input.max_budget
  if (input.soft_budget !== undefined) change.soft_budget = input.soft_budget
  if (input.tpm_limit !== undefined) change.tpm_limit = input.tpm_limit
  if (input.rpm_limit !== undefined) change.rpm_limit = input.rpm_limit
  if (input.max_parallel_requests !== undefined) change.max_parallel_requests = input.max_parallel_requests
  if (input.budget_duration !== undefined) {
    change.budget_duration = input.budget_duration?.text ?? null
    change.budget_reset_at =
      input.budget_duration === null
        ? null
        : new Date(budgetWindowEndMs(input.budget_duration.duration, nowMs))
  }
  if (input.spend !== undefined && input.spend !== null) change.spend_baseline = total - input.spend
  return change
}

interface SpendingRow extends LimitColumns {
  readonly spend_baseline: bigint
  readonly total: bigint
}

/** As on the wire: amounts are JSON numbers of US dollars. */
export function limitsOf(row: SpendingRow) {
  return {
    spend: dollarsOf(row.total - row.spend_baseline),
    max_budget: dollarsOf(row.max_budget),
    soft_budget: dollarsOf(row.soft_budget),
    budget_duration: row.budget_duration,
    budget_reset_at: isoOf(row.budget_reset_at),
    tpm_limit: numberOf(row.tpm_limit),
    rpm_limit: numberOf(row.rpm_limit),
    max_parallel_requests: numberOf(row.max_parallel_requests),
  }
}
