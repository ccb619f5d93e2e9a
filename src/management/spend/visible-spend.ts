/** Whose spend a caller may see: administrators and their viewers all of it, everyone else their own. */
import { createHash } from 'node:crypto'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Principal } from '../../identity/principal.ts'

export interface SpendOwner {
  readonly userId?: string | undefined
  readonly keyHash?: string | undefined
}

export function seesAllSpend(principal: Principal): boolean {
  return principal.role === 'proxy_admin' || principal.role === 'proxy_admin_viewer'
}

/**
 * Narrows what was asked for to what the caller may see. A caller without a user sees the spend of its key.
 *
 * @throws GatewayError `route_forbidden` when another user's spend was asked for by name.
 */
export function visibleSpend(principal: Principal, asked: SpendOwner): SpendOwner {
  const keyHash = asked.keyHash === undefined ? undefined : keyHashOf(asked.keyHash)
  if (seesAllSpend(principal)) return { userId: asked.userId, keyHash }
  const own = principal.facts
  if (asked.userId !== undefined && asked.userId !== own.userId) throw notYours('user_id')
  if (own.userId !== undefined) return { userId: own.userId, keyHash }
  if (keyHash !== undefined && keyHash !== own.keyHash) throw notYours('api_key')
  return { keyHash: own.keyHash }
}

/** Clients name a key by its hash, or send the key itself. */
function keyHashOf(key: string): string {
  return key.startsWith('sk-') ? createHash('sha256').update(key).digest('hex') : key
}

function notYours(param: string): GatewayError {
  const message = `${param}: only an administrator may see the spend of others. Leave it out to see your own.`
  return new GatewayError('route_forbidden', message, { param })
}
