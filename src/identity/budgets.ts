/** Whether a caller has money left, and what it spends. */
import { GatewayError } from '../errors/gateway-error.ts'
import { picodollars, toDecimal, type Picodollars } from '../money/picodollars.ts'
import type { Principal, SpendScope, SpendScopeKind } from './principal.ts'

const SCOPE_WORDS: Readonly<Record<SpendScopeKind, string>> = {
  key: 'Key',
  user: 'User',
  team: 'Team',
  team_member: 'Team member',
  organization: 'Organization',
  end_user: 'End user',
}

/** @throws GatewayError `budget_exceeded` for the first scope whose settled spend has reached its budget. */
export function checkBudgets(principal: Principal): void {
  for (const scope of principal.scopes) {
    if (scope.maxBudget !== undefined && scope.spent >= scope.maxBudget)
      throw budgetExceeded(scope, scope.maxBudget)
  }
}

function budgetExceeded(scope: SpendScope, maxBudget: Picodollars): GatewayError {
  const reset =
    scope.resetsAtMs === undefined
      ? ''
      : ` The budget begins anew at ${new Date(scope.resetsAtMs).toISOString()}.`
  return new GatewayError(
    'budget_exceeded',
    `Budget has been exceeded! ${SCOPE_WORDS[scope.kind]}=${scope.label}. Current cost: ${toDecimal(scope.spent)}, ` +
      `Max budget: ${toDecimal(maxBudget)}.${reset}`,
  )
}

/** Adds a settled cost to all scopes that the caller spends from. */
export function recordSpend(principal: Principal, amount: Picodollars): void {
  for (const scope of principal.scopes) scope.spent = picodollars(scope.spent + amount)
}
