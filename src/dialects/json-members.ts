/**
 * The top-level members of a JSON object body, found by one scan of its bytes: names, and where each value stands,
 * so that the gateway can read and splice members without re-serialising the rest.
 *
 * The scan checks the whole structure (brackets, commas, colons, literals, numbers, trailing bytes) at every depth,
 * down to 200 levels. The inside of a string is skipped, not checked: a malformed escape (`"\x"`) or a raw control character in a string
 * that the gateway does not read goes to the provider, which refuses it. Where a string ends is the same for every
 * reader, so nothing can hide behind this.
 */
import { isUtf8 } from 'node:buffer'

import { GatewayError } from '../errors/gateway-error.ts'
import { BodyText } from './body-text.ts'
import { knownName } from './known-names.ts'
import {
  BACKSLASH,
  CLOSE_BRACE,
  codeAt,
  COMMA,
  endOfName,
  endOfValue,
  OPEN_BRACE,
  refusal,
  skipSpace,
  unexpected,
  valueAfterColon,
} from './json-grammar.ts'

export interface JsonMember {
  readonly name: string
  /** Offsets in the body: [start, end) of the value. */
  readonly valueStart: number
  readonly valueEnd: number
  /** Offset of the opening quote of the name. */
  readonly nameStart: number
}

export interface JsonMembers {
  readonly body: Buffer
  /** Offset of the brace that closes the object. */
  readonly closeBrace: number
  /** All members by name, in the order of the body. */
  readonly byName: ReadonlyMap<string, JsonMember>
  /** Undefined when the member is absent. */
  get(name: string): JsonMember | undefined
  /**
   * Parses the member's value, once; undefined when absent.
   * @throws GatewayError `bad_request` naming the member, when one of its strings is malformed.
   */
  value(name: string): unknown
}

/** Members that the body's own object may have. */
export const MAX_MEMBERS = 4096

/**
 * Finds the top-level members of a request body.
 * @throws GatewayError `bad_request` with param `request_body`, when the body is not one JSON object in valid UTF-8,
 *   nests deeper than 200 levels, has more than `MAX_MEMBERS` members, or names a member twice.
 */
export function scanMembers(body: Buffer): JsonMembers {
  if (!isUtf8(body)) {
    throw refusal(`The request body is not valid UTF-8 at byte ${firstInvalidByte(body)}.`)
  }
  const text = new BodyText(body)
  const byName = new Map<string, JsonMember>()
  const closeBrace = scanObject(text, body, byName)
  const end = skipSpace(body, closeBrace + 1)
  if (end < text.length) {
    throw unexpected(text, end, 'nothing after the object')
  }
  return new ScannedMembers(body, closeBrace, byName)
}

class ScannedMembers implements JsonMembers {
  readonly body: Buffer
  readonly closeBrace: number
  readonly byName: ReadonlyMap<string, JsonMember>
  readonly #values = new Map<string, unknown>()

  constructor(body: Buffer, closeBrace: number, byName: ReadonlyMap<string, JsonMember>) {
    this.body = body
    this.closeBrace = closeBrace
    this.byName = byName
  }

  get(name: string): JsonMember | undefined {
    return this.byName.get(name)
  }

  value(name: string): unknown {
    const member = this.byName.get(name)
    if (member === undefined) {
      return undefined
    }
    let value = this.#values.get(name)
    if (value === undefined) {
      value = parseMember(this.body, member)
      this.#values.set(name, value)
    }
    return value
  }
}

function parseMember(body: Buffer, member: JsonMember): unknown {
  try {
    return JSON.parse(body.toString('utf8', member.valueStart, member.valueEnd))
  } catch (cause) {
    throw new GatewayError(
      'bad_request',
      `${member.name}: a string in bytes ${member.valueStart} to ${member.valueEnd} of the body has a malformed ` +
        'escape or a raw control character; escape it as JSON demands.',
      { param: member.name, cause },
    )
  }
}

/** Fills `byName` and returns the offset of the closing brace. */
function scanObject(text: BodyText, body: Buffer, byName: Map<string, JsonMember>): number {
  let at = skipSpace(body, 0)
  if (codeAt(body, at) !== OPEN_BRACE) {
    throw unexpected(text, at, 'a JSON object')
  }
  at = skipSpace(body, at + 1)
  if (codeAt(body, at) === CLOSE_BRACE) {
    return at
  }
  for (;;) {
    const member = scanMember(text, body, at)
    if (byName.has(member.name)) {
      throw refusal(
        `The request body names the member ${JSON.stringify(member.name.slice(0, 100))} twice, the second time at byte ` +
          `${member.nameStart}; send it once.`,
      )
    }
    byName.set(member.name, member)
    at = skipSpace(body, member.valueEnd)
    const code = codeAt(body, at)
    if (code === CLOSE_BRACE) {
      return at
    }
    if (code !== COMMA) {
      throw unexpected(text, at, '"," or "}"')
    }
    if (byName.size === MAX_MEMBERS) {
      throw refusal(`The request body has more than ${MAX_MEMBERS} members.`)
    }
    at = skipSpace(body, at + 1)
  }
}

function scanMember(text: BodyText, body: Buffer, nameStart: number): JsonMember {
  const nameEnd = endOfName(text, nameStart)
  const valueStart = valueAfterColon(text, nameEnd)
  return {
    name: memberName(text, body, nameStart, nameEnd),
    valueStart,
    valueEnd: endOfValue(text, valueStart),
    nameStart,
  }
}

/** The decoded name, so that `"mod\u0065l"` and `"model"` are one name. */
function memberName(text: BodyText, body: Buffer, nameStart: number, end: number): string {
  const known = knownName(body, nameStart + 1, end - 1)
  if (known !== undefined) return known
  for (let at = nameStart + 1; at < end - 1; at += 1) {
    const code = codeAt(body, at)
    if (code === BACKSLASH || code < 0x20 || code > 0x7e) {
      return decodeName(body, nameStart, end)
    }
  }
  return text.slice(nameStart + 1, end - 1)
}

function decodeName(body: Buffer, start: number, end: number): string {
  try {
    return String(JSON.parse(body.toString('utf8', start, end)))
  } catch (cause) {
    throw refusal(
      `The request body has a member at byte ${start} whose name has a malformed escape or a raw control character.`,
      cause,
    )
  }
}

/** Only on the way to an error: the decoder puts U+FFFD where bytes are invalid, or where the body itself has one. */
function firstInvalidByte(body: Buffer): number {
  const text = body.toString('utf8')
  let offset = 0
  let from = 0
  for (let at = text.indexOf('\ufffd'); at !== -1; at = text.indexOf('\ufffd', from)) {
    offset += Buffer.byteLength(text.slice(from, at))
    if (body[offset] !== 0xef || body[offset + 1] !== 0xbf || body[offset + 2] !== 0xbd) {
      break
    }
    offset += 3
    from = at + 1
  }
  return offset
}
