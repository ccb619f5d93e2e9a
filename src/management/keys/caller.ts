/**
 * Who asks, as the database knows it at this moment: what a caller may hand on is decided from fresh rows, not from
 * what a process remembers.
 */
import type { Kysely, Transaction } from 'kysely'
import { unknownKey } from '../../identity/refusals.ts'
import type { Principal } from '../../identity/principal.ts'
import type { Schema } from '../../storage/database.ts'
import { findKey, type KeyRow } from '../../storage/queries/principals-keys.ts'
import { findMemberships, type MembershipRow } from '../../storage/queries/principals-teams.ts'
import { findUser, type UserRow } from '../../storage/queries/principals-users.ts'

/** The master key, or the key of an administrator. */
export interface AdminCaller {
  readonly kind: 'admin'
  readonly principal: Principal
  /** True for a key with `allowed_routes`: it must not hand out an administrator's rights, which are wider. */
  readonly restricted: boolean
}

/** Everyone else. */
export interface MemberCaller {
  readonly kind: 'member'
  readonly principal: Principal
  readonly key: KeyRow
  readonly user: UserRow | undefined
  readonly memberships: readonly MembershipRow[]
}

export type Caller = AdminCaller | MemberCaller

/** @throws GatewayError `key_unknown` when the caller's key was deleted meanwhile. */
export async function loadCaller(
  database: Kysely<Schema> | Transaction<Schema>,
  principal: Principal,
): Promise<Caller> {
  if (principal.kind === 'master_key') return { kind: 'admin', principal, restricted: false }
  const key = await findKey(database, principal.facts.keyHash)
  if (key === undefined) throw unknownKey()
  const user = key.user_id === null ? undefined : await findUser(database, key.user_id)
  if (user?.user_role === 'proxy_admin') {
    return { kind: 'admin', principal, restricted: key.allowed_routes.length > 0 }
  }
  const memberships = user === undefined ? [] : await findMemberships(database, user.user_id)
  return { kind: 'member', principal, key, user, memberships }
}

/** Whether the team's administrators or its permissions let the caller do this with the team's keys. */
export function mayInTeam(caller: MemberCaller, teamId: string, permission: string): boolean {
  if (caller.key.team_id !== null && caller.key.team_id !== teamId) return false
  const membership = caller.memberships.find((each) => each.team_id === teamId)
  if (membership === undefined) return false
  return membership.role === 'admin' || membership.member_permissions.includes(permission)
}

export function isTeamAdmin(caller: MemberCaller, teamId: string): boolean {
  return caller.memberships.some((each) => each.team_id === teamId && each.role === 'admin')
}

/** Whether the caller may see a key. Its hash and its alias give nothing away to those who may not. */
export function maySeeKey(caller: Caller, key: KeyRow): boolean {
  if (caller.kind === 'admin' || caller.principal.role === 'proxy_admin_viewer') return true
  if (key.key_hash === caller.key.key_hash) return true
  if (caller.user !== undefined && key.user_id === caller.user.user_id) return true
  return key.team_id !== null && mayInTeam(caller, key.team_id, '/key/info')
}

/**
 * Whether the caller may change or delete a key: its own personal keys; of a team the keys that are its own where the
 * team permits, and all of them as the team's administrator. A team's key reaches no further than its team.
 */
export function mayManageKey(caller: Caller, key: KeyRow, permission: string): boolean {
  if (caller.kind === 'admin') return true
  if (caller.user === undefined) return false
  const own = key.user_id === caller.user.user_id
  if (key.team_id === null) return own && caller.key.team_id === null
  return mayInTeam(caller, key.team_id, permission) && (own || isTeamAdmin(caller, key.team_id))
}
