/** LiteLLM's `budget_limits`, several windows side by side; a scope has one here. */
import { addDuration, parseDuration } from '../identity/duration.ts'
import { asObject, SourceRow } from './source-row.ts'
import type { BudgetWindow } from './windows.ts'

export interface ChosenWindow {
  /** In picodollars, as decimal text for the database. */
  readonly maxBudget: string
  readonly window: BudgetWindow
}

/**
 * Of a row that has no other budget, the window that allows least over time: without it the row would come without
 * any limit. LiteLLM keeps what was spent in these windows in memory or Redis, so that it begins at zero.
 */
export function chosenWindow(row: SourceRow): ChosenWindow | undefined {
  if (row.has('max_budget') || row.name('budget_id') !== null) return undefined
  const [tightest] = row
    .list('budget_limits')
    .flatMap((entry) => readWindow(new SourceRow(asObject(entry))))
    .toSorted((a, b) => a.perSecond - b.perSecond)
  return tightest
}

function readWindow(entry: SourceRow): readonly (ChosenWindow & { readonly perSecond: number })[] {
  const text = entry.name('budget_duration')
  const duration = text === null ? undefined : parseDuration(text)
  const maxBudget = entry.budget('max_budget')
  if (text === null || duration === undefined || maxBudget === null) return []
  const perSecond = (1000 * Number(maxBudget)) / addDuration(0, duration)
  return [{ maxBudget, window: { duration: text, endsAtMs: entry.momentMs('reset_at') }, perSecond }]
}

/** What becomes of several windows, for the report. */
export function noteSeveralWindows(row: SourceRow): void {
  if (row.list('budget_limits').length === 0) return
  const hasOther = row.has('max_budget') || row.name('budget_id') !== null
  const what =
    chosenWindow(row) !== undefined
      ? 'the one that allows least over time is in force, from zero on'
      : `kept, not enforced yet${hasOther ? '; its other budget is' : ''}`
  row.notes.push(`budget_limits (several windows): ${what}`)
}
