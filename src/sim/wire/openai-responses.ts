/** The simulator's Responses: requests, and the whole answer. */
import { isObject, objectsOf, stringOf } from '../sim-request.ts'
import { completionTokens, promptTokens, totalTokens } from '../../dialects/usage.ts'
import { openaiError, OPENAI } from './families.ts'
import { contentText, lastText, openaiRequest, outputBound } from './openai-body.ts'
import { ResponseEvents } from './openai-response-events.ts'
import type { Usage } from '../../dialects/usage.ts'
import type { Block, Plan } from '../plan.ts'
import type { JsonObject, PromptSegment, SimRequest, ToolOffer } from '../sim-request.ts'
import type { Wire } from './wire.ts'

export const openaiResponses: Wire = {
  dialect: 'openai-responses',
  family: OPENAI,
  read,
  answer: (plan) => responseObject(plan, finalStatus(plan)),
  frames: (plan) => new ResponseEvents(plan, { responseObject, item }).frames(),
  streamError(_plan, error) {
    const { message, code, type } = openaiError(error)
    // Greater than any number before it: sequence numbers grow, but need not be without gaps.
    const body = { type: 'error', code: code ?? type, message, param: null, sequence_number: 1_000_000 }
    return `event: error\ndata: ${JSON.stringify(body)}\n\n`
  },
  malformedEvent: () => 'event: response.output_text.delta\ndata: {"type":"response.output_te\n\n',
}

function read(body: JsonObject): SimRequest {
  const items = typeof body['input'] === 'string' ? [userItem(body['input'])] : objectsOf(body['input'])
  const instructions = stringOf(body['instructions'])
  const lastUser = items.findLast((item) => item['role'] === 'user')
  const reasoning = isObject(body['reasoning']) ? body['reasoning'] : {}
  return openaiRequest(body, {
    segments: [
      ...(instructions === undefined ? [] : [{ label: 'instructions', text: instructions }]),
      ...objectsOf(body['tools']).map((tool) => ({ label: 'tool', text: JSON.stringify(tool) })),
      ...items.map(itemSegment),
    ],
    lastUserText: lastText(lastUser?.['content']) ?? '',
    tools: objectsOf(body['tools']).flatMap(toolOffers),
    answersTool: String(items.at(-1)?.['type']).endsWith('_output'),
    thinking: typeof reasoning['summary'] === 'string' ? 'shown' : 'omitted',
    maxOutputTokens: outputBound(body, 'max_output_tokens'),
  })
}

function userItem(text: string): JsonObject {
  return { type: 'message', role: 'user', content: text }
}

function itemSegment(item: JsonObject): PromptSegment {
  const role = stringOf(item['role'])
  if (role !== undefined) return { label: role, text: contentText(item['content']) }
  return { label: stringOf(item['type']) ?? '', text: JSON.stringify(item) }
}

/** Hosted tools are offered to the provider itself: the simulated model does not call them. */
function toolOffers(tool: JsonObject): readonly ToolOffer[] {
  const { type } = tool
  if (type !== 'function' && type !== 'custom') return []
  return [{ name: stringOf(tool['name']) ?? '', kind: type, schema: tool['parameters'] }]
}

function finalStatus(plan: Plan): 'completed' | 'incomplete' {
  return plan.stop === 'length' ? 'incomplete' : 'completed'
}

/** The response object: before its end without output and usage. */
function responseObject(plan: Plan, status: 'in_progress' | 'completed' | 'incomplete'): string {
  const isOver = status !== 'in_progress'
  const output = isOver ? plan.blocks.map((block, index) => item(plan, block, index)).join(',') : ''
  const details = status === 'incomplete' ? '{"reason":"max_output_tokens"}' : 'null'
  return (
    `{"id":"resp_${plan.id}","object":"response","created_at":${plan.createdS},` +
    `"completed_at":${status === 'completed' ? plan.createdS : 'null'},"status":"${status}","background":false,"error":null,` +
    `"incomplete_details":${details},"instructions":null,"max_output_tokens":${plan.request.maxOutputTokens ?? 'null'},` +
    `"model":${JSON.stringify(plan.request.model)},"output":[${output}],"parallel_tool_calls":true,` +
    '"previous_response_id":null,"reasoning":{"effort":null,"summary":null},' +
    `"service_tier":${JSON.stringify(plan.usage.serviceTier)},"store":false,"temperature":1,` +
    '"text":{"format":{"type":"text"}},"tool_choice":"auto","tools":[],"top_p":1,"truncation":"disabled",' +
    `"usage":${isOver ? usageObject(plan.usage) : 'null'},"metadata":{}}`
  )
}

function usageObject(usage: Usage): string {
  const written = usage.cacheWrite5mTokens + usage.cacheWrite1hTokens
  return (
    `{"input_tokens":${promptTokens(usage)},"input_tokens_details":{"cached_tokens":${usage.cacheReadTokens},` +
    `"cache_write_tokens":${written}},"output_tokens":${completionTokens(usage)},` +
    `"output_tokens_details":{"reasoning_tokens":${usage.reasoningTokens}},"total_tokens":${totalTokens(usage)}}`
  )
}

/** An output item in its full form. */
function item(plan: Plan, block: Block, index: number): string {
  const id = `${plan.id}_${index}`
  switch (block.kind) {
    case 'text':
      return (
        `{"id":"msg_${id}","type":"message","status":"${finalStatus(plan)}","role":"assistant","content":` +
        `[{"type":"output_text","annotations":[],"logprobs":[],"text":${JSON.stringify(block.text)}}]}`
      )
    case 'thinking':
      return `{"id":"rs_${id}","type":"reasoning","summary":${block.shown ? `[{"type":"summary_text","text":${JSON.stringify(block.text)}}]` : '[]'}}`
    case 'tool':
      return block.custom
        ? `{"id":"ctc_${id}","type":"custom_tool_call","status":"completed","call_id":"call_${block.toolCallId}","name":${JSON.stringify(block.name)},"input":${JSON.stringify(block.text)}}`
        : `{"id":"fc_${id}","type":"function_call","status":"completed","call_id":"call_${block.toolCallId}","name":${JSON.stringify(block.name)},"arguments":${JSON.stringify(block.text)}}`
  }
}
