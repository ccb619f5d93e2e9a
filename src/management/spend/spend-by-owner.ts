/** `GET /spend/keys` and `/spend/users`: keys and users (by what their personal keys spent), the largest spenders first. */
import { z } from 'zod'
import { listKeys } from '../../storage/queries/principals-keys.ts'
import { listUsers } from '../../storage/queries/principals-users.ts'
import { keyOnWire } from '../keys/key-row.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import { userOnWire } from '../users/user-row.ts'
import { withoutEmpty, type SpendServices } from './spend-services.ts'
import { seesAllSpend, visibleSpend } from './visible-spend.ts'

/** Rows of one answer; `/key/list` and `/user/list` have pages for more. */
const LARGEST_FIRST = { offset: 0, limit: 1000, sort: 'spend', descending: true } as const

const usersQuery = z.object({ user_id: z.string().optional() })

export function spendByOwnerRoutes(services: SpendServices): readonly ManagementRoute[] {
  return [
    { method: 'GET', path: '/spend/keys', handle: async (request) => await spendKeys(services, request) },
    { method: 'GET', path: '/spend/users', handle: async (request) => await spendUsers(services, request) },
  ]
}

async function spendKeys({ database }: SpendServices, { principal }: ManagementRequest) {
  const { rows } = await listKeys(database.sql, visibleSpend(principal, {}), LARGEST_FIRST)
  return rows.map((row) => keyOnWire(row, undefined))
}

async function spendUsers({ database }: SpendServices, { principal, query: raw }: ManagementRequest) {
  const query = parseInput(usersQuery, withoutEmpty(raw))
  const { userId } = visibleSpend(principal, { userId: query.user_id })
  // A caller without a user sees no users.
  if (userId === undefined && !seesAllSpend(principal)) return []
  const filter = { userIds: userId === undefined ? undefined : [userId] }
  const { rows } = await listUsers(database.sql, filter, LARGEST_FIRST)
  return rows.map(userOnWire)
}
