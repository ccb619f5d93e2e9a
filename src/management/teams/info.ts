/** `GET /team/info`: one team with its keys and memberships, for its members and for administrators. */
import { z } from 'zod'
import type { Kysely } from 'kysely'
import type { Principal } from '../../identity/principal.ts'
import type { Schema } from '../../storage/database.ts'
import { findBudgets, findKeysOf } from '../../storage/queries/principals-keys.ts'
import { findMembers, findTeam, type MemberRow } from '../../storage/queries/principals-teams.ts'
import { mapInTurns } from '../in-turns.ts'
import { keyOnWire } from '../keys/key-row.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { teamNotFound } from './membership.ts'
import { membershipOnWire, teamOnWire } from './team-row.ts'

const infoQuery = z.object({ team_id: z.string({ error: 'expected the id of a team' }).min(1).max(512) })

export function teamInfoRoute(services: ManagementServices): ManagementRoute {
  return { method: 'GET', path: '/team/info', handle: async (request) => await teamInfo(services, request) }
}

async function teamInfo({ database }: ManagementServices, { principal, query }: ManagementRequest) {
  const { team_id: teamId } = parseInput(infoQuery, query)
  const team = await findTeam(database.sql, teamId)
  const members = team === undefined ? [] : await findMembers(database.sql, [teamId])
  const visible =
    seesAllTeams(principal) ||
    principal.facts.teamId === teamId ||
    members.some((member) => member.user_id === principal.facts.userId)
  if (team === undefined || !visible) {
    throw teamNotFound(teamId)
  }
  const [details] = await detailsOf(database.sql, [teamId], members)
  return { team_id: teamId, team_info: teamOnWire(team, members), ...details }
}

export function seesAllTeams(principal: Principal): boolean {
  return principal.role === 'proxy_admin' || principal.role === 'proxy_admin_viewer'
}

/**
 * Keys and memberships of each team, in the order of the teams.
 * @param members of these teams.
 */
export async function detailsOf(
  database: Kysely<Schema>,
  teamIds: readonly string[],
  members: readonly MemberRow[],
) {
  const keys = await findKeysOf(database, { teamIds })
  const budgetIds = members.flatMap((member) => (member.budget_id === null ? [] : [member.budget_id]))
  const budgets = new Map(
    (await findBudgets(database, budgetIds)).map((budget) => [budget.budget_id, budget]),
  )
  const keysOf = Map.groupBy(keys, (key) => key.team_id)
  const membersOf = Map.groupBy(members, (member) => member.team_id)
  return await mapInTurns(teamIds, (teamId) => ({
    keys: (keysOf.get(teamId) ?? []).map((key) => keyOnWire(key, undefined)),
    team_memberships: (membersOf.get(teamId) ?? []).map((member) =>
      membershipOnWire(member, member.budget_id === null ? undefined : budgets.get(member.budget_id)),
    ),
  }))
}
