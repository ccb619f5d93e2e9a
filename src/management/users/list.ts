/** `GET /user/list`: users page by page, for administrators. */
import { z } from 'zod'
import { listUsers, USER_SORTS } from '../../storage/queries/principals-users.ts'
import { parseInput, queryInteger, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { withoutEmpty } from '../wire/query.ts'
import { userOnWire } from './user-row.ts'

const commaList = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .transform((parts) => parts.filter((part) => part !== ''))
  .transform((parts) => (parts.length === 0 ? undefined : parts))
  .optional()

const listQuery = z.object({
  role: z.string().optional(),
  user_role: z.string().optional(),
  user_ids: commaList,
  sso_user_ids: commaList,
  user_email: z.string().optional(),
  team: z.string().optional(),
  page: queryInteger(1, 1_000_000).default(1),
  page_size: queryInteger(1, 100).default(25),
  sort_by: z.enum(USER_SORTS).default('created_at'),
  sort_order: z.enum(['asc', 'desc']).default('asc'),
})

export function listUsersRoute(services: ManagementServices): ManagementRoute {
  return { method: 'GET', path: '/user/list', handle: async (request) => await list(services, request) }
}

async function list({ database }: ManagementServices, { query: raw }: ManagementRequest) {
  const query = parseInput(listQuery, withoutEmpty(raw))
  const role = query.role ?? query.user_role
  const { rows, count } = await listUsers(
    database.sql,
    {
      roles: role === undefined ? undefined : [role],
      userIds: query.user_ids,
      ssoUserIds: query.sso_user_ids,
      emailPart: query.user_email,
      teamId: query.team,
    },
    {
      offset: (query.page - 1) * query.page_size,
      limit: query.page_size,
      sort: query.sort_by,
      descending: query.sort_order === 'desc',
    },
  )
  return {
    users: rows.map((row) => ({ ...userOnWire(row), key_count: Number(row.key_count) })),
    total: count,
    page: query.page,
    page_size: query.page_size,
    total_pages: Math.ceil(count / query.page_size),
  }
}
