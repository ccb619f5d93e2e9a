/** What a call asks of the store: its scopes' limits, and what is reserved of them. */
import { NO_USAGE } from '../dialects/usage.ts'
import type { Scope } from '../record/scope.ts'
import { costOf } from '../spend/prices/cost-of.ts'
import { isZeroCost } from '../spend/prices/model-price.ts'
import { countedOf, type LimitSettings } from './limit-settings.ts'
import type { AdmitMessage, BudgetAsk, ScopeAsk } from './limit-store.ts'
import type { AdmissionRequest } from './limits.ts'
import { budgetError } from './refusals.ts'
import { accountOf, scopeName } from './scope-names.ts'

/**
 * The largest count in Redis is 9.2 million dollars in picodollars. Budgets beyond 8 million, and counts of such a size,
 * are compared with what this process knows, without reservations.
 */
const LARGEST_SHARED = 8_000_000n * 10n ** 12n

/**
 * Of one call no more is reserved: with what others have reserved of a shared budget it can be counted in Redis. A call
 * that costs more has its cost counted when it ends.
 */
const LARGEST_RESERVED = 1_200_000n * 10n ** 12n

/**
 * @param learnedOutputTokens what calls of the model group have usually had.
 * @throws LimitError when a budget that is too large to be shared is spent.
 */
export function admitMessage(
  request: AdmissionRequest,
  learnedOutputTokens: number,
  { countedTokens, reservesBudgets }: LimitSettings,
): AdmitMessage {
  const { scopes, price, inputTokens, maxOutputTokens, atMs } = request
  const outputTokens = Math.min(learnedOutputTokens, maxOutputTokens ?? Infinity)
  const billed = price !== undefined && !isZeroCost(price)
  const usage = { ...NO_USAGE, inputTokens, outputTokens }
  const asks: ScopeAsk[] = []
  for (const scope of scopes) asks.push(scopeAsk(scope, billed))
  return {
    tokens: Math.ceil(countedOf(usage, countedTokens)),
    cost: billed && reservesBudgets ? reservedOf(costOf(price, usage, atMs)) : 0n,
    asks,
  }
}

function reservedOf(cost: bigint): bigint {
  return cost < LARGEST_RESERVED ? cost : LARGEST_RESERVED
}

/** Whether any scope asks for anything: a model that costs nothing is not asked about budgets. */
export function asksNothing(message: AdmitMessage): boolean {
  for (const ask of message.asks) if (ask.budget !== undefined || asksRates(ask)) return false
  return true
}

export function asksRates(ask: ScopeAsk): boolean {
  return (
    ask.requestsPerMinute !== undefined ||
    ask.tokensPerMinute !== undefined ||
    ask.parallelRequests !== undefined
  )
}

function scopeAsk(scope: Scope, billed: boolean): ScopeAsk {
  return {
    scope: scopeName(scope),
    requestsPerMinute: scope.requestsPerMinute,
    tokensPerMinute: scope.tokensPerMinute,
    parallelRequests: scope.parallelRequests,
    budget: billed ? budgetAsk(scope) : undefined,
  }
}

function budgetAsk(scope: Scope): BudgetAsk | undefined {
  const { maxBudget, spent } = scope
  if (maxBudget === undefined) return undefined
  if (maxBudget > LARGEST_SHARED || spent > LARGEST_SHARED) {
    if (spent >= maxBudget) throw budgetError(scope, spent, 0n)
    return undefined
  }
  return { account: accountOf(scope), max: maxBudget, spent }
}
