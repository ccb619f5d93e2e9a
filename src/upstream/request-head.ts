/** The head of a request as text, every byte of which is known to be allowed there. */
import { inOnePiece } from '../record/in-one-piece.ts'
import { UpstreamError } from './upstream-error.ts'

/** Characters beyond Latin-1 cannot be sent, and a space or control character would end the path early. */
const PATH = /^\/[\x21-\x7e\x80-\xff]*$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/
const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Headers that this client writes itself, or that would change how a message is framed. */
const OWN: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

type NameKind = 'sent' | 'host' | 'own' | 'invalid'

const MAX_KNOWN_NAMES = 1_000

/** Names that came before. Some are chosen by callers: what is remembered is bounded. */
const kinds = new Map<string, NameKind>()

function kindOf(name: string): NameKind {
  const known = kinds.get(name)
  if (known !== undefined) return known
  const kind = judge(name)
  if (kinds.size < MAX_KNOWN_NAMES) kinds.set(name, kind)
  return kind
}

function judge(name: string): NameKind {
  if (!NAME.test(name)) return 'invalid'
  const lower = name.toLowerCase()
  if (lower === 'host') return 'host'
  return OWN.has(lower) ? 'own' : 'sent'
}

interface HeaderLines {
  readonly text: string
  /** What stands in the place of the origin's `host`. */
  readonly host: string | undefined
}

/** Beginning of a head that came before. */
interface Begin {
  readonly path: string
  readonly host: string
  readonly text: string
}

/** A deployment has a path for each dialect, and clients put a query behind it. */
const MAX_BEGINS = 4

/** Of a list that many requests share. */
interface SharedLines extends HeaderLines {
  readonly begins: Begin[]
}

const knownLines = new WeakMap<readonly string[], SharedLines>()

const NO_HEADERS: readonly string[] = []

/**
 * The head of a POST, to be written as Latin-1.
 *
 * @param host of the origin, as a `host` header has it.
 * @param headers names and values, flat.
 * @param shared further ones that stand before them, in a list that does not change: it is made into text once.
 * @throws UpstreamError `BAD_REQUEST` when a byte is not allowed where it stands. It does not quote values.
 */
export function requestHead(
  host: string,
  path: string,
  headers: readonly string[],
  bodyBytes: number,
  shared: readonly string[] = NO_HEADERS,
): string {
  const before = sharedLines(shared)
  const own = headerLines(headers)
  const begin = beginOf(before, path, own.host ?? before.host ?? host)
  return `${begin}${own.text}content-length: ${bodyBytes}\r\n\r\n`
}

/** The head as far as calls of a deployment have it in common. */
function beginOf(lines: SharedLines, path: string, host: string): string {
  for (const known of lines.begins) if (known.path === path && known.host === host) return known.text
  if (!PATH.test(path))
    throw new UpstreamError('BAD_REQUEST', 'the path holds a character that cannot be sent')
  const text = inOnePiece(`POST ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n${lines.text}`)
  if (lines.begins.length === MAX_BEGINS) lines.begins.shift()
  lines.begins.push({ path, host, text })
  return text
}

function sharedLines(headers: readonly string[]): SharedLines {
  let lines = knownLines.get(headers)
  if (lines === undefined) {
    lines = { ...headerLines(headers), begins: [] }
    knownLines.set(headers, lines)
  }
  return lines
}

function headerLines(headers: readonly string[]): HeaderLines {
  let host: string | undefined
  let text = ''
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at] ?? ''
    const value = headers[at + 1] ?? ''
    const kind = kindOf(name)
    if (kind === 'invalid' || !VALUE.test(value)) throw badHeader(name, kind)
    if (kind === 'sent') text += `${name}: ${value}\r\n`
    else if (kind === 'host') host = value
  }
  return { text, host }
}

function badHeader(name: string, kind: NameKind): UpstreamError {
  const what = kind === 'invalid' ? 'the name of a header' : `the value of the header ${JSON.stringify(name)}`
  return new UpstreamError('BAD_REQUEST', `${what} holds a character that cannot be sent`)
}
