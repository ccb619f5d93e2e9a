/** Crossings are noticed exactly when a line is crossed. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseDollars, picodollars, ZERO, type Picodollars } from '../money/picodollars.ts'
import type { Scope } from '../record/scope.ts'
import { scopeOf } from '../../test/alerts/samples.ts'
import { budgetLines, linesToTell, type BudgetLine } from './budget-lines.ts'
import { BudgetWatch } from './budget-watch.ts'

function watchOf(told: BudgetLine[]): BudgetWatch {
  return new BudgetWatch(({ lines }) => void told.push(...lines))
}

function spend(watch: BudgetWatch, scope: Scope, dollars: number): void {
  scope.spent = picodollars(scope.spent + parseDollars(dollars))
  watch.spent([scope], undefined)
}

const amounts = fc.bigInt({ min: 0n, max: 2_000n }).map(picodollars)
const budgets = fc.option(fc.bigInt({ min: 0n, max: 3_000n }).map(picodollars), { nil: undefined })

describe('lines', () => {
  test('of a budget are 85 %, 95 % and the budget itself, of a soft budget its amount', () => {
    const lines = budgetLines(parseDollars(10), parseDollars(4))
    expect(lines.map(({ event, percent, at }) => [event, percent, Number(at) / 1e12])).toEqual([
      ['soft_budget_crossed', 100, 4],
      ['threshold_crossed', 85, 8.5],
      ['threshold_crossed', 95, 9.5],
      ['budget_crossed', 100, 10],
    ])
  })

  test('of a budget of zero there are none: it refuses, and nothing is crossed', () => {
    expect(budgetLines(ZERO, ZERO)).toEqual([])
  })

  test('that are crossed at once are told by the highest, and the soft one', () => {
    const told = linesToTell(budgetLines(parseDollars(10), parseDollars(4)))
    expect(told.map(({ event }) => event)).toEqual(['soft_budget_crossed', 'budget_crossed'])
  })
})

describe('a crossing is noticed', () => {
  test('exactly when the line is crossed, whatever the sequence of amounts', () => {
    fc.assert(
      fc.property(
        fc.array(amounts, { maxLength: 60 }),
        budgets,
        budgets,
        (sequence, maxBudget, softBudget) => {
          const scope = scopeOf({ maxBudget, softBudget })
          const lines = budgetLines(maxBudget, softBudget)
          const told: BudgetLine[] = []
          const watch = watchOf(told)
          for (const amount of sequence) {
            const before = scope.spent
            told.length = 0
            scope.spent = picodollars(before + amount)
            watch.spent([scope], undefined)
            const isCrossed = (at: Picodollars): boolean => at > before && at <= scope.spent
            expect(told).toEqual(lines.filter(({ at }) => isCrossed(at)))
          }
        },
      ),
    )
  })

  test('when spend reaches the line to the picodollar, and not one before', () => {
    const told: BudgetLine[] = []
    const watch = watchOf(told)
    const scope = scopeOf({ spent: picodollars(parseDollars('8.5') - 1n) })
    watch.spent([scope], undefined)
    expect(told).toEqual([])
    scope.spent = parseDollars('8.5')
    watch.spent([scope], undefined)
    expect(told).toHaveLength(1)
  })

  test('anew in the next window', () => {
    const told: BudgetLine[] = []
    const watch = watchOf(told)
    const scope: Scope & { budgetWindow: string } = scopeOf()
    spend(watch, scope, 9)
    scope.budgetWindow = 'w2'
    scope.spent = ZERO
    spend(watch, scope, 1)
    expect(told).toHaveLength(1)
    spend(watch, scope, 8)
    expect(told.map(({ percent }) => percent)).toEqual([85, 85])
  })

  test('for the lines of a budget that was raised', () => {
    const told: BudgetLine[] = []
    const watch = watchOf(told)
    const scope: Scope & { maxBudget: Picodollars | undefined } = scopeOf()
    spend(watch, scope, 10)
    scope.maxBudget = parseDollars(20)
    spend(watch, scope, 1)
    expect(told).toHaveLength(3)
    spend(watch, scope, 6.5)
    expect(told.at(-1)).toEqual({ event: 'threshold_crossed', percent: 85, at: parseDollars(17) })
  })

  test('by a later look, when other processes have spent the rest and no call is admitted any more', () => {
    const told: BudgetLine[] = []
    const watch = watchOf(told)
    const scope = scopeOf()
    spend(watch, scope, 6)
    scope.spent = parseDollars(12)
    watch.sweep()
    watch.sweep()
    expect(told.at(-1)?.event).toBe('budget_crossed')
    expect(told).toHaveLength(3)
  })
})

test('a scope without a budget is not looked at, whatever it has spent', () => {
  const scope = scopeOf({ maxBudget: undefined })
  Object.defineProperty(scope, 'spent', {
    get: () => {
      throw new Error('looked at')
    },
  })
  const watch = watchOf([])
  watch.spent([scope], undefined)
  watch.sweep()
})
