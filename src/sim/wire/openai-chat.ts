/** The simulator's Chat Completions. */
import { cutText } from '../tokens.ts'
import { isObject, objectsOf, stringOf } from '../sim-request.ts'
import { completionTokens, promptTokens, totalTokens } from '../../dialects/usage.ts'
import { OPENAI, openaiError } from './families.ts'
import { contentText, lastText, openaiRequest, outputBound } from './openai-body.ts'
import { frame } from './wire.ts'
import type { Usage } from '../../dialects/usage.ts'
import type { Plan, ToolBlock } from '../plan.ts'
import type { JsonObject, PromptSegment, SimRequest, ToolOffer } from '../sim-request.ts'
import type { Frame, ProviderError, Wire } from './wire.ts'

export const openaiChat: Wire = {
  dialect: 'openai-chat',
  family: OPENAI,
  read,
  answer,
  frames,
  streamError: openaiStreamError,
  malformedEvent: (plan) => `data: {"id":"chatcmpl-${plan.id}","object":"chat.comple\n\n`,
}

/** An error event of the unnamed streams: chat and completions. */
export function openaiStreamError(_plan: Plan, error: ProviderError): string {
  return `data: ${JSON.stringify({ error: openaiError(error) })}\n\n`
}

/** `usage` of chat and completions. */
export function chatUsage(usage: Usage): string {
  const written = usage.cacheWrite5mTokens + usage.cacheWrite1hTokens
  const writes = written === 0 ? '' : `"cache_write_tokens":${written},`
  return (
    `{"prompt_tokens":${promptTokens(usage)},"completion_tokens":${completionTokens(usage)},"total_tokens":${totalTokens(usage)},` +
    `"prompt_tokens_details":{"cached_tokens":${usage.cacheReadTokens},${writes}"audio_tokens":${usage.inputAudioTokens}},` +
    `"completion_tokens_details":{"reasoning_tokens":${usage.reasoningTokens},"audio_tokens":${usage.outputAudioTokens},` +
    '"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}'
  )
}

function read(body: JsonObject): SimRequest {
  const messages = objectsOf(body['messages'])
  return openaiRequest(body, {
    segments: [...objectsOf(body['tools']).map(toolSegment), ...messages.map(messageSegment)],
    lastUserText: lastText(messages.findLast((message) => message['role'] === 'user')?.['content']) ?? '',
    tools: objectsOf(body['tools']).map(toolOffer),
    answersTool: messages.at(-1)?.['role'] === 'tool',
    hasAudio: true,
    maxOutputTokens: outputBound(body, 'max_completion_tokens', 'max_tokens'),
  })
}

function toolSegment(tool: JsonObject): PromptSegment {
  return { label: 'tool', text: JSON.stringify(tool) }
}

function messageSegment(message: JsonObject): PromptSegment {
  const calls = message['tool_calls'] === undefined ? '' : JSON.stringify(message['tool_calls'])
  return { label: stringOf(message['role']) ?? '', text: contentText(message['content']) + calls }
}

function toolOffer(tool: JsonObject): ToolOffer {
  const kind = tool['type'] === 'custom' ? 'custom' : 'function'
  const definition = tool[kind]
  const named = isObject(definition) ? definition : {}
  return { name: stringOf(named['name']) ?? '', kind, schema: named['parameters'] }
}

function finishReason(plan: Plan): string {
  return plan.stop === 'tool' ? 'tool_calls' : plan.stop
}

function identity(plan: Plan, object: string): string {
  return (
    `{"id":"chatcmpl-${plan.id}","object":"${object}","created":${plan.createdS},"model":${JSON.stringify(plan.request.model)},` +
    `"service_tier":${JSON.stringify(plan.usage.serviceTier)},"system_fingerprint":"fp_sim",`
  )
}

function answer(plan: Plan): string {
  const tools = plan.blocks.filter((block) => block.kind === 'tool')
  const texts = plan.blocks.filter((block) => block.kind === 'text')
  const content = texts.length === 0 ? 'null' : JSON.stringify(texts.map((block) => block.text).join(''))
  const calls = tools.length === 0 ? '' : `,"tool_calls":[${tools.map(wholeToolCall).join(',')}]`
  return (
    `${identity(plan, 'chat.completion')}"choices":[{"index":0,"message":{"role":"assistant","content":${content},` +
    `"refusal":null${calls},"annotations":[]},"logprobs":null,"finish_reason":"${finishReason(plan)}"}],` +
    `"usage":${chatUsage(plan.usage)}}`
  )
}

function wholeToolCall(block: ToolBlock): string {
  const name = JSON.stringify(block.name)
  const text = JSON.stringify(block.text)
  return block.custom
    ? `{"id":"call_${block.toolCallId}","type":"custom","custom":{"name":${name},"input":${text}}}`
    : `{"id":"call_${block.toolCallId}","type":"function","function":{"name":${name},"arguments":${text}}}`
}

function* frames(plan: Plan): Generator<Frame> {
  const head = `data: ${identity(plan, 'chat.completion.chunk')}"choices":[`
  const tail = plan.request.includeUsage ? '],"usage":null}\n\n' : ']}\n\n'
  const chunk = (delta: string, finish: string): string =>
    `${head}{"index":0,"delta":${delta},"logprobs":null,"finish_reason":${finish}}${tail}`
  const content = plan.stop === 'tool' ? 'null' : '""'
  yield frame('opening', chunk(`{"role":"assistant","content":${content},"refusal":null}`, 'null'))
  // Reasoning is not shown in this dialect: it was all done when the first content comes.
  let hiddenTokens = plan.usage.reasoningTokens
  for (const piece of deltas(plan)) {
    yield frame('content', chunk(piece.delta, 'null'), piece.tokens, hiddenTokens)
    hiddenTokens = 0
  }
  yield frame('closing', chunk('{}', `"${finishReason(plan)}"`))
  if (plan.request.includeUsage) {
    yield frame('closing', `${head}],"usage":${chatUsage(plan.usage)}}\n\n`)
  }
  yield frame('last', 'data: [DONE]\n\n')
}

interface Delta {
  readonly delta: string
  readonly tokens: number
}

function* deltas(plan: Plan): Generator<Delta> {
  let toolIndex = 0
  for (const block of plan.blocks) {
    if (block.kind === 'tool') {
      yield* toolDeltas(block, toolIndex)
      toolIndex += 1
    } else if (block.kind === 'text') {
      for (const piece of cutText(block.text, block.pieces, block.bytesBefore)) {
        yield { delta: `{"content":${JSON.stringify(piece.text)}}`, tokens: piece.tokens }
      }
    }
  }
}

/** Id and name come in the first fragment only, as the dialect has it. */
function* toolDeltas(block: ToolBlock, index: number): Generator<Delta> {
  const kind = block.custom ? 'custom' : 'function'
  const member = block.custom ? 'input' : 'arguments'
  const first = `{"index":${index},"id":"call_${block.toolCallId}","type":"${kind}","${kind}":{"name":${JSON.stringify(block.name)},"${member}":""}}`
  yield { delta: `{"tool_calls":[${first}]}`, tokens: 0 }
  for (const piece of cutText(block.text, block.pieces, block.bytesBefore)) {
    const fragment = `{"index":${index},"${kind}":{"${member}":${JSON.stringify(piece.text)}}}`
    yield { delta: `{"tool_calls":[${fragment}]}`, tokens: piece.tokens }
  }
}
