/** What calls ask that come near a limit. */
import type { LimitKind, ScopeAsk } from '../../src/limits/limit-store.ts'

/** One limit; tokens of a team that two keys with budgets share; or a budget of that team beside those of its keys. */
export const KINDS = [
  'budget',
  'parallel',
  'requests',
  'tokens',
  'tokens of a team, and budgets of its keys',
  'budgets of a team and of its keys',
] as const

export type Kind = (typeof KINDS)[number]

/** What a call through a worker asks. @param room for so many calls. */
export function asksOf(kind: Kind, worker: number, room: number, spent: SpentOf): readonly ScopeAsk[] {
  if (kind !== 'tokens of a team, and budgets of its keys' && kind !== 'budgets of a team and of its keys')
    return [askOf('key:k', kind, room, spent)]
  return [
    askOf(`key:${worker}`, 'budget', room, spent),
    askOf('team:t', kind.startsWith('tokens') ? 'tokens' : 'budget', room, spent),
  ]
}

/** What is known to be spent of an account. */
export type SpentOf = (account: string) => bigint

export const NOTHING_SPENT: SpentOf = () => 0n

/** One limit, with room for so many calls. */
export function askOf(scope: string, kind: LimitKind, room: number, spent: SpentOf): ScopeAsk {
  const account = `${scope}@w`
  return {
    scope,
    requestsPerMinute: kind === 'requests' ? room : undefined,
    tokensPerMinute: kind === 'tokens' ? room * 10 : undefined,
    parallelRequests: kind === 'parallel' ? room : undefined,
    budget: kind === 'budget' ? { account, max: BigInt(room * 10), spent: spent(account) } : undefined,
  }
}
