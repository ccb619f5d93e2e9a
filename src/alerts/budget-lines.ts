/** The lines of a budget whose crossing is told: the soft budget, 85 % and 95 % of the budget, and the budget itself. */
import { picodollars, ZERO, type Picodollars } from '../money/picodollars.ts'

export interface BudgetLine {
  readonly event: 'soft_budget_crossed' | 'threshold_crossed' | 'budget_crossed'
  /** Of the budget, or of the soft budget. */
  readonly percent: 85 | 95 | 100
  /** Spend that reaches this amount has crossed the line. More than zero. */
  readonly at: Picodollars
}

/** A budget of zero has no lines: it refuses every paid call, and nothing is ever spent from it. */
export function budgetLines(
  maxBudget: Picodollars | undefined,
  softBudget: Picodollars | undefined,
): readonly BudgetLine[] {
  const lines: BudgetLine[] = []
  if (softBudget !== undefined && softBudget > ZERO) {
    lines.push({ event: 'soft_budget_crossed', percent: 100, at: softBudget })
  }
  if (maxBudget !== undefined && maxBudget > ZERO) {
    lines.push({ event: 'threshold_crossed', percent: 85, at: part(maxBudget, 85n) })
    lines.push({ event: 'threshold_crossed', percent: 95, at: part(maxBudget, 95n) })
    lines.push({ event: 'budget_crossed', percent: 100, at: maxBudget })
  }
  return lines
}

/** Rounded up, so that the line is not crossed by less than its share. */
function part(amount: Picodollars, percent: bigint): Picodollars {
  return picodollars((amount * percent + 99n) / 100n)
}

/** Lines above `from` that `to` has reached. */
export function linesCrossed(
  lines: readonly BudgetLine[],
  from: Picodollars,
  to: Picodollars,
): readonly BudgetLine[] {
  return lines.filter(({ at }) => at > from && at <= to)
}

/** The lowest line above an amount; undefined when all are crossed. */
export function nextLine(lines: readonly BudgetLine[], spent: Picodollars): Picodollars | undefined {
  let next: Picodollars | undefined
  for (const { at } of lines) if (at > spent && (next === undefined || at < next)) next = at
  return next
}

/**
 * Of lines crossed at once, those that are told: the soft budget, and the highest line of the budget, for it says
 * what the lower ones would.
 */
export function linesToTell(crossed: readonly BudgetLine[]): readonly BudgetLine[] {
  const soft = crossed.filter(({ event }) => event === 'soft_budget_crossed')
  const highest = crossed.findLast(({ event }) => event !== 'soft_budget_crossed')
  return highest === undefined ? soft : [...soft, highest]
}
