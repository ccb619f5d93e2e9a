/** The head of a request as text, every byte of which is known to be allowed there. */
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

/** Of the lists that many requests share. */
const knownLines = new WeakMap<readonly string[], HeaderLines>()

const soundPaths = new Set<string>()

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
  if (!isSoundPath(path))
    throw new UpstreamError('BAD_REQUEST', 'the path holds a character that cannot be sent')
  const before = sharedLines(shared)
  const own = headerLines(headers)
  return (
    `POST ${path} HTTP/1.1\r\nhost: ${own.host ?? before.host ?? host}\r\nconnection: keep-alive\r\n` +
    `${before.text}${own.text}content-length: ${bodyBytes}\r\n\r\n`
  )
}

/** Paths come from deployments, and so the same ones come again. */
function isSoundPath(path: string): boolean {
  if (soundPaths.has(path)) return true
  if (!PATH.test(path)) return false
  if (soundPaths.size < MAX_KNOWN_NAMES) soundPaths.add(path)
  return true
}

function sharedLines(headers: readonly string[]): HeaderLines {
  let lines = knownLines.get(headers)
  if (lines === undefined) {
    lines = headerLines(headers)
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
