/**
 * Prompt and answer of a call as they are kept in the call log: long texts shortened in their middle, base64 data
 * taken out, secrets redacted.
 */
import type { CallEnd } from '../record/call-record.ts'
import { storable, storableJson, type ContentTexts } from './call-row.ts'
import { redactSecrets } from './redact-secrets.ts'
import { readEventStream } from './read-event-stream.ts'

export interface ContentLimits {
  /** Characters of one text that are kept. Default 1000. */
  readonly maxTextLength: number
  /** Takes secrets that this process knows out of a text. */
  readonly redact: (text: string) => string
}

/** Larger bodies are not read: that would hold up other calls. */
const MAX_BODY_BYTES = 4 * 1024 * 1024
const MAX_ITEMS = 2000
const MAX_DEPTH = 32
const HEAD_SHARE = 0.35

/** Base64 data of at least this length is replaced, as text or in a `data:` URL. */
const BASE64 = /^(?:data:[\w.+/-]{0,100};base64,)?[A-Za-z0-9+/_-]{256,}={0,2}$/

/** @returns undefined when the call brought no bodies to keep. */
export function callContent(end: CallEnd, limits: ContentLimits): ContentTexts | undefined {
  if (end.requestBody === undefined && end.responseBody === undefined) return undefined
  return { request: bodyText(end.requestBody, limits), response: bodyText(end.responseBody, limits) }
}

function bodyText(body: Buffer | undefined, limits: ContentLimits): string | undefined {
  if (body === undefined || body.length === 0) return undefined
  if (body.length > MAX_BODY_BYTES) return `{"omitted":"${body.length} bytes"}`
  return storableJson(shortened(readBody(body.toString('utf8')), limits, 0))
}

function readBody(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return readEventStream(text) ?? text
  }
}

function shortened(value: unknown, limits: ContentLimits, depth: number): unknown {
  if (typeof value === 'string') return shortenedText(value, limits)
  if (typeof value !== 'object' || value === null) return value
  if (depth >= MAX_DEPTH) return '... (nested too deeply) ...'
  if (Array.isArray(value)) {
    const kept = value.slice(0, MAX_ITEMS).map((item) => shortened(item, limits, depth + 1))
    return value.length > MAX_ITEMS ? [...kept, `... (${value.length - MAX_ITEMS} more) ...`] : kept
  }
  const members = Object.entries(value).slice(0, MAX_ITEMS)
  return Object.fromEntries(
    members.map(([name, member]) => [redacted(name, limits), shortened(member, limits, depth + 1)]),
  )
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
