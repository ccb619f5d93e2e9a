/**
 * Prompt and answer of a call as they are kept in the call log: long texts shortened in their middle, base64 data
 * taken out, secrets redacted.
 */
import { storable, storableJson, type ContentTexts } from './call-row.ts'
import { REDACTED, redactSecrets } from './redact-secrets.ts'
import { readEventStream } from '../dialects/read-event-stream.ts'

export interface ContentLimits {
  /** Characters of one text that are kept. */
  readonly maxTextLength: number
  /** Takes secrets that this process knows out of a text. */
  readonly redact: (text: string) => string
}

/** Characters of one text that are kept, unless somebody says otherwise. */
export const MAX_KEPT_TEXT_LENGTH = 1000

/** Larger bodies are not read: that would hold up other calls. */
const MAX_BODY_BYTES = 4 * 1024 * 1024
const MAX_ITEMS = 2000
const MAX_DEPTH = 32
const HEAD_SHARE = 0.35

/** Base64 data of at least this length is replaced, as text or in a `data:` URL. */
const BASE64 = /^(?:data:[\w.+/-]{0,100};base64,)?[A-Za-z0-9+/_-]{256,}={0,2}$/

/** Members whose text is a credential whatever it looks like. A lone `token` is a word of an answer's log probabilities. */
const SECRET_NAME =
  /(?:^|[_-])(?:api[_-]?key|authorization|password|passwd|secret|(?:private|access|secret)[_-]key|(?:auth|access|refresh|session)[_-]token)$/i

/** What a call brought to be kept. */
export interface CallBodies {
  readonly requestBody: Buffer | undefined
  readonly responseBody: Buffer | undefined
  /** Of both together. */
  readonly bytes: number
}

/** Reads bodies in steps: between two of them other calls may have their turn. */
export function* readContent(bodies: CallBodies, limits: ContentLimits): Generator<void, ContentTexts> {
  const request = yield* bodyText(bodies.requestBody, limits)
  yield
  const response = yield* bodyText(bodies.responseBody, limits)
  return { request, response }
}

function* bodyText(body: Buffer | undefined, limits: ContentLimits): Generator<void, string | undefined> {
  if (body === undefined || body.length === 0) return undefined
  if (body.length > MAX_BODY_BYTES) return `{"omitted":"${body.length} bytes"}`
  const value = yield* readBody(body.toString('utf8'))
  yield
  const kept = yield* shortened(value, limits, 0)
  return storableJson(kept)
}

function* readBody(text: string): Generator<void, unknown> {
  try {
    return JSON.parse(text)
  } catch {
    return (yield* readEventStream(text)) ?? text
  }
}

function* shortened(value: unknown, limits: ContentLimits, depth: number): Generator<void, unknown> {
  if (typeof value === 'string') {
    yield
    return shortenedText(value, limits)
  }
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_DEPTH) return '... (nested too deeply) ...'
  if (Array.isArray(value)) {
    const kept: unknown[] = []
    for (const item of value.slice(0, MAX_ITEMS)) kept.push(yield* shortened(item, limits, depth + 1))
    return value.length > MAX_ITEMS ? [...kept, `... (${value.length - MAX_ITEMS} more) ...`] : kept
  }
  const members: [string, unknown][] = []
  for (const [name, member] of Object.entries(value).slice(0, MAX_ITEMS)) {
    const isSecret = typeof member === 'string' && SECRET_NAME.test(name)
    members.push([redacted(name, limits), isSecret ? REDACTED : yield* shortened(member, limits, depth + 1)])
  }
  return Object.fromEntries(members)
}

function shortenedText(text: string, limits: ContentLimits): string {
  if (BASE64.test(text)) return `... (base64 data, ${text.length} characters) ...`
  // Redacted before it is cut, so that no cut makes a secret unrecognisable.
  const clean = redacted(text, limits)
  if (clean.length <= limits.maxTextLength) return clean
  const head = Math.floor(limits.maxTextLength * HEAD_SHARE)
  const tail = limits.maxTextLength - head
  const left = clean.length - limits.maxTextLength
  return `${clean.slice(0, head)}... (litellm_truncated ${left} chars) ...${clean.slice(-tail)}`
}

function redacted(text: string, limits: ContentLimits): string {
  return storable(redactSecrets(limits.redact(text)))
}
