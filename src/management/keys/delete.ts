/** `POST /key/delete`: by keys, hashes or aliases; a copy of each row is kept. */
import { z } from 'zod'
import type { Transaction } from 'kysely'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Schema } from '../../storage/database.ts'
import {
  deleteKeys,
  findKeysByAlias,
  findKeysByHash,
  type KeyRow,
} from '../../storage/queries/principals-keys.ts'
import { findUser } from '../../storage/queries/principals-users.ts'
import { commitChange } from '../commit-change.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { names } from '../wire/fields.ts'
import { loadCaller, mayManageKey, type Caller } from './caller.ts'
import { keyHashOf } from './find-key.ts'
import { requireGrantable } from './key-rights.ts'

const deleteInput = z.object({ keys: names, key_aliases: names })

export function deleteKeysRoute(services: ManagementServices): ManagementRoute {
  return { method: 'POST', path: '/key/delete', handle: async (request) => await remove(services, request) }
}

async function remove(services: ManagementServices, { principal, body }: ManagementRequest) {
  const { keys, key_aliases: aliases } = parseInput(deleteInput, body ?? {})
  if ((keys ?? []).length === 0 && (aliases ?? []).length === 0) {
    throw new GatewayError('bad_request', 'keys: expected a list of keys, or key_aliases a list of aliases', {
      param: 'keys',
    })
  }
  return await commitChange(services, async ({ transaction, announce }) => {
    const caller = await loadCaller(transaction, principal)
    const found = [
      ...(await findKeysByHash(transaction, (keys ?? []).map(keyHashOf))),
      ...(await findKeysByAlias(transaction, aliases ?? [])),
    ].filter((row) => mayManageKey(caller, row, '/key/delete'))
    if (found.length === 0) throw new GatewayError('not_found', 'No keys found.', { param: 'keys' })
    await requireAllGrantable(transaction, caller, found)
    const hashes = new Set(found.map((row) => row.key_hash))
    await deleteKeys(transaction, [...hashes], {
      userId: principal.facts.userId,
      keyHash: principal.facts.keyHash,
    })
    for (const id of hashes) announce({ subject: 'key', id })
    return { deleted_keys: deletedAsPassed(keys ?? [], aliases ?? [], found) }
  })
}

/** What was passed and is gone: nothing of what was not there, or not the caller's. */
function deletedAsPassed(
  keys: readonly string[],
  aliases: readonly string[],
  found: readonly KeyRow[],
): readonly string[] {
  const hashes = new Set(found.map((row) => row.key_hash))
  const foundAliases = new Set(found.map((row) => row.key_alias))
  return [
    ...keys.filter((key) => hashes.has(keyHashOf(key))),
    ...aliases.filter((alias) => foundAliases.has(alias)),
  ]
}

async function requireAllGrantable(
  transaction: Transaction<Schema>,
  caller: Caller,
  found: readonly KeyRow[],
): Promise<void> {
  if (caller.kind !== 'admin' || !caller.restricted) return
  for (const { user_id: userId } of found) {
    if (userId !== null) requireGrantable(caller, (await findUser(transaction, userId))?.user_role)
  }
}
