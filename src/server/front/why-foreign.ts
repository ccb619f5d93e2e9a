/**
 * Says why a request is not for the front. Asked once a connection, when it is handed over: the reader of heads itself
 * knows no reasons, for it reads those of every call. Nothing is decided by what is said here.
 */
import type { HandOverReason } from './hand-over-reason.ts'
import { FOREIGN_NAMES, HEAD_END, MAX_HEAD_BYTES, pathOf } from './request-head.ts'

const METHOD = /^[A-Z]+$/
const VERSION = /^HTTP\/\d/
/** A header that is not for the front. One search finds all: some clients open a connection for each call. */
const FOREIGN_LINE = new RegExp(
  `\\r\\n(?:${[...FOREIGN_NAMES.keys()].join('|')}|connection(?!:[ \\t]*keep-alive[ \\t]*(?:\\r|$))):`,
  'gi',
)

/** What a head may ask for, the weightiest first: who asks for an upgrade says so in `connection`, too. */
const ASKED: readonly HandOverReason[] = ['upgrade', 'expect', 'chunked', 'connection']

/** @param bytes of a request that `readHead` calls foreign, or whose path is no call's. */
export function whyForeign(bytes: Buffer, isCall: (path: string) => boolean): HandOverReason {
  const found = bytes.indexOf(HEAD_END)
  const isLong = found < 0 || found > MAX_HEAD_BYTES
  const text = bytes.toString('latin1', 0, isLong ? MAX_HEAD_BYTES : found)
  const lineEnd = text.indexOf('\r\n')
  const [method = '', target = '', version = ''] = text
    .slice(0, lineEnd < 0 ? undefined : lineEnd)
    .split(' ', 3)
  if (!METHOD.test(method)) return 'odd_head'
  // What a client says first that knows of HTTP/2 beforehand has a method of its own.
  if (version.startsWith('HTTP/2')) return 'http_version'
  if (method !== 'POST') return 'other_route'
  if (!target.startsWith('/')) return 'odd_head'
  if (!isCall(pathOf(target))) return 'other_route'
  if (isLong) return 'long_head'
  if (version !== 'HTTP/1.1') return VERSION.test(version) ? 'http_version' : 'odd_head'
  const asked = text.match(FOREIGN_LINE)?.map(askedBy) ?? []
  return ASKED.find((reason) => asked.includes(reason)) ?? 'odd_head'
}

/** @param found the end of a line, a name and its colon. */
function askedBy(found: string): HandOverReason {
  return FOREIGN_NAMES.get(found.slice(2, -1).toLowerCase()) ?? 'connection'
}
