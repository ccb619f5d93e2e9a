/**
 * Reads the heads that model calls come with: a POST in plain HTTP/1.1 whose body has a declared length. Whatever is
 * not exactly that (other methods and framings, repeated or folded headers, stray control characters, anything that
 * two parsers could understand in two ways) is told apart and left to Node's own server.
 *
 * @see RFC 9112, sections 3 to 6
 */
import type { IncomingHttpHeaders } from 'node:http'
import type { HandOverReason } from './hand-over-reason.ts'

export interface RequestHead {
  /** Path and query. */
  readonly url: string
  /** The path alone. */
  readonly path: string
  /** Names in lower case; none occurs twice. */
  readonly headers: IncomingHttpHeaders
  readonly contentLength: number
  /** Where the body begins. */
  readonly bodyStart: number
}

/** `incomplete`: the end of the head has not come. `foreign`: not for this reader. */
export type HeadReading = RequestHead | 'incomplete' | 'foreign'

/** Longer heads, and those that come in more pieces than this holds, are left to Node's server and its limits. */
export const MAX_HEAD_BYTES = 16_384

const METHOD = 'POST '
const VERSION = ' HTTP/1.1'
export const HEAD_END = '\r\n\r\n'

/** Bytes that no head may hold: control characters, and line ends that are none. */
const STRAY = /[^\t\r\n\x20-\x7e\x80-\xff]|\r(?!\n)|(?<!\r)\n/
const TOKEN = /^[!#$%&'*+.^_`|~\dA-Za-z-]+$/
/** Of a target in origin form; Node's server says what is wrong with others. */
const TARGET = /^\/[\x21-\x7e]*$/
const LENGTH = /^\d{1,12}$/

/** Headers that change how the message is read or what becomes of the connection, each with what it asks for. */
export const FOREIGN_NAMES: ReadonlyMap<string, HandOverReason> = new Map([
  ['__proto__', 'odd_head'],
  ['expect', 'expect'],
  ['http2-settings', 'upgrade'],
  ['keep-alive', 'connection'],
  ['proxy-connection', 'connection'],
  ['te', 'connection'],
  ['trailer', 'chunked'],
  ['transfer-encoding', 'chunked'],
  ['upgrade', 'upgrade'],
])

/** Names as clients write them → in lower case, or undefined where they are foreign. Senders choose them: it is bounded. */
const names = new Map<string, string | undefined>()
const MAX_NAMES = 1_000

export function readHead(bytes: Buffer): HeadReading {
  const end = bytes.indexOf(HEAD_END)
  if (end < 0) return bytes.length < MAX_HEAD_BYTES && mayBecomeCall(bytes) ? 'incomplete' : 'foreign'
  if (end > MAX_HEAD_BYTES) return 'foreign'
  const text = bytes.toString('latin1', 0, end)
  if (!text.startsWith(METHOD) || STRAY.test(text)) return 'foreign'
  const firstLineEnd = text.indexOf('\r\n')
  const url = targetOf(firstLineEnd < 0 ? text : text.slice(0, firstLineEnd))
  if (url === undefined || firstLineEnd < 0) return 'foreign'
  const headers = readHeaders(text, firstLineEnd + 2)
  if (headers === undefined) return 'foreign'
  const contentLength = lengthOf(headers)
  if (contentLength === undefined) return 'foreign'
  return { url, path: pathOf(url), headers, contentLength, bodyStart: end + HEAD_END.length }
}

/** A target without its query. */
export function pathOf(url: string): string {
  const mark = url.indexOf('?')
  return mark < 0 ? url : url.slice(0, mark)
}

function mayBecomeCall(bytes: Buffer): boolean {
  return METHOD.startsWith(bytes.toString('latin1', 0, METHOD.length))
}

function targetOf(line: string): string | undefined {
  if (!line.endsWith(VERSION)) return undefined
  const target = line.slice(METHOD.length, -VERSION.length)
  return TARGET.test(target) ? target : undefined
}

function readHeaders(text: string, start: number): IncomingHttpHeaders | undefined {
  const headers: IncomingHttpHeaders = {}
  let lineStart = start
  while (lineStart <= text.length) {
    const found = text.indexOf('\r\n', lineStart)
    const lineEnd = found < 0 ? text.length : found
    const colon = text.indexOf(':', lineStart)
    if (colon < 0 || colon > lineEnd) return undefined
    const name = nameOf(text.slice(lineStart, colon))
    if (name === undefined || headers[name] !== undefined) return undefined
    headers[name] = valueOf(text, colon + 1, lineEnd)
    lineStart = lineEnd + 2
  }
  return headers
}

const SPACE = 0x20
const TAB = 0x09
const DELETE = 0x7f

/** Whether no value may hold the byte. */
export function isStray(code: number): boolean {
  return (code < SPACE && code !== TAB) || code === DELETE
}

/** Without the blanks around it: spaces and tabs, and no others. */
export function valueOf(text: string, from: number, to: number): string {
  let start = from
  let end = to
  while (start < end && isBlank(text.charCodeAt(start))) start += 1
  while (end > start && isBlank(text.charCodeAt(end - 1))) end -= 1
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === SPACE || code === TAB
}

function nameOf(written: string): string | undefined {
  const known = names.get(written)
  if (known !== undefined || names.has(written)) return known
  const lower = written.toLowerCase()
  const name = TOKEN.test(written) && !FOREIGN_NAMES.has(lower) ? lower : undefined
  if (names.size < MAX_NAMES) names.set(written, name)
  return name
}

/** The body's length, where the framing is the plain one. */
export function lengthOf(headers: IncomingHttpHeaders): number | undefined {
  const { host, connection } = headers
  const length = headers['content-length']
  if (host === undefined || host === '' || length === undefined || !LENGTH.test(length)) return undefined
  if (connection !== undefined && connection !== 'keep-alive' && connection.toLowerCase() !== 'keep-alive')
    return undefined
  return Number(length)
}
