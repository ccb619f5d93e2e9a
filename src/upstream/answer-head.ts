/** Reads the head of an answer: strictly, for whoever reads it differently can be made to see another message. */
import type { IncomingHttpHeaders } from 'node:http'
import { headerName } from './header-name.ts'
import { badAnswer } from './upstream-error.ts'

/** `bodyBytes` of an answer that comes in chunks. */
export const CHUNKED = -1
/** `bodyBytes` of an answer that ends when its connection does. */
export const UNTIL_CLOSE = -2

/** `keepAliveMs` where the answer says nothing of it. */
export const NOT_TOLD = -1

export interface AnswerHead {
  /** Position after the head. */
  readonly end: number
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Length of the body, `CHUNKED` or `UNTIL_CLOSE`. */
  readonly bodyBytes: number
  /** How long the provider keeps the connection for another request; 0 when it does not, `NOT_TOLD` when it may. */
  readonly keepAliveMs: number
}

const TAB = 9
const LF = 10
const CR = 13
const SPACE = 32
const ZERO = 48
const ONE = 49
const COLON = 58
const DELETE = 127

/** 1 for each byte that a header name may hold. */
const NAME_BYTES = new Uint8Array(256)
for (const byte of Buffer.from(
  "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
))
  NAME_BYTES[byte] = 1

const MAX_HEADERS = 1_000

/** Where the lines of the head lie that is being read: begin, colon and end of each. One head is read at a time. */
const places = new Uint32Array(3 * MAX_HEADERS)

const VERSION = Buffer.from('HTTP/1.')
/** `HTTP/1.1 200` and what follows: a space or a line's end. */
const LEAST_STATUS_LINE_BYTES = 13

/**
 * @returns undefined when the head has not come whole yet.
 * @throws UpstreamError `BAD_ANSWER`.
 */
export function readAnswerHead(bytes: Buffer, start: number, end: number): AnswerHead | undefined {
  for (let at = 0; at < VERSION.length && start + at < end; at += 1) {
    if (bytes[start + at] !== VERSION[at]) throw badAnswer('its status line does not begin with HTTP/1.')
  }
  if (end - start < LEAST_STATUS_LINE_BYTES) return undefined
  const status = readStatus(bytes, start)
  let line = lineEnd(bytes, start + LEAST_STATUS_LINE_BYTES - 1, end) + 2
  let count = 0
  for (;;) {
    // Two bytes tell the head's end from another line.
    if (line + 2 > end) return undefined
    if (bytes[line] === CR) break
    const colon = nameEnd(bytes, line, end)
    if (colon === end) return undefined
    const stop = lineEnd(bytes, colon + 1, end)
    if (count === 3 * MAX_HEADERS) throw badAnswer('it has too many headers')
    places[count] = line
    places[count + 1] = colon
    places[count + 2] = stop
    count += 3
    line = stop + 2
  }
  if (bytes[line + 1] !== LF) throw badAnswer('a line ends without CR and LF')
  return toHead(bytes, start, line + 2, status, readHeaders(bytes, start, line, count))
}

/**
 * The head from `start` to `end`, with what its headers say of the body and the connection.
 *
 * @throws UpstreamError `BAD_ANSWER` where two readers could disagree about it.
 */
export function toHead(
  bytes: Buffer,
  start: number,
  end: number,
  status: number,
  headers: IncomingHttpHeaders,
): AnswerHead {
  const persistent = bytes[start + VERSION.length] === ONE
  return {
    end,
    status,
    headers,
    bodyBytes: bodyBytesOf(status, headers),
    keepAliveMs: persistent ? keepAliveMsOf(headers) : 0,
  }
}

/** Three digits after `HTTP/1.0 ` or `HTTP/1.1 `; the reason after them may be missing, with its space. */
function readStatus(bytes: Buffer, start: number): number {
  const minor = bytes[start + 7]
  const after = bytes[start + 12]
  if ((minor !== ZERO && minor !== ONE) || bytes[start + 8] !== SPACE || (after !== SPACE && after !== CR))
    throw badAnswer('its status line is malformed')
  let status = 0
  for (let at = start + 9; at < start + 12; at += 1) {
    const digit = (bytes[at] ?? 0) - ZERO
    if (digit < 0 || digit > 9) throw badAnswer('its status is not a number')
    status = status * 10 + digit
  }
  if (status < 100) throw badAnswer('its status is below 100')
  return status
}

