/** The bytes of the load's requests, made once for a whole run. */
import type { BenchDialect, LoadRequest } from './load-job.ts'

/** About 80 bytes, with characters that JSON must escape and one beyond ASCII, as prompts have them. */
const SENTENCE = 'She said: "the sluice opens at nine".\\n\\tIt holds 3 µm of water, and a boat. '

const SENTENCE_BYTES = Buffer.byteLength(JSON.stringify(SENTENCE)) - 2
/** About what stands around the sentences. */
const ENVELOPE_BYTES = 150

const INSTRUCTIONS = 'You answer in one sentence.'
const MOST_OUTPUT_TOKENS = 256
const KEY_DIGITS = 12

/** Stands in a body where each call has a number of its own. */
const NUMBER_PLACE = '#'.repeat(16)

/** Of so many keys the requests are made beforehand; of more, each when it is sent. */
const MOST_PREPARED = 20_000

/** The key of this number in a range. */
export function keyOf(prefix: string, number: number): string {
  return `${prefix}${String(number).padStart(KEY_DIGITS, '0')}`
}

/** Gives the same request again and again, or one for each key in turn. */
export class RequestSource {
  readonly request: LoadRequest
  readonly #body: Buffer
  readonly #count: number
  readonly #prepared: readonly Buffer[]
  #next = 0
  /** Of the next call, where each has one of its own. Those of other runs begin elsewhere, all of them as whole numbers. */
  #number = Math.floor(Math.random() * 9e7) * 1e8

  constructor(request: LoadRequest) {
    this.request = request
    const { keys, isEachNew = false } = request
    const facts = isEachNew ? { ...request, lastWords: NUMBER_PLACE } : request
    this.#body = Buffer.from(request.method === 'GET' ? '' : requestBody(facts))
    this.#count = keys?.count ?? 1
    if (this.#count < 1) throw new RangeError('a range of keys holds at least one')
    if (keys?.beginsAnywhere === true) this.#next = Math.floor(Math.random() * keys.count)
    const prepared = this.#count <= MOST_PREPARED ? this.#count : 0
    this.#prepared = Array.from({ length: prepared }, (_, number) => this.#bytesOf(number))
  }

  next(): Buffer {
    const number = this.#next
    this.#next = (number + 1) % this.#count
    const bytes = this.#prepared[number] ?? this.#bytesOf(number)
    return this.request.isEachNew === true ? this.#numbered(bytes) : bytes
  }

  /** A copy: the bytes of earlier calls may still be on their way. */
  #numbered(bytes: Buffer): Buffer {
    const numbered = Buffer.from(bytes)
    this.#number += 1
    const text = String(this.#number).padStart(NUMBER_PLACE.length, '0')
    numbered.write(text, numbered.lastIndexOf(NUMBER_PLACE), 'latin1')
    return numbered
  }

  #bytesOf(number: number): Buffer {
    const { keys, headers } = this.request
    if (keys === undefined) return requestBytes(this.request, headers, this.#body)
    const authorization = `Bearer ${keyOf(keys.prefix, number)}`
    return requestBytes(this.request, { ...headers, authorization }, this.#body)
  }
}

function requestBytes(
  { host, port, path, method }: LoadRequest,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
): Buffer {
  const lines = [
    `${method ?? 'POST'} ${path} HTTP/1.1`,
    ...Object.entries({ host: `${host}:${port}`, ...headers }).map(([name, value]) => `${name}: ${value}`),
    ...(method === 'GET' ? [] : ['content-type: application/json', `content-length: ${body.length}`]),
  ]
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), body])
}

interface BodyFacts extends Pick<LoadRequest, 'model' | 'dialect' | 'stream' | 'bodyBytes' | 'nesting'> {
  /** What the user's text ends with. */
  readonly lastWords?: string
}

export function requestBody(facts: BodyFacts): string {
  const { model, dialect, stream, bodyBytes, nesting, lastWords = '' } = facts
  const sentences = Math.max(1, Math.round((bodyBytes - ENVELOPE_BYTES) / SENTENCE_BYTES))
  const content = SENTENCE.repeat(sentences) + lastWords
  const members = BODIES[dialect](content, stream)
  const body = JSON.stringify({ model, ...members, ...(stream ? { stream: true } : {}) })
  if (nesting === undefined) return body
  // Written as text: JSON.stringify itself fails at such a depth.
  return `${body.slice(0, -1)},"nested":${'['.repeat(nesting)}${']'.repeat(nesting)}}`
}

const BODIES: Readonly<Record<BenchDialect, (content: string, stream: boolean) => object>> = {
  'openai-chat': (content, stream) => ({
    messages: [
      { role: 'system', content: INSTRUCTIONS },
      { role: 'user', content },
    ],
    max_tokens: MOST_OUTPUT_TOKENS,
    ...(stream ? { stream_options: { include_usage: true } } : {}),
  }),
  'openai-responses': (content) => ({
    instructions: INSTRUCTIONS,
    input: [{ role: 'user', content }],
    max_output_tokens: MOST_OUTPUT_TOKENS,
  }),
  'anthropic-messages': (content) => ({
    system: INSTRUCTIONS,
    messages: [{ role: 'user', content }],
    max_tokens: MOST_OUTPUT_TOKENS,
  }),
}
