/**
 * The top-level members of a JSON object body, found by one scan of its bytes: names, and where each value stands,
 * so that the gateway can read and splice members without re-serialising the rest.
 *
 * The scan checks the whole structure (brackets, commas, colons, literals, numbers, trailing bytes) at every depth.
 * The inside of a string is skipped, not checked: a malformed escape (`"\x"`) or a raw control character in a string
 * that the gateway does not read goes to the provider, which refuses it. Where a string ends is the same for every
 * reader, so nothing can hide behind this.
 */
import { isUtf8 } from 'node:buffer'

import { GatewayError } from '../errors/gateway-error.ts'
import type { MemberEdit } from './dialect.ts'

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

/** Levels of nesting that a body may have; the body's own object is the first. */
export const MAX_DEPTH = 200
/** Members that the body's own object may have. */
export const MAX_MEMBERS = 4096

const QUOTE = 0x22
const COMMA = 0x2c
const MINUS = 0x2d
const DOT = 0x2e
const DIGIT_0 = 0x30
const DIGIT_9 = 0x39
const COLON = 0x3a
const OPEN_BRACKET = 0x5b
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
/** `}` stands this far behind `{` in ASCII, and `]` behind `[`. */
const OPEN_TO_CLOSE = 2
/** What `codeAt` gives behind the last byte. */
const END = -1

/** The open containers of the value under scan, by their opening character. The scan is synchronous: one is enough. */
const open = new Uint8Array(MAX_DEPTH)

/**
 * Finds the top-level members of a request body.
 * @throws GatewayError `bad_request` with param `request_body`, when the body is not one JSON object in valid UTF-8,
 *   nests deeper than `MAX_DEPTH`, has more than `MAX_MEMBERS` members, or names a member twice.
 */
