/** Whether a caller has money left. */
import { GatewayError } from '../errors/gateway-error.ts'
import { toDecimal, type Picodollars } from '../money/picodollars.ts'
import type { Scope, ScopeKind } from '../record/scope.ts'

const SCOPE_WORDS: Readonly<Record<ScopeKind, string>> = {
  key: 'Key',
  user: 'User',
  team: 'Team',
  team_member: 'Team member',
  organization: 'Organization',
  end_user: 'End user',
  tag: 'Tag',
  key_model: 'Model of key',
  team_model: 'Model of team',
  deployment: 'Deployment',
  provider: 'Provider',
  proxy: 'Proxy',
}

/** @throws GatewayError `budget_exceeded` for the first scope whose settled spend has reached its budget. */
export function checkBudgets(scopes: readonly Scope[]): void {
  for (const scope of scopes) {
    if (scope.maxBudget !== undefined && scope.spent >= scope.maxBudget)
      throw budgetExceeded(scope, scope.maxBudget)
  }
}

function budgetExceeded(scope: Scope, maxBudget: Picodollars): GatewayError {
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
