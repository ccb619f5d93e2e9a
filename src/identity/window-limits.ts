/**
 * Further budgets of a key or a team, each with a window of its own, as LiteLLM's field writes them: `budget_limits`
 * (`[{budget_duration, max_budget}]`). All of them hold, beside the `max_budget` of the key or team.
 */
import { parseDuration } from './duration.ts'
import { readDollars } from './model-limits.ts'
import { UNLIMITED, type ScopeLimits } from './shared-scope.ts'

/** Limits by window. What cannot be read limits nothing: the management API refuses it before it is stored. */
export function windowLimits(value: unknown): ReadonlyMap<string, ScopeLimits> {
  const limits = new Map<string, ScopeLimits>()
  for (const each of Array.isArray(value) ? value : []) {
    const { budget_duration: duration, max_budget: amount }: Readonly<Record<string, unknown>> = Object(each)
    const maxBudget = readDollars(amount)
    if (typeof duration !== 'string' || parseDuration(duration) === undefined || maxBudget === undefined)
      continue
    limits.set(duration, { ...UNLIMITED, maxBudget, duration })
  }
  return limits
}
