/**
 * Something that limits and spend are counted for: a key, a team, a deployment, … Plain data that identity, routing,
 * limits and spend share; one object per scope in a process, whoever uses it.
 */
import type { Picodollars } from '../money/picodollars.ts'

export type ScopeKind =
  | 'key'
  | 'user'
  | 'team'
  | 'team_member'
  | 'organization'
  | 'organization_member'
  | 'end_user'
  | 'tag'
  /** A model group within one of those before. */
  | 'key_model'
  | 'user_model'
  | 'team_model'
  | 'team_member_model'
  | 'organization_model'
  | 'organization_member_model'
  | 'end_user_model'
  | 'tag_model'
  /** A further budget of a key, and of a team, with a window of its own. */
  | 'key_window'
  | 'team_window'
  | 'deployment'
  | 'provider'
  | 'proxy'

export interface Scope {
  readonly kind: ScopeKind
  /** Key hash, user id, team id, `teamId::userId`, `keyHash::modelGroup`, `keyHash::1d`, … Equal in all processes. */
  readonly id: string
  /** Of a model or a window within a scope: that scope's id. */
  readonly ownerId?: string | undefined
  /** Shown in refusals and alerts, e.g. the key's alias or masked name. Never a secret. */
  readonly label: string
  /** The name that an administrator gave the key, the team, …; it labels metrics. */
  readonly alias?: string | undefined
  /** Of a user. */
  readonly email?: string | undefined
  /** Absent: unlimited. Zero refuses every call. */
  readonly requestsPerMinute: number | undefined
  readonly tokensPerMinute: number | undefined
  readonly parallelRequests: number | undefined
  /** What may be spent in the open window, with any temporary increase that is in force. */
  readonly maxBudget: Picodollars | undefined
  /** Crossing it is only reported. */
  readonly softBudget: Picodollars | undefined
  /**
   * Names the zero that `spent` is counted from: with another text the count begins anew. The same in all processes,
   * so that a shared store starts a new count by itself.
   */
  readonly budgetWindow: string
  /** When the open window ends, in epoch milliseconds; absent when it has no end. */
  readonly resetsAtMs: number | undefined
  /** Settled in the open window as far as this process knows: the ledger's total, and what was settled here since. */
  spent: Picodollars
}

/** Whether an admission has anything to ask about a scope. */
export function isLimited(scope: Scope): boolean {
  return (
    scope.maxBudget !== undefined ||
    scope.requestsPerMinute !== undefined ||
    scope.tokensPerMinute !== undefined ||
    scope.parallelRequests !== undefined
  )
}
