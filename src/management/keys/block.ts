/** `POST /key/block` and `/key/unblock`: in force at once, for administrators of the gateway or of the key's team. */
import { z } from 'zod'
import { findKey, lockKey, updateKey } from '../../storage/queries/principals-keys.ts'
import { findUser } from '../../storage/queries/principals-users.ts'
import { commitChange } from '../commit-change.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { isTeamAdmin, loadCaller, mayManageKey } from './caller.ts'
import { keyHashOf, keyNotFound } from './find-key.ts'
import { forbidden, requireGrantable } from './key-rights.ts'
import { keyOnWire } from './key-row.ts'

const blockInput = z.object({ key: z.string({ error: 'expected a key or its hash' }).min(1).max(512) })

export function blockKeyRoutes(services: ManagementServices): readonly ManagementRoute[] {
  return [
    {
      method: 'POST',
      path: '/key/block',
      handle: async (request) => await setBlocked(services, request, true),
    },
    {
      method: 'POST',
      path: '/key/unblock',
      handle: async (request) => await setBlocked(services, request, false),
    },
  ]
}

async function setBlocked(
  services: ManagementServices,
  { principal, body }: ManagementRequest,
  blocked: boolean,
) {
  const { key } = parseInput(blockInput, body ?? {})
  return await commitChange(services, async ({ transaction, announce }) => {
    const stored = await lockKey(transaction, keyHashOf(key))
    const caller = await loadCaller(transaction, principal)
    if (stored === undefined || !mayManageKey(caller, stored, '/key/block')) throw keyNotFound()
    if (caller.kind === 'member' && (stored.team_id === null || !isTeamAdmin(caller, stored.team_id))) {
      throw forbidden('Only an administrator of the gateway or of the key’s team may block and unblock keys.')
    }
    if (caller.kind === 'admin' && stored.user_id !== null) {
      requireGrantable(caller, (await findUser(transaction, stored.user_id))?.user_role)
    }
    await updateKey(transaction, stored.key_hash, {
      blocked,
      updated_at: new Date(services.clock()),
      updated_by: principal.facts.userId ?? null,
    })
    announce({ subject: 'key', id: stored.key_hash })
    const row = await findKey(transaction, stored.key_hash)
    if (row === undefined) throw keyNotFound()
    return keyOnWire(row, undefined)
  })
}
