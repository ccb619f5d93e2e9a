/** Random calls: what is asked in which dialect, what the provider does to it, and when the client leaves. */
import type { DialectName } from '../../src/dialects/dialect.ts'
import type { Random } from './random.ts'

export type MoneyDialect = Exclude<DialectName, 'anthropic-count-tokens'>

/** When the client closes its connection: at the n-th piece of the answer, or some time after it has asked. */
export type Leave =
  | { readonly kind: 'piece'; readonly piece: number }
  | { readonly kind: 'time'; readonly afterMs: number }

export interface CallPlan {
  /** The end user of the call, by which its row is found. */
  readonly id: string
  readonly dialect: MoneyDialect
  readonly path: string
  /** The provider's name of the model. */
  readonly upstreamModel: string
  readonly stream: boolean
  readonly body: Buffer
  /** Which of the run's keys calls. */
  readonly key: number
  readonly fault: string | undefined
  readonly leave: Leave | undefined
  /** Whether the answer calls a tool: its bytes in the stream are more than its tokens say. */
  readonly tool: boolean
  /** Whether the meter's input follows from the prompt, and was not told to the simulator. */
  readonly naturalInput: boolean
}

const PATHS: Readonly<Record<MoneyDialect, string>> = {
  'openai-chat': '/v1/chat/completions',
  'openai-completions': '/v1/completions',
  'openai-embeddings': '/v1/embeddings',
  'openai-responses': '/v1/responses',
  'anthropic-messages': '/v1/messages',
}

const DIALECT_WEIGHTS: Readonly<Record<MoneyDialect, number>> = {
  'openai-chat': 5,
  'anthropic-messages': 5,
  'openai-responses': 4,
  'openai-completions': 2,
  'openai-embeddings': 1,
}

const SHARED_TEXT = 'The quick brown fox jumps over the lazy dog, and the dog does not mind at all. '.repeat(
  60,
)
const PARAMETERS = { type: 'object', properties: { place: { type: 'string' } }, required: ['place'] }
const TOOL_CALL = `tool=${encodeURIComponent('look {"place":"under the old oak"}')}`

type Body = Record<string, unknown>

/** What is drawn for a call before its body is written. */
interface Draft {
  readonly random: Random
  readonly stream: boolean
  /** Pairs for the simulator. */
  readonly pairs: string[]
  tool: boolean
  naturalInput: boolean
}

export function planCall(random: Random, id: string, keys: number): CallPlan {
  const dialect = random.weighted(DIALECT_WEIGHTS)
  const stream = dialect !== 'openai-embeddings' && random.chance(0.75)
  const chunks = random.between(1, 40)
  const intervalMs = random.pick([0, 1, 5, 20, 40])
  const draft: Draft = { random, stream, pairs: [], tool: false, naturalInput: true }
  draft.pairs.push(`chunks=${chunks}`, `interval=${intervalMs}`, `chunk-tokens=${random.between(1, 9)}`)
  if (random.chance(0.3)) draft.pairs.push(`ttft=${random.between(1, 300)}`)
  if (random.chance(0.3)) draft.pairs.push(`latency=${random.between(1, 300)}`)
  const fault = random.chance(0.45) ? faultOf(random, chunks) : undefined
  if (fault !== undefined) draft.pairs.push(...fault.split(' '))
  const body = bodyOf(dialect, draft)
  return {
    id,
    dialect,
    path: PATHS[dialect],
    upstreamModel: upstreamModelOf(dialect),
    stream,
    body: Buffer.from(JSON.stringify(body)),
    key: random.between(0, keys - 1),
    fault,
    leave: random.chance(0.3) ? leaveOf(random, chunks) : undefined,
    tool: draft.tool,
    naturalInput: draft.naturalInput,
  }
}

function upstreamModelOf(dialect: MoneyDialect): string {
  if (dialect === 'anthropic-messages') return 'sim-claude'
  return dialect === 'openai-embeddings' ? 'sim-embedding' : 'sim-gpt'
}

function faultOf(random: Random, chunks: number): string {
  const place = random.weighted({ chunk: 6, '0': 1, end: 1, last: 1 })
  const at = place === 'chunk' ? random.between(0, chunks) : place
  switch (random.weighted({ mid: 5, stall: 1, once: 3, status: 1, instead: 1 })) {
    case 'mid':
      return `fault=${random.pick(['cut', 'fin', 'malformed', 'error'])}@${at}`
    case 'stall':
      return `fault=stall@${at} hold=${random.pick([200, 600_000])}`
    case 'once':
      return `fault=${random.pick(['429', '500', '503', '529', 'reset'])} times=1 retry-after=0`
    case 'status':
      return `fault=${random.pick(['400', '404', '429', '500', '529'])} retry-after=0`
    case 'instead':
      return `fault=${random.pick(['reset', 'slow-headers', 'html', 'html502', 'no-credit', 'context-length'])} retry-after=0 hold=700`
  }
}

