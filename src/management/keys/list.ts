/** `GET /key/list`: hashes, or whole keys, page by page; callers who are no administrators see their own. */
import { z } from 'zod'
import { KEY_SORTS, listKeys, type KeyFilter } from '../../storage/queries/principals-keys.ts'
import {
  parseInput,
  queryBoolean,
  queryInteger,
  type ManagementRequest,
  type ManagementRoute,
} from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { withoutEmpty } from '../wire/query.ts'
import { isTeamAdmin, loadCaller, type Caller } from './caller.ts'
import { keyHashOf } from './find-key.ts'
import { forbidden } from './key-rights.ts'
import { keyOnWire } from './key-row.ts'

const listQuery = z.object({
  page: queryInteger(1, 1_000_000).default(1),
  size: queryInteger(1, 100).default(10),
  user_id: z.string().optional(),
  team_id: z.string().optional(),
  organization_id: z.string().optional(),
  key_hash: z.string().optional(),
  key_alias: z.string().optional(),
  return_full_object: queryBoolean.default(false),
  include_team_keys: queryBoolean.default(false),
  sort_by: z
    .string()
    .transform((sort) => (sort === 'expires' ? 'expires_at' : sort))
    .pipe(z.enum(KEY_SORTS))
    .default('created_at'),
  sort_order: z.enum(['asc', 'desc']).default('desc'),
})

export function listKeysRoute(services: ManagementServices): ManagementRoute {
  return { method: 'GET', path: '/key/list', handle: async (request) => await list(services, request) }
}

async function list({ database }: ManagementServices, { principal, query: raw }: ManagementRequest) {
  const query = parseInput(listQuery, withoutEmpty(raw))
  const caller = await loadCaller(database.sql, principal)
  const filter: KeyFilter = {
    keyHash: query.key_hash === undefined ? undefined : keyHashOf(query.key_hash),
    userId: query.user_id,
    teamId: query.team_id,
    organizationId: query.organization_id,
    aliasPart: query.key_alias,
    visibleTo: visibility(caller, query.user_id, query.team_id, query.include_team_keys),
  }
  const { rows, count } = await listKeys(database.sql, filter, {
    offset: (query.page - 1) * query.size,
    limit: query.size,
    sort: query.sort_by,
    descending: query.sort_order === 'desc',
  })
  return {
    keys: query.return_full_object
      ? rows.map((row) => keyOnWire(row, undefined))
      : rows.map((row) => row.key_hash),
    total_count: count,
    current_page: query.page,
    total_pages: Math.ceil(count / query.size),
  }
}

function visibility(
  caller: Caller,
  userId: string | undefined,
  teamId: string | undefined,
  includeTeamKeys: boolean,
): KeyFilter['visibleTo'] {
  if (caller.kind === 'admin' || caller.principal.role === 'proxy_admin_viewer') return undefined
  const ownId = caller.user?.user_id
  const ledTeams = caller.memberships.map((each) => each.team_id).filter((id) => isTeamAdmin(caller, id))
  if (userId !== undefined && userId !== ownId) {
    throw forbidden('user_id: only an administrator may list the keys of another user.', 'user_id')
  }
  const teamIds = includeTeamKeys || teamId !== undefined ? ledTeams : []
  return { userId: ownId, teamIds }
}