/** Position of the colon, or `end` when it has not come. A space before it, or a folded line, is no part of a name. */
function nameEnd(bytes: Buffer, start: number, end: number): number {
  let at = start
  while (at < end && NAME_BYTES[bytes[at] ?? 0] === 1) at += 1
  if (at < end && (bytes[at] !== COLON || at === start)) throw badAnswer('the name of a header is malformed')
  return at
}

/** Position of the CR before LF that ends a line, or of `end` when it has not come. */
function lineEnd(bytes: Buffer, start: number, end: number): number {
  const at = textEnd(bytes, start, end)
  if (at < end && bytes[at] !== CR) throw badAnswer('a header holds a control character')
  if (at + 1 < end && bytes[at + 1] !== LF) throw badAnswer('a line ends without CR and LF')
  return at
}

/** Position of the first byte that no value may hold, or `end`. */
export function textEnd(bytes: Buffer, start: number, end: number): number {
  let at = start
  while (at < end) {
    const byte = bytes[at] ?? 0
    if ((byte < SPACE && byte !== TAB) || byte === DELETE) break
    at += 1
  }
  return at
}

/** Made with this as prototype: a header named like a member of `Object` finds nothing there. */
const NO_MEMBERS: object = Object.freeze(Object.create(null))

function readHeaders(bytes: Buffer, start: number, end: number, count: number): IncomingHttpHeaders {
  const text = bytes.toString('latin1', start, end)
  const headers: IncomingHttpHeaders = Object.create(NO_MEMBERS)
  for (let at = 0; at < count; at += 3) {
    const colon = places[at + 1] ?? 0
    const name = headerName(bytes, places[at] ?? 0, colon, at / 3)
    addHeader(headers, name, valueOf(text, colon + 1 - start, (places[at + 2] ?? 0) - start))
  }
  return headers
}

/** A header that comes again is a list. */
export function addHeader(headers: IncomingHttpHeaders, name: string, value: string): void {
  const before = headers[name]
  if (before === undefined) headers[name] = value
  else headers[name] = typeof before === 'string' ? [before, value] : [...before, value]
}

/** What stands from `start` to `end`, without the blanks around it. */
export function valueOf(text: string, start: number, end: number): string {
  let from = start
  let to = end
  while (from < to && isBlank(text.charCodeAt(from))) from += 1
  while (to > from && isBlank(text.charCodeAt(to - 1))) to -= 1
  return text.slice(from, to)
}

function isBlank(byte: number): boolean {
  return byte === SPACE || byte === TAB
}

/** RFC 9112, section 6.3. Where two readers could disagree about the length, there is none. */
function bodyBytesOf(status: number, headers: IncomingHttpHeaders): number {
  const length = headers['content-length']
  const coding = headers['transfer-encoding']
  if (coding !== undefined) {
    if (length !== undefined) throw badAnswer('it has both a length and a transfer coding')
    if (typeof coding !== 'string' || coding.toLowerCase() !== 'chunked')
      throw badAnswer('its transfer coding is not "chunked"')
  }
  if (length !== undefined && (typeof length !== 'string' || !/^\d{1,15}$/.test(length)))
    throw badAnswer('its content-length is not one number')
  if (status < 200 || status === 204 || status === 304) return 0
  if (coding !== undefined) return CHUNKED
  return length === undefined ? UNTIL_CLOSE : Number(length)
}

function keepAliveMsOf(headers: IncomingHttpHeaders): number {
  const connection = headers.connection
  if (connection !== undefined && connection !== 'keep-alive' && saysClose(connection)) return 0
  const hint = headers['keep-alive']
  if (hint === undefined) return NOT_TOLD
  const seconds = /(?:^|[\s,;])timeout=(\d{1,6})(?!\d)/i.exec(String(hint))?.[1]
  return seconds === undefined ? NOT_TOLD : Number(seconds) * 1_000
}

/** A header that came more than once is a list, whatever its type says. */
function saysClose(connection: string | readonly string[]): boolean {
  return String(connection)
    .toLowerCase()
    .split(',')
    .some((option) => option.trim() === 'close')
}
