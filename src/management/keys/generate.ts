/** `POST /key/generate`: a new virtual key. */
import { z } from 'zod'
import type { Transaction } from 'kysely'
import { GatewayError } from '../../errors/gateway-error.ts'
import { calendarOf } from '../../identity/calendar.ts'
import type { Schema } from '../../storage/database.ts'
import { findTeam, type TeamRow } from '../../storage/queries/principals-teams.ts'
import { findUser } from '../../storage/queries/principals-users.ts'
import { commitChange } from '../commit-change.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { name } from '../wire/fields.ts'
import { loadCaller, mayInTeam, type Caller } from './caller.ts'
import { withKeyBounds, withKeyDefaults } from './key-defaults.ts'
import { KEY_FIELDS, keyChange, type KeyChange } from './key-fields.ts'
import { forbidden, narrowedNewKey, requireGrantable, requireOwnFields } from './key-rights.ts'
import { makeKey, randomKey, requireUsableKey } from './make-key.ts'

const generateInput = z.object({ ...KEY_FIELDS, key: name })

export function generateKeyRoute(services: ManagementServices): ManagementRoute {
  return {
    method: 'POST',
    path: '/key/generate',
    handle: async (request) => await generateKey(services, request),
  }
}

async function generateKey(services: ManagementServices, { principal, body: sent }: ManagementRequest) {
  const settings = services.config.litellm_settings
  const body = withKeyBounds(withKeyDefaults(sent, settings), settings.upperbound_key_generate_params, true)
  const input = parseInput(generateInput, body)
  const nowMs = services.clock()
  return await commitChange(services, async ({ transaction, announce }) => {
    const caller = await loadCaller(transaction, principal)
    if (caller.kind === 'member') requireOwnFields(sent, 'generate')
    const rawKey = input.key ?? randomKey()
    requireUsableKey(rawKey)
    const change = await grantedKey(transaction, caller, keyChange(input, body, undefined, nowMs))
    const answer = await makeKey(transaction, rawKey, change, {
      madeBy: principal.facts.userId,
      nowMs,
      calendar: calendarOf(settings),
      spent: input.spend,
    })
    announce({ subject: 'key', id: answer.token })
    return answer
  })
}

/** The key that the caller may have: its owner, its team and its rights settled. */
async function grantedKey(
  transaction: Transaction<Schema>,
  caller: Caller,
  change: KeyChange,
): Promise<KeyChange> {
  if (caller.kind === 'admin') {
    const team = await requireTeam(transaction, change.team_id)
    if (caller.restricted && typeof change.user_id === 'string') {
      requireGrantable(caller, (await findUser(transaction, change.user_id))?.user_role)
    }
    return { ...change, team_id: team?.team_id ?? null }
  }
  const userId = caller.user?.user_id
  if (userId === undefined) throw forbidden('Only a key with a user may make keys.')
  if (typeof change.user_id === 'string' && change.user_id !== userId) {
    throw forbidden('user_id: only an administrator may make keys for another user.', 'user_id')
  }
  const teamId = change.team_id ?? caller.key.team_id
  if (teamId !== null && !mayInTeam(caller, teamId, '/key/generate')) {
    throw forbidden('team_id: this key may not make keys for the team.', 'team_id')
  }
  const team = await requireTeam(transaction, teamId)
  return { ...narrowedNewKey(caller, change, team), user_id: userId, team_id: teamId }
}

/** @throws GatewayError `bad_request` when the team does not exist. */
export async function requireTeam(
  transaction: Transaction<Schema>,
  teamId: string | null | undefined,
): Promise<TeamRow | undefined> {
  if (teamId === null || teamId === undefined) return undefined
  const team = await findTeam(transaction, teamId)
  if (team !== undefined) return team
  throw new GatewayError('bad_request', `Team not found: ${teamId}.`, { param: 'team_id' })
}
