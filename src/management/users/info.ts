/** `GET /user/info`: a user with its keys and teams; without `user_id` the caller, and for administrators everyone's keys and teams. */
import { z } from 'zod'
import type { Kysely } from 'kysely'
import { forbidden } from '../keys/key-rights.ts'
import type { Principal } from '../../identity/principal.ts'
import type { Schema } from '../../storage/database.ts'
import { findKeysOf, listKeys, type KeyRow } from '../../storage/queries/principals-keys.ts'
import { findMembers, findTeams, listTeams, type TeamRow } from '../../storage/queries/principals-teams.ts'
import { findUser } from '../../storage/queries/principals-users.ts'
import { keyOnWire } from '../keys/key-row.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { teamOnWire } from '../teams/team-row.ts'
import { userNotFound } from './user-fields.ts'
import { userOnWire } from './user-row.ts'

/** How many keys an administrator gets without naming a user: `/key/list` has all of them, in pages. */
const MOST_KEYS = 1_000

const infoQuery = z.object({ user_id: z.string().max(512).optional() })

export function userInfoRoute(services: ManagementServices): ManagementRoute {
  return { method: 'GET', path: '/user/info', handle: async (request) => await userInfo(services, request) }
}

async function userInfo({ database }: ManagementServices, { principal, query }: ManagementRequest) {
  const asked = parseInput(infoQuery, query).user_id
  const seesAll = principal.role === 'proxy_admin' || principal.role === 'proxy_admin_viewer'
  if (asked === undefined || asked === '') {
    return seesAll ? await everyone(database.sql, principal) : await one(database.sql, ownId(principal))
  }
  if (!seesAll && asked !== principal.facts.userId) {
    throw forbidden('user_id: only an administrator may see another user.', 'user_id')
  }
  return await one(database.sql, asked)
}

function ownId(principal: Principal): string {
  const { userId } = principal.facts
  if (userId === undefined) throw userNotFound('(this key has none)')
  return userId
}

async function one(database: Kysely<Schema>, userId: string) {
  const user = await findUser(database, userId)
  if (user === undefined) throw userNotFound(userId)
  const keys = await findKeysOf(database, { userIds: [userId] })
  const teams = await findTeams(database, [
    ...user.teams,
    ...keys.flatMap((key) => (key.team_id === null ? [] : [key.team_id])),
  ])
  return {
    user_id: userId,
    user_info: userOnWire(user),
    keys: keys.map((key) => keyWithTeam(key, teams)),
    teams: await withMembers(
      database,
      teams.filter((team) => user.teams.includes(team.team_id)),
    ),
  }
}

async function everyone(database: Kysely<Schema>, principal: Principal) {
  const own =
    principal.facts.userId === undefined ? undefined : await findUser(database, principal.facts.userId)
  const teams = await listTeams(database, { memberIds: [], organizationIds: undefined })
  const page = { offset: 0, limit: MOST_KEYS, sort: 'created_at', descending: true } as const
  const { rows } = await listKeys(database, {}, page)
  return {
    user_id: principal.facts.userId ?? null,
    user_info: own === undefined ? null : userOnWire(own),
    keys: rows.map((key) => keyWithTeam(key, teams)),
    teams: await withMembers(database, teams),
  }
}

function keyWithTeam(key: KeyRow, teams: readonly TeamRow[]) {
  const team = teams.find((each) => each.team_id === key.team_id)
  return { ...keyOnWire(key, undefined), team_alias: team?.team_alias ?? null }
}

async function withMembers(database: Kysely<Schema>, teams: readonly TeamRow[]) {
  const members = await findMembers(
    database,
    teams.map((team) => team.team_id),
  )
  return teams.map((team) =>
    teamOnWire(
      team,
      members.filter((member) => member.team_id === team.team_id),
    ),
  )
}
