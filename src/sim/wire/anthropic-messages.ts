/** The simulator's Anthropic Messages. */
import { hash } from 'node:crypto'
import { cutText } from '../tokens.ts'
import { findInText, parseModelName } from '../instructions.ts'
import {
  BadRequestError,
  isObject,
  numberOf,
  objectsOf,
  promptBytesOf,
  promptJson,
  stringOf,
} from '../sim-request.ts'
import { completionTokens } from '../../dialects/usage.ts'
import { ANTHROPIC, anthropicErrorType } from './families.ts'
import { lastText, metadataInstructions } from './openai-body.ts'
import { frame } from './wire.ts'
import type { Usage } from '../../dialects/usage.ts'
import type { Block, Plan } from '../plan.ts'
import type { JsonObject, PromptSegment, SimRequest, ToolOffer } from '../sim-request.ts'
import type { Frame, ProviderError, Wire } from './wire.ts'

export const anthropicMessages: Wire = {
  dialect: 'anthropic-messages',
  family: ANTHROPIC,
  read(body) {
    const maxTokens = numberOf(body['max_tokens'])
    if (maxTokens === undefined) throw new BadRequestError('max_tokens: Field required', 'max_tokens')
    return readMessages(body, maxTokens)
  },
  answer,
  frames,
  streamError,
  malformedEvent: () => 'event: content_block_delta\ndata: {"type":"content_block_de\n\n',
}

export const anthropicCountTokens: Wire = {
  ...anthropicMessages,
  dialect: 'anthropic-count-tokens',
  read: (body) => ({ ...readMessages(body, 0), stream: false, cacheRules: 'none', thinking: 'none' }),
  answer: (plan) => `{"input_tokens":${plan.usage.inputTokens}}`,
}

function readMessages(body: JsonObject, maxOutputTokens: number): SimRequest {
  const model = stringOf(body['model'])
  if (model === undefined || model === '') throw new BadRequestError('model: Field required', 'model')
  if (!Array.isArray(body['messages'])) throw new BadRequestError('messages: Field required', 'messages')
  const messages = objectsOf(body['messages'])
  const { name, instructions } = parseModelName(model)
  const lastUser = messages.findLast((message) => message['role'] === 'user')
  const lastUserText = lastUserTextOf(messages)
  const segments = segmentsOf(body, messages)
  const choice = isObject(body['tool_choice']) ? body['tool_choice'] : {}
  const tools = choice['type'] === 'none' ? [] : objectsOf(body['tools']).map(toolOffer)
  return {
    model: name,
    stream: body['stream'] === true,
    includeUsage: true,
    maxOutputTokens,
    segments,
    promptBytes: promptBytesOf(segments),
    cacheRules: 'marked',
    lastUserText,
    tools,
    forcedTool: choice['type'] === 'any' ? tools[0]?.name : stringOf(choice['name']),
    answersTool: objectsOf(lastUser?.['content']).some((block) => block['type'] === 'tool_result'),
    thinking: thinkingOf(body['thinking']),
    hasAudio: false,
    serviceTier: 'standard',
    embedding: undefined,
    instructions: { ...instructions, ...metadataInstructions(body['metadata']), ...findInText(lastUserText) },
  }
}

/** The last text of the last user message that has one: a message of tool results alone has none. */
function lastUserTextOf(messages: readonly JsonObject[]): string {
  for (const message of messages.toReversed()) {
    const text = message['role'] === 'user' ? lastText(message['content']) : undefined
    if (text !== undefined) return text
  }
  return ''
}

function toolOffer(tool: JsonObject): ToolOffer {
  return { name: stringOf(tool['name']) ?? '', kind: 'function', schema: tool['input_schema'] }
}

function thinkingOf(thinking: unknown): SimRequest['thinking'] {
  if (!isObject(thinking)) return 'none'
  if (thinking['type'] !== 'enabled' && thinking['type'] !== 'adaptive') return 'none'
  return thinking['display'] === 'omitted' ? 'omitted' : 'shown'
}

