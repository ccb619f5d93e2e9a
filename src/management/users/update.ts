/** `POST /user/update`: administrators change what they like; everyone else changes the own display name. */
import { z } from 'zod'
import { GatewayError } from '../../errors/gateway-error.ts'
import { calendarOf } from '../../identity/calendar.ts'
import type { Principal } from '../../identity/principal.ts'
import {
  findUser,
  findUserByEmail,
  updateUser,
  type UserRow,
} from '../../storage/queries/principals-users.ts'
import { commitChange } from '../commit-change.ts'
import { loadCaller, type Caller } from '../keys/caller.ts'
import { forbidden, requireGrantable } from '../keys/key-rights.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { name } from '../wire/fields.ts'
import { USER_FIELDS, userColumns, userNotFound, writeUserSpend } from './user-fields.ts'
import { userOnWire } from './user-row.ts'

const updateInput = z.object({ ...USER_FIELDS, user_id: name })

/** What a user may say about itself. */
const OWN_FIELDS = ['user_id', 'user_alias']

export function updateUserRoute(services: ManagementServices): ManagementRoute {
  return { method: 'POST', path: '/user/update', handle: async (request) => await update(services, request) }
}

async function update(services: ManagementServices, { principal, body }: ManagementRequest) {
  const input = parseInput(updateInput, body ?? {})
  const nowMs = services.clock()
  return await commitChange(services, async ({ transaction, announce }) => {
    const caller = await loadCaller(transaction, principal)
    if (caller.kind === 'member') requireOwnUpdate(principal, body, input.user_id)
    const { user_id: userId, user_email: email } = input
    if (typeof userId !== 'string' && typeof email !== 'string') {
      throw new GatewayError('bad_request', 'user_id: expected the user to change, or user_email', {
        param: 'user_id',
      })
    }
    const stored =
      typeof userId === 'string'
        ? await findUser(transaction, userId)
        : await findUserByEmail(transaction, email ?? '')
    if (stored === undefined) throw userNotFound(userId ?? email ?? '')
    requireMayChange(caller, stored, input.user_role ?? undefined)
    await updateUser(transaction, stored.user_id, {
      ...userColumns(input, body, stored, nowMs),
      updated_at: new Date(nowMs),
      updated_by: principal.facts.userId ?? null,
    })
    await writeUserSpend(transaction, stored.user_id, input, {
      nowMs,
      calendar: calendarOf(services.config.litellm_settings),
    })
    announce({ subject: 'user', id: stored.user_id })
    const user = await findUser(transaction, stored.user_id)
    if (user === undefined) throw userNotFound(stored.user_id)
    return { user_id: user.user_id, data: userOnWire(user) }
  })
}

function requireOwnUpdate(principal: Principal, body: unknown, userId: string | null | undefined): void {
  if (typeof userId !== 'string' || userId !== principal.facts.userId) {
    throw forbidden('user_id: only an administrator may change another user.', 'user_id')
  }
  const reserved = Object.keys(body ?? {}).find((field) => !OWN_FIELDS.includes(field))
  if (reserved !== undefined) throw forbidden(`${reserved}: only an administrator may change this.`, reserved)
}

function requireMayChange(caller: Caller, stored: UserRow, newRole: string | undefined): void {
  if (caller.kind === 'member') return
  requireGrantable(caller, stored.user_role)
  requireGrantable(caller, newRole)
}
