/** Whose a file or a batch is: the team's of the key that made it, else the user's, else the key's own. */
import { GatewayError } from '../errors/gateway-error.ts'
import type { Principal } from '../identity/principal.ts'
import type { CallerFacts } from '../record/call-record.ts'

export function ownerOf({ keyHash, userId, teamId }: CallerFacts): string {
  if (teamId !== undefined) return `team:${teamId}`
  return userId === undefined ? `key:${keyHash}` : `user:${userId}`
}

/** The owner whose files and batches a list shows; undefined shows everybody's, to administrators. */
export function listedOwner(principal: Principal): string | undefined {
  return isAdministrator(principal) ? undefined : ownerOf(principal.facts)
}

/**
 * The row, when the caller may see it; that it belongs to somebody else is not told.
 *
 * @param what as the client is to read it, e.g. `file`.
 * @throws GatewayError `not_found`.
 */
export function requireOwned<Row extends { readonly owner: string }>(
  row: Row | undefined,
  principal: Principal,
  what: string,
  id: string,
): Row {
  const seen = row !== undefined && (isAdministrator(principal) || row.owner === ownerOf(principal.facts))
  if (seen) return row
  throw new GatewayError('not_found', `No such ${what}: ${id.slice(0, 100)}`, { param: 'id' })
}

/** @throws GatewayError `route_forbidden` for administrators who may only look. */
export function requireWriter(principal: Principal, row: { readonly owner: string }): void {
  if (principal.role !== 'proxy_admin_viewer' || row.owner === ownerOf(principal.facts)) return
  throw new GatewayError(
    'route_forbidden',
    'The role proxy_admin_viewer may look at what others own, and not change it.',
  )
}

function isAdministrator({ role }: Principal): boolean {
  return role === 'proxy_admin' || role === 'proxy_admin_viewer'
}
