/** A file or a batch as a provider tells it: what the gateway reads of it, and the same with the ids that clients know. */
import { GatewayError } from '../errors/gateway-error.ts'
import { scanMembers, spliceMembers } from '../dialects/index.ts'
import type { JsonMembers } from '../dialects/json-members.ts'

/**
 * @throws GatewayError `provider_bad_answer` for what is no JSON object with an id.
 */
export function readObject(body: Buffer): JsonMembers {
  let members: JsonMembers
  try {
    members = scanMembers(body)
  } catch (cause) {
    throw new GatewayError('provider_bad_answer', 'The provider answered with what is not a JSON object.', {
      cause,
    })
  }
  if (textMember(members, 'id') === undefined) {
    throw new GatewayError('provider_bad_answer', 'The provider answered with an object without an id.')
  }
  return members
}

export function textMember(members: JsonMembers, name: string): string | undefined {
  const value = members.value(name)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** A time in epoch seconds, as a date. */
export function timeMember(members: JsonMembers, name: string): Date | undefined {
  const value = members.value(name)
  return typeof value === 'number' && value > 0 && value < 1e11 ? new Date(value * 1000) : undefined
}

export function countMember(members: JsonMembers, name: string): number | undefined {
  const value = members.value(name)
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

/** The same bytes with other ids; of members that are not there none is added. */
export function withIds(members: JsonMembers, ids: Readonly<Record<string, string>>): Buffer {
  const edits = Object.entries(ids)
    .filter(([name]) => textMember(members, name) !== undefined)
    .map(([name, id]) => ({ name, value: JSON.stringify(id) }))
  return Buffer.concat(spliceMembers(members, edits))
}