/** Tools, system, messages: the order in which the prompt cache sees them. */
function segmentsOf(body: JsonObject, messages: readonly JsonObject[]): readonly PromptSegment[] {
  const segments: PromptSegment[] = objectsOf(body['tools']).map((tool) => ({
    label: 'tool',
    text: promptJson(tool),
    cacheTtl: ttlOf(tool['cache_control']),
  }))
  segments.push(...contentSegments('system', body['system']))
  for (const message of messages) {
    segments.push(...contentSegments(stringOf(message['role']) ?? '', message['content']))
  }
  const everywhere = ttlOf(body['cache_control'])
  const last = segments.pop()
  if (last !== undefined) segments.push({ ...last, cacheTtl: last.cacheTtl ?? everywhere })
  return segments
}

function contentSegments(label: string, content: unknown): readonly PromptSegment[] {
  if (typeof content === 'string') return [{ label, text: content }]
  return objectsOf(content).map((block) => ({
    label,
    text: block['type'] === 'text' ? (stringOf(block['text']) ?? '') : promptJson(block),
    cacheTtl: ttlOf(block['cache_control']),
  }))
}

function ttlOf(mark: unknown): '5m' | '1h' | undefined {
  if (!isObject(mark)) return undefined
  return mark['ttl'] === '1h' ? '1h' : '5m'
}

function stopReason(plan: Plan): string {
  const reasons = { stop: 'end_turn', length: 'max_tokens', tool: 'tool_use' } as const
  return reasons[plan.stop]
}

/** The input side, which a stream tells at its start. */
function inputMembers(usage: Usage): string {
  const written = usage.cacheWrite5mTokens + usage.cacheWrite1hTokens
  return (
    `"input_tokens":${usage.inputTokens},"cache_creation_input_tokens":${written},` +
    `"cache_read_input_tokens":${usage.cacheReadTokens},"cache_creation":{"ephemeral_5m_input_tokens":` +
    `${usage.cacheWrite5mTokens},"ephemeral_1h_input_tokens":${usage.cacheWrite1hTokens}}`
  )
}

function outputMembers(usage: Usage): string {
  const searches =
    usage.webSearchRequests === 0
      ? ''
      : `,"server_tool_use":{"web_search_requests":${usage.webSearchRequests},"web_fetch_requests":0}`
  return (
    `"output_tokens":${completionTokens(usage)},"output_tokens_details":{"thinking_tokens":` +
    `${usage.reasoningTokens}}${searches}`
  )
}

function message(plan: Plan, content: string, stop: string, usage: string): string {
  return (
    `{"id":"msg_${plan.id}","type":"message","role":"assistant","model":${JSON.stringify(plan.request.model)},` +
    `"content":[${content}],"stop_reason":${stop},"stop_sequence":null,"usage":{${usage},` +
    `"service_tier":${JSON.stringify(plan.usage.serviceTier)}}}`
  )
}

function answer(plan: Plan): string {
  const usage = `${inputMembers(plan.usage)},${outputMembers(plan.usage)}`
  return message(plan, plan.blocks.map(wholeBlock).join(','), `"${stopReason(plan)}"`, usage)
}

function wholeBlock(block: Block): string {
  switch (block.kind) {
    case 'text':
      return `{"type":"text","text":${JSON.stringify(block.text)}}`
    case 'thinking':
      return `{"type":"thinking","thinking":${JSON.stringify(block.text)},"signature":"${signatureOf(block.text)}"}`
    case 'tool':
      return `{"type":"tool_use","id":"toolu_${block.toolCallId}","name":${JSON.stringify(block.name)},"input":${block.text}}`
  }
}

function signatureOf(text: string): string {
  return hash('sha256', `sim signature ${text}`, 'base64')
}

function event(type: string, members: string): string {
  return `event: ${type}\ndata: {"type":"${type}"${members}}\n\n`
}

