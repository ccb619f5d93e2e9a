/** Budget windows as LiteLLM has them: a length, and the moment at which spend begins at zero again. */
import type { Calendar } from '../identity/calendar.ts'
import { budgetWindowEndMs, parseDuration } from '../identity/duration.ts'
import type { ForeignSpend } from '../storage/queries/imported-spend.ts'
import type { SourceRow } from './source-row.ts'

export interface BudgetWindow {
  readonly duration: string
  /** Null when LiteLLM has not set it. */
  readonly endsAtMs: number | null
}

/** The window of a row that has a budget of its own, or of a shared budget. */
export function windowOf(row: SourceRow): BudgetWindow | undefined {
  const duration = row.name('budget_duration')
  return duration === null ? undefined : { duration, endsAtMs: row.momentMs('budget_reset_at') }
}

export interface WindowClock {
  readonly nowMs: number
  readonly calendar: Calendar
}

/** The spend of a scope with its window; one that LiteLLM has not begun yet is begun by the calendar. */
export function foreignSpend(
  kind: string,
  id: string,
  amounts: { readonly total: bigint; readonly spent: bigint },
  window: BudgetWindow | undefined,
  { nowMs, calendar }: WindowClock,
): ForeignSpend {
  const parsed = window === undefined ? undefined : parseDuration(window.duration)
  if (window === undefined || parsed === undefined) {
    return { kind, id, ...amounts, duration: null, endsAtMs: null, firstEndsAtMs: null }
  }
  const { duration, endsAtMs } = window
  const firstEndsAtMs = endsAtMs ?? budgetWindowEndMs(parsed, nowMs, calendar)
  return { kind, id, ...amounts, duration, endsAtMs, firstEndsAtMs }
}

/** The length of a budget's window as a column; one that cannot be read here stays, and is told. */
export function durationColumn(row: SourceRow): string | null {
  const duration = row.name('budget_duration')
  if (duration !== null && parseDuration(duration) === undefined) {
    row.notes.push('budget_duration cannot be read: the budget does not begin anew')
  }
  return duration
}
