/** An answer as it is kept: its bytes as the client got them, and what is known of the call that brought it. */
import { countOf, objectOf, parseJson, textOf, type JsonObject } from '../dialects/json-value.ts'
import { NO_USAGE, type Usage } from '../dialects/usage.ts'

export interface CachedAnswer {
  /** Epoch milliseconds. */
  readonly storedAtMs: number
  /** Deployment that gave the answer. */
  readonly modelId: string
  /** True for the events of a stream, from its first to its last. */
  readonly isStream: boolean
  readonly contentType: string
  /** What the provider told; undefined when it told nothing. */
  readonly usage: Usage | undefined
  readonly body: Buffer
}

/** First byte of an entry: another form of entry gets another one, and is no answer to older processes. */
const FORM = 1
const HEAD_START = 9

/** One byte for the form, four each for the lengths of head and body, the head as JSON, and the body as it is. */
export function encodeAnswer(answer: CachedAnswer): Buffer {
  const { body, ...facts } = answer
  const head = Buffer.from(JSON.stringify(facts))
  const entry = Buffer.allocUnsafe(HEAD_START + head.length + body.length)
  entry.writeUInt8(FORM, 0)
  entry.writeUInt32BE(head.length, 1)
  entry.writeUInt32BE(body.length, 5)
  head.copy(entry, HEAD_START)
  body.copy(entry, HEAD_START + head.length)
  return entry
}

/** Undefined for what `encodeAnswer` has not made. */
export function decodeAnswer(entry: Buffer): CachedAnswer | undefined {
  if (entry.length < HEAD_START || entry.readUInt8(0) !== FORM) return undefined
  const bodyStart = HEAD_START + entry.readUInt32BE(1)
  if (bodyStart + entry.readUInt32BE(5) !== entry.length) return undefined
  const facts = objectOf(parseJson(entry.toString('utf8', HEAD_START, bodyStart)))
  const storedAtMs = facts?.['storedAtMs']
  const modelId = textOf(facts?.['modelId'])
  const contentType = textOf(facts?.['contentType'])
  const isStream = facts?.['isStream']
  if (typeof storedAtMs !== 'number' || modelId === undefined || contentType === undefined) return undefined
  if (typeof isStream !== 'boolean') return undefined
  const usage = readUsage(objectOf(facts?.['usage']))
  return { storedAtMs, modelId, isStream, contentType, usage, body: entry.subarray(bodyStart) }
}

function readUsage(told: JsonObject | undefined): Usage | undefined {
  if (told === undefined) return undefined
  const count = (name: keyof Usage): number => countOf(told[name]) ?? 0
  return {
    ...NO_USAGE,
    inputTokens: count('inputTokens'),
    inputAudioTokens: count('inputAudioTokens'),
    cacheReadTokens: count('cacheReadTokens'),
    cacheWrite5mTokens: count('cacheWrite5mTokens'),
    cacheWrite1hTokens: count('cacheWrite1hTokens'),
    outputTokens: count('outputTokens'),
    reasoningTokens: count('reasoningTokens'),
    outputAudioTokens: count('outputAudioTokens'),
    webSearchRequests: count('webSearchRequests'),
    serviceTier: textOf(told['serviceTier']),
  }
}
