/** How callers are turned away before their rights are asked for. */
import { GatewayError } from '../errors/gateway-error.ts'
import type { Principal } from './principal.ts'

/** One answer to every wrong key, whatever is wrong with it. */
export function unknownKey(): GatewayError {
  return new GatewayError(
    'key_unknown',
    'Authentication Error: the API key is not valid here. Virtual keys begin with sk-; ask the administrator of this gateway for one.',
  )
}

/** @throws GatewayError `key_blocked`, `key_expired`. */
export function requireValid(principal: Principal, nowMs: number): Principal {
  if (principal.blocked !== undefined) throw blocked(principal.blocked)
  if (principal.expiresAtMs !== undefined && principal.expiresAtMs <= nowMs) {
    throw new GatewayError(
      'key_expired',
      `Authentication Error: the API key expired at ${new Date(principal.expiresAtMs).toISOString()}.`,
    )
  }
  return principal
}

function blocked(what: 'key' | 'team'): GatewayError {
  return new GatewayError(
    'key_blocked',
    what === 'key'
      ? 'The API key is blocked. An administrator can release it with /key/unblock.'
      : 'The team of this API key is blocked. An administrator can release it.',
  )
}

export function identityUnavailable(cause: unknown): GatewayError {
  return new GatewayError(
    'identity_unavailable',
    'The database that holds the API keys does not answer, and this key is not known here yet. Try again shortly.',
    { cause, retryAfterSeconds: 1 },
  )
}

export function limitsUnavailable(cause: unknown): GatewayError {
  return new GatewayError(
    'identity_unavailable',
    'The database that holds the limits of this end user or of a tag does not answer. Try again shortly.',
    { cause, retryAfterSeconds: 1 },
  )
}
