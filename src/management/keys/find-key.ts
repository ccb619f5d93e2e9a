/** Keys as requests name them: the raw key or its hash. */
import { GatewayError } from '../../errors/gateway-error.ts'
import { hashCredential } from '../../identity/credential.ts'

/** @returns the hash under which the key is stored. */
export function keyHashOf(key: string): string {
  return key.startsWith('sk-') ? hashCredential(key) : key
}

/** The same answer for a key that does not exist and for one that is not the caller's to see. */
export function keyNotFound(): GatewayError {
  return new GatewayError('not_found', 'Key not found in database.', { param: 'key' })
}
