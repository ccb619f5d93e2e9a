/** Whether two calls of a scope ask the same of it: limits change while calls are under way. */
import type { ScopeAsk } from '../../limits/limit-store.ts'

export function limitsTheSame(ask: ScopeAsk, other: ScopeAsk): boolean {
  return (
    ask.scope === other.scope &&
    ask.requestsPerMinute === other.requestsPerMinute &&
    ask.tokensPerMinute === other.tokensPerMinute &&
    ask.parallelRequests === other.parallelRequests &&
    ask.budget?.account === other.budget?.account &&
    ask.budget?.max === other.budget?.max
  )
}
