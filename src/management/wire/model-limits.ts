/**
 * Limits of single models, further windows of a budget, and increases of it for a time: the open fields that Sluice
 * reads, checked.
 */
import { z } from 'zod'
import { addDuration, parseDuration } from '../../identity/duration.ts'
import { budget, budgetDuration, limit } from './fields.ts'

const modelLimit = z
  .record(z.string(), limit, { error: 'expected an object of whole numbers, one a model' })
  .nullish()

const modelBudget = z.union(
  [
    budget,
    z.object({
      budget_limit: budget,
      max_budget: budget,
      time_period: budgetDuration,
      budget_duration: budgetDuration,
      rpm_limit: limit,
      tpm_limit: limit,
    }),
  ],
  { error: 'expected an amount in USD, or an object with budget_limit and time_period' },
)

export const modelMaxBudget = z
  .record(z.string(), modelBudget, { error: 'expected an object of budgets, one a model' })
  .nullish()

export const MODEL_LIMIT_FIELDS = {
  model_rpm_limit: modelLimit,
  model_tpm_limit: modelLimit,
  model_max_budget: modelMaxBudget,
}

const WINDOWS_EXPECTED = 'expected a list of objects with budget_duration and max_budget'
const MOST_WINDOWS = 10

const windowBudget = z.object(
  { budget_duration: budgetDuration.unwrap().unwrap(), max_budget: budget.unwrap().unwrap() },
  { error: WINDOWS_EXPECTED },
)

/** Further budgets, one a window. */
export const WINDOW_FIELDS = {
  budget_limits: z
    .array(windowBudget, { error: WINDOWS_EXPECTED })
    .max(MOST_WINDOWS, `expected at most ${MOST_WINDOWS} windows`)
    .refine(
      (windows) => new Set(windows.map((each) => each.budget_duration.text)).size === windows.length,
      'expected each budget_duration once',
    )
    .nullish(),
}

const EXPIRY_EXPECTED = 'expected a time such as 2030-01-31T12:00:00Z, or a duration such as 7d'

export const TEMPORARY_FIELDS = {
  temp_budget_increase: budget,
  temp_budget_expiry: z
    .string({ error: EXPIRY_EXPECTED })
    .refine((text) => parseDuration(text) !== undefined || !Number.isNaN(Date.parse(text)), EXPIRY_EXPECTED)
    .nullish(),
}

/** The moment that is meant, as it is stored; null where none is. */
export function expiryMoment(text: string | null, nowMs: number): string | null {
  if (text === null) return null
  const duration = parseDuration(text)
  return new Date(duration === undefined ? Date.parse(text) : addDuration(nowMs, duration)).toISOString()
}
