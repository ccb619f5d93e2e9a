/** `POST /team/delete`: teams with their keys and memberships; a copy of each key is kept. */
import { z } from 'zod'
import { deleteKeys, findKeysOf } from '../../storage/queries/principals-keys.ts'
import { deleteTeams, findTeams } from '../../storage/queries/principals-teams.ts'
import { commitChange } from '../commit-change.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { teamNotFound } from './membership.ts'

const deleteInput = z.object({
  team_ids: z.array(z.string().min(1).max(512), { error: 'expected a list of team ids' }).min(1).max(1_000),
})

export function deleteTeamsRoute(services: ManagementServices): ManagementRoute {
  return { method: 'POST', path: '/team/delete', handle: async (request) => await remove(services, request) }
}

async function remove(services: ManagementServices, { principal, body }: ManagementRequest) {
  const { team_ids: teamIds } = parseInput(deleteInput, body ?? {})
  return await commitChange(services, async ({ transaction, announce }) => {
    const known = await findTeams(transaction, teamIds)
    const missing = teamIds.find((teamId) => !known.some((team) => team.team_id === teamId))
    if (missing !== undefined) throw teamNotFound(missing)
    const keys = await findKeysOf(transaction, { teamIds })
    const { userId, keyHash } = principal.facts
    await deleteKeys(
      transaction,
      keys.map((key) => key.key_hash),
      { userId, keyHash },
    )
    await deleteTeams(transaction, teamIds)
    for (const key of keys) announce({ subject: 'key', id: key.key_hash })
    for (const id of teamIds) announce({ subject: 'team', id })
    return { deleted_teams: teamIds }
  })
}
