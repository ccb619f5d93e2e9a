/** Whether two calls ask the same: limits and spend change while calls are under way. */
import type { ScopeAsk } from './limit-store.ts'

/** By the limits of a scope, whatever is known to be spent. */
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

/** By which calls are told apart at first: few that ask the same scope first ask different ones behind it. */
export function firstScope(asks: readonly ScopeAsk[]): string {
  return asks[0]?.scope ?? ''
}

/** By all scopes, in their order, and by what is known to be spent. */
export function asksTheSame(asks: readonly ScopeAsk[], others: readonly ScopeAsk[]): boolean {
  if (asks.length !== others.length) return false
  for (let index = 0; index < asks.length; index += 1) {
    const ask = asks[index]
    const other = others[index]
    if (ask === undefined || other === undefined || !limitsTheSame(ask, other)) return false
    if (ask.budget?.spent !== other.budget?.spent) return false
  }
  return true
}
