/** From the rows of a key, its user, team and organization to a principal. */
import { createHash } from 'node:crypto'
import type { PrincipalRow } from '../storage/queries/principals.ts'
import { ROLES, type ModelList, type Principal, type Role } from './principal.ts'
import { callerScopes } from './principal-scopes.ts'
import type { ScopeBook } from './scope-book.ts'

/** Who the master key is in records, so that neither the key nor its hash is ever written anywhere. */
const MASTER_KEY_HASH = createHash('sha256').update('litellm_proxy_master_key').digest('hex')
export const MASTER_USER_ID = 'default_user_id'

export const MASTER_PRINCIPAL: Principal = {
  kind: 'master_key',
  facts: {
    keyHash: MASTER_KEY_HASH,
    keyAlias: undefined,
    userId: MASTER_USER_ID,
    userEmail: undefined,
    teamId: undefined,
    teamAlias: undefined,
    organizationId: undefined,
  },
  role: 'proxy_admin',
  modelLists: [],
  allowedRoutes: [],
  expiresAtMs: undefined,
  blocked: undefined,
  tags: [],
  modelAliases: new Map(),
  scopes: [],
}

/** A caller that no database could be asked about, where the configuration lets such callers use models. */
export function unverifiedPrincipal(keyHash: string): Principal {
  return {
    ...MASTER_PRINCIPAL,
    kind: 'virtual_key',
    facts: { ...MASTER_PRINCIPAL.facts, keyHash, userId: undefined },
    role: 'internal_user_viewer',
    allowedRoutes: ['llm_api_routes'],
  }
}

export function buildPrincipal(row: PrincipalRow, book: ScopeBook): Principal {
  const ownAliases = stringMembers(row.aliases)
  return {
    kind: 'virtual_key',
    facts: {
      keyHash: row.key_hash,
      keyAlias: row.key_alias ?? undefined,
      userId: row.user_id ?? undefined,
      userEmail: row.user_email ?? undefined,
      teamId: row.team_id ?? undefined,
      teamAlias: row.team_alias ?? undefined,
      organizationId: row.organization_id ?? undefined,
      metadata: { ...row.team_metadata, ...row.metadata },
    },
    role: roleOf(row),
    modelLists: modelLists(row),
    allowedRoutes: row.allowed_routes,
    expiresAtMs: row.expires_at?.getTime(),
    blocked: row.blocked ? 'key' : row.team_blocked === true ? 'team' : undefined,
    tags: [...new Set([...tagsOf(row.metadata), ...tagsOf(row.team_metadata)])],
    modelAliases: new Map([...stringMembers(row.team_aliases), ...ownAliases]),
    ownAliases: new Set(ownAliases.map(([name]) => name)),
    allowedCacheControls: textsOf(row.allowed_cache_controls),
    ...callerScopes(row, book),
  }
}

/** A key without a user in the database has the least role: it may call models and read what is its own. */
function roleOf(row: PrincipalRow): Role {
  return ROLES.find((role) => role === row.user_role) ?? 'internal_user_viewer'
}

/** The user's list binds personal keys only: what a team's key may call is the team's to say. */
function modelLists(row: PrincipalRow): readonly ModelList[] {
  const lists: readonly ModelList[] = [
    { kind: 'key', models: row.models },
    row.team_id === null
      ? { kind: 'user', models: row.user_models ?? [] }
      : { kind: 'team', models: row.team_models ?? [] },
    { kind: 'organization', models: row.organization_models ?? [] },
  ]
  return lists.filter((list) => list.models.length > 0)
}

function tagsOf(metadata: Record<string, unknown> | null): readonly string[] {
  return textsOf(metadata?.['tags'])
}

function textsOf(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
}

function stringMembers(object: Record<string, unknown> | null): readonly (readonly [string, string])[] {
  return Object.entries(object ?? {}).filter(
    (member): member is [string, string] => typeof member[1] === 'string',
  )
}