function* frames(plan: Plan): Generator<Frame> {
  // A provider says one output token before it has made any.
  const start = message(plan, '', 'null', `${inputMembers(plan.usage)},"output_tokens":1`)
  let held = event('message_start', `,"message":${start}`)
  let index = 0
  for (const block of plan.blocks) {
    const begin = event('content_block_start', `,"index":${index},"content_block":${emptyBlock(block)}`)
    // The beginning of a tool call says what is called: that is content, and billed.
    if (index === 0 && block.kind === 'tool') {
      yield frame('opening', held + event('ping', ''))
      held = begin
    } else if (index === 0) {
      yield frame('opening', held + begin + event('ping', ''))
      held = ''
    } else {
      held += begin
    }
    for (const delta of deltas(block)) {
      const text = event('content_block_delta', `,"index":${index},"delta":${delta.json}`)
      yield frame('content', held + text, delta.tokens, delta.thinkingTokens)
      held = ''
    }
    held += block.kind === 'thinking' ? signatureEvent(block.text, index) : ''
    held += event('content_block_stop', `,"index":${index}`)
    index += 1
  }
  yield frame('closing', held)
  const usage = `${inputMembers(plan.usage)},${outputMembers(plan.usage)}`
  const delta = `{"stop_reason":"${stopReason(plan)}","stop_sequence":null}`
  yield frame('closing', event('message_delta', `,"delta":${delta},"usage":{${usage}}`))
  yield frame('last', event('message_stop', ''))
}

function emptyBlock(block: Block): string {
  switch (block.kind) {
    case 'text':
      return '{"type":"text","text":""}'
    case 'thinking':
      return '{"type":"thinking","thinking":"","signature":""}'
    case 'tool':
      return `{"type":"tool_use","id":"toolu_${block.toolCallId}","name":${JSON.stringify(block.name)},"input":{}}`
  }
}

function signatureEvent(text: string, index: number): string {
  const delta = `{"type":"signature_delta","signature":"${signatureOf(text)}"}`
  return event('content_block_delta', `,"index":${index},"delta":${delta}`)
}

interface Delta {
  readonly json: string
  readonly tokens: number
  readonly thinkingTokens: number
}

function* deltas(block: Block): Generator<Delta> {
  switch (block.kind) {
    case 'text':
      for (const piece of cutText(block.text, block.pieces, block.bytesBefore)) {
        const json = `{"type":"text_delta","text":${JSON.stringify(piece.text)}}`
        yield { json, tokens: piece.tokens, thinkingTokens: 0 }
      }
      return
    case 'thinking':
      yield* thinkingDeltas(block.text, block.pieces, block.tokens)
      return
    case 'tool':
      // Providers begin with an empty fragment: a reader that parses each fragment fails on it.
      yield { json: '{"type":"input_json_delta","partial_json":""}', tokens: 0, thinkingTokens: 0 }
      for (const piece of cutText(block.text, block.pieces, block.bytesBefore)) {
        const json = `{"type":"input_json_delta","partial_json":${JSON.stringify(piece.text)}}`
        yield { json, tokens: piece.tokens, thinkingTokens: 0 }
      }
  }
}

/** Without its text, thinking is one empty delta that carries all of its tokens. */
function* thinkingDeltas(text: string, pieces: number, tokens: number): Generator<Delta> {
  if (text === '')
    yield { json: '{"type":"thinking_delta","thinking":""}', tokens: 0, thinkingTokens: tokens }
  for (const piece of cutText(text, pieces, 0)) {
    const json = `{"type":"thinking_delta","thinking":${JSON.stringify(piece.text)}}`
    yield { json, tokens: 0, thinkingTokens: piece.tokens }
  }
}

function streamError(plan: Plan, error: ProviderError): string {
  const body = { type: anthropicErrorType(error.status), message: error.message }
  return event('error', `,"error":${JSON.stringify(body)},"request_id":"req_${plan.id}"`)
}
