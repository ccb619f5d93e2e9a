/**
 * Who is calling, and what they may do. A `Principal` is made once per key and kept in memory; the call path reads
 * it, and never asks a database.
 */
import type { CallerFacts } from '../record/call-record.ts'
import type { Scope } from '../record/scope.ts'

export const ROLES = ['proxy_admin', 'proxy_admin_viewer', 'internal_user', 'internal_user_viewer'] as const
export type Role = (typeof ROLES)[number]

export interface Principal {
  readonly kind: 'master_key' | 'virtual_key'
  readonly facts: CallerFacts
  readonly role: Role
  /** Models the key, then its team or user, then its organization may call; an empty list allows all. All lists must allow. */
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
  /** Controls of the response cache that requests may set (`allowed_cache_controls`); an empty list allows all. */
  readonly allowedCacheControls?: readonly string[]
  /** The key's own scope first. */
  readonly scopes: readonly Scope[]
  /** The same with the scopes of one model within them, for the model groups that have limits of their own. */
  readonly modelScopes?: ReadonlyMap<string, readonly Scope[]> | undefined
}

export interface ModelList {
  readonly kind: 'key' | 'team' | 'user' | 'organization'
  readonly models: readonly string[]
}