function leaveOf(random: Random, chunks: number): Leave {
  return random.chance(0.7)
    ? { kind: 'piece', piece: random.between(1, chunks) }
    : { kind: 'time', afterMs: random.between(0, 400) }
}

function bodyOf(dialect: MoneyDialect, draft: Draft): Body {
  switch (dialect) {
    case 'openai-chat':
      return chatBody(draft)
    case 'openai-completions':
      return completionsBody(draft)
    case 'openai-embeddings':
      return { model: 'embedder', input: [SHARED_TEXT.slice(0, draft.random.between(1, 4_000)), text(draft)] }
    case 'openai-responses':
      return responsesBody(draft)
    case 'anthropic-messages':
      return messagesBody(draft)
  }
}

/** The user's text, with what the simulator is told; written last, when all pairs are known. */
function text({ pairs, random }: Draft): string {
  return `${SHARED_TEXT.slice(0, random.between(0, 300))} ${random.next()} é 漢 [[sim ${pairs.join(' ')}]]`
}

function openaiExtras(draft: Draft): void {
  const { random, pairs } = draft
  if (random.chance(0.2))
    told(draft, `input=${random.between(1, 9_999)}`, `cached=${random.between(0, 5_000)}`)
  else if (random.chance(0.1)) told(draft, 'input=190001', `cached=${random.between(9_999, 30_000)}`)
  else if (random.chance(0.15)) pairs.push('tier=priority')
}

function told(draft: Draft, ...pairs: readonly string[]): void {
  draft.pairs.push(...pairs)
  draft.naturalInput = false
}

function chatBody(draft: Draft): Body {
  const { random, stream, pairs } = draft
  const body: Body = { model: 'gpt', stream }
  const isLong = random.chance(0.3)
  if (stream && random.chance(0.4)) body['stream_options'] = { include_usage: random.chance(0.7) }
  if (random.chance(0.2)) {
    body['tools'] = [{ type: 'function', function: { name: 'look', parameters: PARAMETERS } }]
    draft.tool = true
    pairs.push(TOOL_CALL, `calls=${random.between(1, 3)}`)
  } else if (random.chance(0.25)) {
    pairs.push(`reasoning=${random.between(1, 500)}`)
  } else if (random.chance(0.15)) {
    told(draft, `audio-in=${random.between(1, 900)}`, `audio-out=${random.between(1, 900)}`)
  } else {
    openaiExtras(draft)
  }
  body['messages'] = [
    { role: 'system', content: isLong ? SHARED_TEXT : 'Be brief.' },
    { role: 'user', content: text(draft) },
  ]
  return body
}

function completionsBody(draft: Draft): Body {
  openaiExtras(draft)
  return { model: 'gpt', stream: draft.stream, max_tokens: draft.random.between(5, 400), prompt: text(draft) }
}

function responsesBody(draft: Draft): Body {
  const { random, stream, pairs } = draft
  const body: Body = { model: 'gpt', stream, store: false }
  if (random.chance(0.3)) body['instructions'] = SHARED_TEXT
  if (random.chance(0.3)) {
    pairs.push(`reasoning=${random.between(1, 120)}`)
    if (random.chance(0.6)) body['reasoning'] = { summary: 'auto' }
  } else if (random.chance(0.25)) {
    body['tools'] = [{ type: 'function', name: 'look', parameters: PARAMETERS }]
    draft.tool = true
    pairs.push(TOOL_CALL)
  } else {
    openaiExtras(draft)
  }
  body['input'] = [{ role: 'user', content: [{ type: 'input_text', text: text(draft) }] }]
  return body
}

function messagesBody(draft: Draft): Body {
  const { random, stream, pairs } = draft
  const body: Body = { model: 'claude', stream, max_tokens: random.between(50, 2_000) }
  if (random.chance(0.3)) {
    body['thinking'] = { type: 'enabled', budget_tokens: 1_024 }
    pairs.push(`reasoning=${random.between(1, 40)}`)
  }
  if (random.chance(0.2)) {
    body['tools'] = [{ name: 'look', input_schema: PARAMETERS }]
    draft.tool = true
    pairs.push(TOOL_CALL)
  } else if (random.chance(0.15)) {
    pairs.push(`searches=${random.between(1, 3)}`)
  }
  if (random.chance(0.15)) {
    const written = [`written=${random.between(0, 9_999)}`, `written-1h=${random.between(0, 9_999)}`]
    told(draft, `input=${random.between(1, 9_999)}`, `cached=${random.between(0, 99_999)}`, ...written)
  }
  const ttl = random.pick(['none', '5m', '1h'])
  const mark = ttl === 'none' ? {} : { cache_control: { type: 'ephemeral', ttl } }
  body['system'] = [{ type: 'text', text: SHARED_TEXT.slice(0, random.pick([900, 2_000, 4_000])), ...mark }]
  body['messages'] = [{ role: 'user', content: text(draft) }]
  return body
}
