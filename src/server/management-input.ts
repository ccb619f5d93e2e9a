/** What clients send to the management API, read so that no later step can stumble over it: bodies, query and path values. */
import { GatewayError } from '../errors/gateway-error.ts'

/** No resource nests deeper; PostgreSQL's own stack ends at some thousands of levels. */
const MAX_DEPTH = 64

/** @returns undefined for an empty body. @throws GatewayError `bad_request` for what is not JSON, or cannot be stored. */
export function parseManagementBody(text: string): unknown {
  if (text === '') return undefined
  const body = parsed(text)
  requireStorableTree(body)
  return body
}

/**
 * The last value of each name of a query string or a path.
 *
 * @throws GatewayError `bad_request` for text that no database holds.
 */
export function lastValues(values: unknown): Record<string, string> {
  // Without a prototype: `__proto__` is a name like any other.
  const last: Record<string, string> = Object.create(null) as Record<string, string>
  if (typeof values !== 'object' || values === null) return last
  for (const [name, value] of Object.entries(values)) {
    const text: unknown = Array.isArray(value) ? value.at(-1) : value
    if (typeof text !== 'string') continue
    requireStorable(text, name)
    last[name] = text
  }
  return last
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : 'it does not parse'
    throw refused(`The request body is not valid JSON: ${reason}`, 'request_body', cause)
  }
}

/** Without recursion, whatever the depth. */
function requireStorableTree(root: unknown): void {
  let level: unknown[] = [root]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) {
      throw refused(`The request body nests deeper than ${MAX_DEPTH} levels.`, 'request_body')
    }
    const next: unknown[] = []
    for (const value of level) {
      if (typeof value === 'string') requireStorable(value, 'request_body')
      if (typeof value !== 'object' || value === null) continue
      for (const [name, member] of Object.entries(value)) {
        requireStorable(name, 'request_body')
        next.push(member)
      }
    }
    level = next
  }
}

/** PostgreSQL refuses NUL and half surrogate pairs in text. */
function requireStorable(text: string, param: string): void {
  if (text.isWellFormed() && !text.includes('\0')) return
  const what = text.includes('\0') ? 'the character U+0000' : 'half of a surrogate pair'
  throw refused(`${param.slice(0, 100)}: ${what} cannot be stored; leave it out.`, param)
}

function refused(message: string, param: string, cause?: unknown): GatewayError {
  return new GatewayError('bad_request', message, { param: param.slice(0, 100), cause })
}
