/**
 * Who is calling, and what they may do. A `Principal` is made once per key and kept in memory; the call path reads
 * it, and never asks a database.
 */
import type { Picodollars } from '../money/picodollars.ts'
import type { CallerFacts } from '../record/call-record.ts'

export const ROLES = ['proxy_admin', 'proxy_admin_viewer', 'internal_user', 'internal_user_viewer'] as const
export type Role = (typeof ROLES)[number]

export type SpendScopeKind = 'key' | 'user' | 'team' | 'team_member' | 'organization' | 'end_user'

/**
 * Something that spend is counted for. One object per scope in a process, shared by all principals that it covers:
 * `spent` is the amount settled so far (what the ledger holds plus what this process has settled since).
 */
export interface SpendScope {
  readonly kind: SpendScopeKind
  /** Key hash, user id, team id, `teamId::userId`, … */
  readonly id: string
  /** Shown in refusals, e.g. the key's alias or masked name. */
  readonly label: string
  maxBudget: Picodollars | undefined
  spent: Picodollars
  /** When the budget's window begins anew, in epoch milliseconds; absent when it has none. */
  readonly resetsAtMs?: number | undefined
}

export interface Principal {
  readonly kind: 'master_key' | 'virtual_key'
  readonly facts: CallerFacts
  readonly role: Role
  /** Models the key, then its team, then its user may call; an empty list allows all. All lists must allow. */
  readonly modelLists: readonly ModelList[]
  /** `allowed_routes` of the key; empty allows what the role allows. */
  readonly allowedRoutes: readonly string[]
  /** Epoch milliseconds, or undefined for never. */
  readonly expiresAtMs: number | undefined
  readonly blocked: 'key' | 'team' | undefined
  /** Tags of key and team metadata: they are added to each call's tags. */
  readonly tags: readonly string[]
  /** Key alias → model group (`aliases` of the key, then of the team). */
  readonly modelAliases: ReadonlyMap<string, string>
  /**
   * The names of `modelAliases` that the key itself defines. Its owner may choose them freely, so that rights are
   * asked for what they stand for, and never for the name.
   */
  readonly ownAliases?: ReadonlySet<string>
  /** The key's own scope first. */
  readonly scopes: readonly SpendScope[]
}

export interface ModelList {
  readonly kind: 'key' | 'team' | 'user'
  readonly models: readonly string[]
}
