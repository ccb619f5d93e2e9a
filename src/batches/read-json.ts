/** Reads the small JSON bodies of calls on batches, and the query strings of lists. */
import { scanMembers } from '../dialects/index.ts'
import type { JsonMembers } from '../dialects/json-members.ts'
import { readBody } from '../calls/read-body.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { ManagedCall } from './managed-call.ts'

const MAX_BODY_BYTES = 1_048_576

export async function readMembers(call: ManagedCall): Promise<JsonMembers> {
  const { bodyIdleTimeoutMs, bodyTimeoutMs } = call.gateway.settings
  return scanMembers(
    await readBody(call.arrival.exchange, { maxBodyBytes: MAX_BODY_BYTES, bodyIdleTimeoutMs, bodyTimeoutMs }),
  )
}

/** @throws GatewayError `bad_request` when it is not a text. */
export function requireText(members: JsonMembers, name: string): string {
  const value = members.value(name)
  if (typeof value === 'string' && value !== '') return value
  throw new GatewayError('bad_request', `${name}: expected a string that is not empty.`, { param: name })
}

/** The query string of the request. */
export function queryOfCall({ arrival }: ManagedCall): URLSearchParams {
  const url = arrival.exchange.url
  const mark = url.indexOf('?')
  return new URLSearchParams(mark < 0 ? '' : url.slice(mark))
}

/** @throws GatewayError `bad_request` when it is no whole number within the bounds. */
export function limitOf(query: URLSearchParams, usual: number, most: number): number {
  const text = query.get('limit')
  if (text === null || text === '') return usual
  const limit = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN
  if (limit >= 1 && limit <= most) return limit
  throw new GatewayError('bad_request', `limit: expected a whole number from 1 to ${most}.`, {
    param: 'limit',
  })
}
