/** The fixed answers of the benchmark's provider, in each dialect, as the bytes that go over the wire. */
import type { BenchDialect } from './load-job.ts'

export interface ProviderAnswers {
  /** A whole HTTP answer with a JSON body of about 1 KB. */
  readonly whole: Buffer
  /** The same with a text of 100,000 tokens, 400 KB. */
  readonly long: Buffer
  /** Status line, headers and the events before the first content. */
  readonly streamHead: Buffer
  /** One event of content with an empty stamp; see `stampAt`. */
  readonly streamChunk: Buffer
  /** Where the stamp's digits stand in `streamChunk`. */
  readonly stampAt: number
  /** The events after the last content, and the end of the answer. */
  readonly streamTail: Buffer
}

/** Before the digits of a stamp; it stands nowhere else in an answer. */
export const STAMP_MARK = 0x40 // @

/** A stamp is the monotonic clock of the machine in microseconds, in so many digits. */
export const STAMP_DIGITS = 16

const EMPTY_STAMP = `@${'0'.repeat(STAMP_DIGITS)}`
const SENTENCE = 'The gate lifts a hand and water finds its level, '
const WORDS = SENTENCE.repeat(15)
const MANY_WORDS = SENTENCE.repeat(8_200)
const INPUT_TOKENS = 240
const OUTPUT_TOKENS = 100

const STREAM_HEAD = 'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n'
const LAST_HTTP_CHUNK = '0\r\n\r\n'

/** The same moment for every process of this machine: microseconds of its monotonic clock. */
export function monotonicMicroseconds(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1_000_000 + nanoseconds / 1_000
}

/** A copy of the chunk that says when it was sent. */
export function stampedChunk({ streamChunk, stampAt }: ProviderAnswers): Buffer {
  const chunk = Buffer.from(streamChunk)
  const digits = String(Math.floor(monotonicMicroseconds()))
  chunk.write(digits, stampAt + STAMP_DIGITS - digits.length, 'latin1')
  return chunk
}

interface Events {
  readonly opening: string
  readonly content: string
  readonly closing: string
}

function build(body: object, { opening, content, closing }: Events): ProviderAnswers {
  const streamChunk = Buffer.from(httpChunk(content))
  const json = JSON.stringify(body)
  return {
    whole: jsonAnswer(json),
    long: jsonAnswer(json.replace(WORDS, MANY_WORDS)),
    streamHead: Buffer.from(STREAM_HEAD + (opening === '' ? '' : httpChunk(opening))),
    streamChunk,
    stampAt: streamChunk.indexOf(EMPTY_STAMP) + 1,
    streamTail: Buffer.from(httpChunk(closing) + LAST_HTTP_CHUNK),
  }
}

function jsonAnswer(json: string): Buffer {
  const headers = `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(json)}`
  return Buffer.from(`HTTP/1.1 200 OK\r\n${headers}\r\n\r\n${json}`)
}

function httpChunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`
}

/** An event whose name is told in its data, too. */
type NamedEvent = { readonly type: string } & Readonly<Record<string, unknown>>

function namedEvents(...events: readonly NamedEvent[]): string {
  return events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')
}

function openAiChat(): ProviderAnswers {
  const common = { id: 'chatcmpl-bench', created: 1_780_000_000, model: 'bench-model' }
  const usage = {
    prompt_tokens: INPUT_TOKENS,
    completion_tokens: OUTPUT_TOKENS,
    total_tokens: INPUT_TOKENS + OUTPUT_TOKENS,
  }
  const event = (members: object): string =>
    `data: ${JSON.stringify({ ...common, object: 'chat.completion.chunk', ...members })}\n\n`
  const message = { role: 'assistant', content: WORDS }
  return build(
    { ...common, object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'stop' }], usage },
    {
      opening: '',
      content: event({ choices: [{ index: 0, delta: { content: EMPTY_STAMP }, finish_reason: null }] }),
      closing:
        event({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] }) +
        event({ choices: [], usage }) +
        'data: [DONE]\n\n',
    },
  )
}

function openAiResponses(): ProviderAnswers {
  const part = { type: 'output_text', text: WORDS, annotations: [] }
  const item = {
    id: 'msg_bench',
    type: 'message',
    role: 'assistant',
    status: 'completed',
    content: [part],
  }
  const common = { id: 'resp_bench', object: 'response', created_at: 1_780_000_000, model: 'bench-model' }
  const response = {
    ...common,
    status: 'completed',
    output: [item],
    usage: {
      input_tokens: INPUT_TOKENS,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: OUTPUT_TOKENS,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: INPUT_TOKENS + OUTPUT_TOKENS,
    },
  }
  const started = { ...common, status: 'in_progress', output: [], usage: null }
  const place = { item_id: item.id, output_index: 0, content_index: 0 }
  return build(response, {
    opening: namedEvents(
      { type: 'response.created', response: started },
      { type: 'response.output_item.added', output_index: 0, item: { ...item, content: [] } },
    ),
    content: namedEvents({ type: 'response.output_text.delta', ...place, delta: EMPTY_STAMP }),
    closing: namedEvents(
      { type: 'response.output_text.done', ...place, text: WORDS },
      { type: 'response.output_item.done', output_index: 0, item },
      { type: 'response.completed', response },
    ),
  })
}

function anthropicMessages(): ProviderAnswers {
  const common = { id: 'msg_bench', type: 'message', role: 'assistant', model: 'bench-model' }
  const usage = { input_tokens: INPUT_TOKENS, output_tokens: OUTPUT_TOKENS }
  const begun = {
    ...common,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: { ...usage, output_tokens: 1 },
  }
  return build(
    {
      ...common,
      content: [{ type: 'text', text: WORDS }],
      stop_reason: 'end_turn',
      stop_sequence: null,
      usage,
    },
    {
      opening: namedEvents(
        { type: 'message_start', message: begun },
        { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
      ),
      content: namedEvents({
        type: 'content_block_delta',
        index: 0,
        delta: { type: 'text_delta', text: EMPTY_STAMP },
      }),
      closing: namedEvents(
        { type: 'content_block_stop', index: 0 },
        {
          type: 'message_delta',
          delta: { stop_reason: 'end_turn', stop_sequence: null },
          usage: { output_tokens: OUTPUT_TOKENS },
        },
        { type: 'message_stop' },
      ),
    },
  )
}

export const PROVIDER_ANSWERS: Readonly<Record<BenchDialect, ProviderAnswers>> = {
  'openai-chat': openAiChat(),
  'openai-responses': openAiResponses(),
  'anthropic-messages': anthropicMessages(),
}