export function scanMembers(body: Buffer): JsonMembers {
  if (!isUtf8(body)) {
    throw refusal(`The request body is not valid UTF-8 at byte ${firstInvalidByte(body)}.`)
  }
  // One character a byte: offsets in the text are offsets in the body, and no byte of a multi-byte character looks
  // like a character of JSON's grammar.
  const text = body.toString('latin1')
  const byName = new Map<string, JsonMember>()
  const closeBrace = scanObject(text, body, byName)
  const end = skipSpace(text, closeBrace + 1)
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
function scanObject(text: string, body: Buffer, byName: Map<string, JsonMember>): number {
  let at = skipSpace(text, 0)
  if (codeAt(text, at) !== OPEN_BRACE) {
    throw unexpected(text, at, 'a JSON object')
  }
  at = skipSpace(text, at + 1)
  if (codeAt(text, at) === CLOSE_BRACE) {
    return at
  }
  for (;;) {
    const member = scanMember(text, body, at)
    if (byName.has(member.name)) {
      throw refusal(
        `The request body names the member ${JSON.stringify(member.name)} twice, the second time at byte ` +
          `${member.nameStart}; send it once.`,
      )
    }
    byName.set(member.name, member)
    at = skipSpace(text, member.valueEnd)
    const code = codeAt(text, at)
    if (code === CLOSE_BRACE) {
      return at
    }
    if (code !== COMMA) {
      throw unexpected(text, at, '"," or "}"')
    }
    if (byName.size === MAX_MEMBERS) {
      throw refusal(`The request body has more than ${MAX_MEMBERS} members.`)
    }
    at = skipSpace(text, at + 1)
  }
}

function scanMember(text: string, body: Buffer, nameStart: number): JsonMember {
  const valueStart = valueAfterName(text, nameStart)
  return {
    name: memberName(text, body, nameStart),
    valueStart,
    valueEnd: endOfValue(text, valueStart),
    nameStart,
  }
}

/** The decoded name, so that `"mod\u0065l"` and `"model"` are one name. */
function memberName(text: string, body: Buffer, nameStart: number): string {
  const end = endOfString(text, nameStart)
  for (let at = nameStart + 1; at < end - 1; at += 1) {
    const code = text.charCodeAt(at)
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

/** Returns the offset behind the value that begins at `start`, whatever its kind and depth; without recursion. */
function endOfValue(text: string, start: number): number {
  let depth = 1
  let at = start
  for (;;) {
    // A value begins at `at`.
    let code = codeAt(text, at)
    if (code === QUOTE) {
      at = endOfString(text, at)
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      if (depth === MAX_DEPTH) {
        throw refusal(`The request body nests deeper than ${MAX_DEPTH} levels at byte ${at}.`)
      }
      const inner = skipSpace(text, at + 1)
      if (codeAt(text, inner) !== code + OPEN_TO_CLOSE) {
        open[depth] = code
        depth += 1
        at = code === OPEN_BRACE ? valueAfterName(text, inner) : inner
        continue
      }
      at = inner + 1
    } else {
      at = endOfScalar(text, at, code)
    }
    // A value ended before `at`: close what it closes, up to the next value.
    for (;;) {
      if (depth === 1) {
        return at
      }
      at = skipSpace(text, at)
      code = codeAt(text, at)
      const opened = open[depth - 1] ?? OPEN_BRACE
      if (code === COMMA) {
        at = skipSpace(text, at + 1)
        at = opened === OPEN_BRACE ? valueAfterName(text, at) : at
        break
      }
      if (code !== opened + OPEN_TO_CLOSE) {
        throw unexpected(text, at, opened === OPEN_BRACE ? '"," or "}"' : '"," or "]"')
      }
      depth -= 1
      at += 1
    }
  }
}

/** Takes a member's name, which must begin at `at`, and its colon; returns where the value begins. */
function valueAfterName(text: string, at: number): number {
  if (codeAt(text, at) !== QUOTE) {
    throw unexpected(text, at, 'a member name in double quotes')
  }
  const colon = skipSpace(text, endOfString(text, at))
  if (codeAt(text, colon) !== COLON) {
    throw unexpected(text, colon, '":"')
  }
  return skipSpace(text, colon + 1)
}

/** Returns the offset behind the closing quote. `indexOf` is a native byte search: long texts cost next to nothing. */
function endOfString(text: string, start: number): number {
  let close = text.indexOf('"', start + 1)
  while (close !== -1 && text.charCodeAt(close - 1) === BACKSLASH && isEscaped(text, close, start)) {
    close = text.indexOf('"', close + 1)
  }
  if (close === -1) {
    throw unexpected(text, text.length, `the end of the string that begins at byte ${start}`)
  }
  return close + 1
}

/** Whether an odd number of backslashes stands before `quote`, counted no further back than `start`. */
export function isEscaped(text: string, quote: number, start: number): boolean {
  let at = quote - 1
  while (at > start && text.charCodeAt(at) === BACKSLASH) {
    at -= 1
  }
  return (quote - at) % 2 === 0
}

function endOfScalar(text: string, at: number, code: number): number {
  if (code === MINUS || isDigit(code)) {
    return endOfNumber(text, at)
  }
  for (const literal of ['true', 'false', 'null']) {
    if (text.startsWith(literal, at)) {
      return at + literal.length
    }
  }
  throw unexpected(text, at, 'a JSON value')
}

function endOfNumber(text: string, start: number): number {
  let at = codeAt(text, start) === MINUS ? start + 1 : start
  at = codeAt(text, at) === DIGIT_0 ? at + 1 : endOfDigits(text, at)
  if (codeAt(text, at) === DOT) {
    at = endOfDigits(text, at + 1)
  }
  const code = codeAt(text, at)
  if (code === 0x65 || code === 0x45) {
    const sign = codeAt(text, at + 1)
    at = endOfDigits(text, sign === MINUS || sign === 0x2b ? at + 2 : at + 1)
  }
  return at
}

function endOfDigits(text: string, start: number): number {
  let at = start
  while (isDigit(codeAt(text, at))) {
    at += 1
  }
  if (at === start) {
    throw unexpected(text, at, 'a digit')
  }
  return at
}

function isDigit(code: number): boolean {
  return code >= DIGIT_0 && code <= DIGIT_9
}

function skipSpace(text: string, start: number): number {
  let at = start
  let code = codeAt(text, at)
  while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
    at += 1
    code = codeAt(text, at)
  }
  return at
}

function codeAt(text: string, at: number): number {
  return at < text.length ? text.charCodeAt(at) : END
}

function unexpected(text: string, at: number, expected: string): GatewayError {
  const found = at < text.length ? JSON.stringify(text.charAt(at)) : 'the end of the body'
  return refusal(`The request body is not valid JSON: at byte ${at} ${expected} was expected, not ${found}.`)
}

function refusal(message: string, cause?: unknown): GatewayError {
  return new GatewayError('bad_request', message, { param: 'request_body', cause })
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

/**
 * The body with members replaced, added or removed: a list of slices, in order. All other bytes are the body's own,
 * not copied. A member that is not there yet is added at the end. Of two edits of one name the last one counts.
 */
export function spliceMembers(members: JsonMembers, edits: readonly MemberEdit[]): Buffer[] {
  const { body } = members
  const parts: Buffer[] = []
  /** Bytes before it are in `parts` or cut. */
  let copied = 0
  /** Where the text of the last member that stays ends. */
  let keptEnd = -1
  /** Where a run of removed members begins, if one is open. */
  let cutStart = -1
  for (const member of members.byName.values()) {
    const edit = lastEdit(edits, member.name)
    if (edit !== undefined && edit.value === undefined) {
      cutStart = cutStart === -1 ? member.nameStart : cutStart
      continue
    }
    if (cutStart !== -1) {
      pushSlice(parts, body, copied, cutStart)
      copied = member.nameStart
      cutStart = -1
    }
    if (edit?.value !== undefined) {
      pushSlice(parts, body, copied, member.valueStart)
      parts.push(Buffer.from(edit.value))
      copied = member.valueEnd
    }
    keptEnd = member.valueEnd
  }
  const insertAt = keptEnd === -1 ? (cutStart === -1 ? members.closeBrace : cutStart) : keptEnd
  pushSlice(parts, body, copied, insertAt)
  const added = addedMembers(members, edits, keptEnd !== -1)
  if (added !== '') {
    parts.push(Buffer.from(added))
  }
  const last = cutStart === -1 ? insertAt : lastValueEnd(members)
  pushSlice(parts, body, last, body.length)
  return parts
}

/** Sum of the parts' lengths in bytes: the `content-length` of a spliced body. */
export function byteLengthOf(parts: readonly Buffer[]): number {
  let length = 0
  for (const part of parts) {
    length += part.length
  }
  return length
}

function lastEdit(edits: readonly MemberEdit[], name: string): MemberEdit | undefined {
  let found: MemberEdit | undefined
  for (const edit of edits) {
    if (edit.name === name) {
      found = edit
    }
  }
  return found
}

function addedMembers(members: JsonMembers, edits: readonly MemberEdit[], afterOther: boolean): string {
  let text = ''
  for (const edit of edits) {
    if (
      edit.value !== undefined &&
      members.get(edit.name) === undefined &&
      lastEdit(edits, edit.name) === edit
    ) {
      text += `${afterOther || text !== '' ? ',' : ''}${JSON.stringify(edit.name)}:${edit.value}`
    }
  }
  return text
}

function lastValueEnd(members: JsonMembers): number {
  let end = members.closeBrace
  for (const member of members.byName.values()) {
    end = member.valueEnd
  }
  return end
}

function pushSlice(parts: Buffer[], body: Buffer, start: number, end: number): void {
  if (end > start) {
    parts.push(body.subarray(start, end))
  }
}
