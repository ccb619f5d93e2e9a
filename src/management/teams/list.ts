/** `GET /team/list`: an array of teams with keys and memberships; who is no administrator gets the teams it belongs to. */
import type { Kysely } from 'kysely'
import { z } from 'zod'
import type { Schema } from '../../storage/database.ts'
import { findMembers, findTeams, listTeamIds } from '../../storage/queries/principals-teams.ts'
import { forbidden } from '../keys/key-rights.ts'
import { mapInTurns } from '../in-turns.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { withoutEmpty } from '../wire/query.ts'
import { detailsOf, seesAllTeams } from './info.ts'
import { teamOnWire } from './team-row.ts'

/** A thousand rows in one piece would hold up the calls of that moment: the driver makes values of all that has come. */
const TEAMS_READ_AT_ONCE = 100

const listQuery = z.object({ user_id: z.string().optional(), organization_id: z.string().optional() })

export function listTeamsRoute(services: ManagementServices): ManagementRoute {
  return { method: 'GET', path: '/team/list', handle: async (request) => await list(services, request) }
}

async function list({ database }: ManagementServices, { principal, query: raw }: ManagementRequest) {
  const query = parseInput(listQuery, withoutEmpty(raw))
  const ownId = principal.facts.userId
  const seesAll = seesAllTeams(principal)
  if (!seesAll && query.user_id !== undefined && query.user_id !== ownId) {
    throw forbidden('user_id: only an administrator may list the teams of another user.', 'user_id')
  }
  if (!seesAll && ownId === undefined) return []
  const memberId = query.user_id ?? (seesAll ? undefined : ownId)
  const teamIds = await listTeamIds(database.sql, {
    memberIds: memberId === undefined ? [] : [memberId],
    organizationIds: query.organization_id === undefined ? undefined : [query.organization_id],
  })
  const teams: Awaited<ReturnType<typeof teamsOnWire>> = []
  for (let start = 0; start < teamIds.length; start += TEAMS_READ_AT_ONCE) {
    teams.push(...(await teamsOnWire(database.sql, teamIds.slice(start, start + TEAMS_READ_AT_ONCE))))
  }
  return teams
}

async function teamsOnWire(database: Kysely<Schema>, ids: readonly string[]) {
  const teams = await findTeams(database, ids)
  const teamIds = teams.map((team) => team.team_id)
  const members = await findMembers(database, teamIds)
  const membersOf = Map.groupBy(members, (member) => member.team_id)
  const details = await detailsOf(database, teamIds, members)
  return await mapInTurns(teams, (team, index) => ({
    ...teamOnWire(team, membersOf.get(team.team_id) ?? []),
    ...details[index],
  }))
}
