/** `POST /user/delete`: users with their keys and memberships. Answers a bare number, as LiteLLM does. */
import { z } from 'zod'
import { GatewayError } from '../../errors/gateway-error.ts'
import { deleteKeys, findKeysOf } from '../../storage/queries/principals-keys.ts'
import { deleteUsers, findUser } from '../../storage/queries/principals-users.ts'
import { commitChange } from '../commit-change.ts'
import { loadCaller } from '../keys/caller.ts'
import { forbidden, requireGrantable } from '../keys/key-rights.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { userNotFound } from './user-fields.ts'

const deleteInput = z.object({
  user_ids: z.array(z.string().min(1).max(512), { error: 'expected a list of user ids' }).min(1).max(1_000),
})

export function deleteUsersRoute(services: ManagementServices): ManagementRoute {
  return { method: 'POST', path: '/user/delete', handle: async (request) => await remove(services, request) }
}

async function remove(services: ManagementServices, { principal, body }: ManagementRequest): Promise<number> {
  const { user_ids: userIds } = parseInput(deleteInput, body ?? {})
  return await commitChange(services, async ({ transaction, announce }) => {
    const caller = await loadCaller(transaction, principal)
    if (caller.kind === 'member') throw forbidden('Only an administrator may delete users.')
    for (const userId of userIds) {
      const user = await findUser(transaction, userId)
      if (user === undefined) throw userNotFound(userId)
      requireGrantable(caller, user.user_role)
    }
    if (principal.facts.userId !== undefined && userIds.includes(principal.facts.userId)) {
      throw new GatewayError('bad_request', 'user_ids: a caller cannot delete itself', { param: 'user_ids' })
    }
    const keys = await findKeysOf(transaction, { userIds })
    const { userId, keyHash } = principal.facts
    await deleteKeys(
      transaction,
      keys.map((key) => key.key_hash),
      { userId, keyHash },
    )
    const deleted = await deleteUsers(transaction, userIds)
    for (const key of keys) announce({ subject: 'key', id: key.key_hash })
    for (const id of deleted) announce({ subject: 'user', id })
    return deleted.length
  })
}
