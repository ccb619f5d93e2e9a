/** Whether the budgets of scopes have anything left, by what this process knows. */
import { budgetError } from '../../src/limits/refusals.ts'
import type { Scope } from '../../src/record/scope.ts'

/** @throws LimitError for the first scope whose budget is spent. */
export function checkBudgets(scopes: readonly Scope[]): void {
  for (const scope of scopes) {
    if (scope.maxBudget !== undefined && scope.spent >= scope.maxBudget)
      throw budgetError(scope, scope.spent, 0n)
  }
}
