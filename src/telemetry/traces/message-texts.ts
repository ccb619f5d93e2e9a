/**
 * Prompts and answers of any dialect as messages, in the form of OpenTelemetry's conventions:
 * https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-events/
 */
import { objectOf, parseJson, textOf, type JsonObject } from '../../dialects/json-value.ts'
import { readEventStream } from '../../dialects/read-event-stream.ts'
import type { CallContent } from '../../record/call-trace.ts'

export type MessagePart =
  | { readonly type: 'text' | 'reasoning'; readonly content: string }
  | { readonly type: 'tool_call'; readonly name: string; readonly arguments: string }
  | { readonly type: 'tool_call_response'; readonly response: string }

export interface Message {
  readonly role: string
  readonly parts: readonly MessagePart[]
}

export interface MessageTexts {
  readonly input: readonly Message[]
  readonly output: readonly Message[]
  /** Members of the request that set how the model answers, without its messages and tools. */
  readonly parameters: Readonly<Record<string, string | number | boolean>>
}

/** Larger bodies are not read: that would hold up calls, and no trace viewer shows them. */
const MAX_BODY_BYTES = 262_144

const MAX_MESSAGES = 200

/** Members that are no parameters: whose call it is, and what the gateway reads for itself. */
const NO_PARAMETERS: ReadonlySet<string> = new Set([
  'model',
  'user',
  'input',
  'prompt',
  'system',
  'instructions',
  'safety_identifier',
])

/** @param redact takes secrets out of a text. */
export function readMessageTexts(content: CallContent, redact: (text: string) => string): MessageTexts {
  const request = objectOf(parsed(content.request))
  const input = request === undefined ? [omitted('user', content.request)] : inputMessages(request)
  const { answer } = content
  const output = answer === undefined ? [] : outputMessages(answer)
  return {
    input: input.slice(-MAX_MESSAGES).map((message) => redacted(message, redact)),
    output: output.slice(0, MAX_MESSAGES).map((message) => redacted(message, redact)),
    parameters: request === undefined ? {} : parametersOf(request),
  }
}

/** All that a message says, for readers that know of texts only. */
export function plainText(messages: readonly Message[]): string {
  return messages.flatMap(({ parts }) => parts.map(partText)).join('\n')
}

function partText(part: MessagePart): string {
  switch (part.type) {
    case 'text':
    case 'reasoning':
      return part.content
    case 'tool_call':
      return `${part.name}(${part.arguments})`
    case 'tool_call_response':
      return part.response
  }
}

function parsed(body: Buffer): unknown {
  return body.length > MAX_BODY_BYTES ? undefined : parseJson(body.toString('utf8'))
}

function omitted(role: string, body: Buffer): Message {
  return { role, parts: [{ type: 'text', content: `(${body.length} bytes that are not shown)` }] }
}

function inputMessages(request: JsonObject): readonly Message[] {
  const system = request['system'] ?? request['instructions']
  const turns = request['messages'] ?? request['input'] ?? request['prompt']
  const before: Message[] = system === undefined ? [] : [{ role: 'system', parts: partsOf(system) }]
  if (!Array.isArray(turns) || turns.every((turn) => typeof turn !== 'object'))
    return [...before, { role: 'user', parts: partsOf(turns) }]
  return [...before, ...turns.map(messageOf)]
}

function messageOf(turn: unknown): Message {
  const message = objectOf(turn) ?? {}
  const calls: readonly unknown[] = Array.isArray(message['tool_calls']) ? message['tool_calls'] : []
  const isItem = message['content'] === undefined && message['type'] !== undefined
  return {
    role: textOf(message['role']) ?? 'user',
    parts: [...partsOf(isItem ? [message] : message['content']), ...calls.flatMap((call) => partsOf([call]))],
  }
}

function outputMessages(answer: Buffer): readonly Message[] {
  if (answer.length > MAX_BODY_BYTES) return [omitted('assistant', answer)]
  const body = objectOf(parsed(answer) ?? streamed(answer))
  if (body === undefined) return []
  if (Array.isArray(body['choices'])) return body['choices'].map(choiceMessage)
  if (body['content'] !== undefined || Array.isArray(body['output']))
    return [{ role: 'assistant', parts: partsOf(body['content'] ?? body['output']) }]
  return []
}

function choiceMessage(value: unknown): Message {
  const choice = objectOf(value) ?? {}
  const message = messageOf(choice['message'] ?? { content: choice['text'] })
  return { ...message, role: 'assistant' }
}

/** A recorded stream, as if it had been a whole answer. */
function streamed(answer: Buffer): unknown {
  const reading = readEventStream(answer.toString('utf8'))
  let step = reading.next()
  while (step.done !== true) step = reading.next()
  const whole = objectOf(step.value)
  if (whole === undefined || typeof whole['toolArguments'] !== 'string') return whole
  const content = [
    { type: 'thinking', thinking: whole['reasoning'] },
    { type: 'text', text: whole['text'] },
    { type: 'tool_use', name: '', input: whole['toolArguments'] },
  ]
  return { content: content.filter((block) => Object.values(block).at(-1) !== '') }
}

/** A text, or blocks of content of any dialect; what is no text is named and not shown. */
function partsOf(content: unknown): readonly MessagePart[] {
  if (typeof content === 'string') return [{ type: 'text', content }]
  if (!Array.isArray(content)) return []
  return content.slice(0, MAX_MESSAGES).flatMap((item: unknown) => {
    if (typeof item === 'string') return [{ type: 'text', content: item } as const]
    const block = objectOf(item)
    return block === undefined ? [] : blockParts(block)
  })
}

function blockParts(block: JsonObject): readonly MessagePart[] {
  const type = textOf(block['type']) ?? ''
  switch (type) {
    case 'text':
    case 'input_text':
    case 'output_text':
      return [{ type: 'text', content: textOf(block['text']) ?? '' }]
    case 'thinking':
      return [{ type: 'reasoning', content: textOf(block['thinking']) ?? '' }]
    case 'message':
      return partsOf(block['content'])
    case 'tool_use':
      return [{ type: 'tool_call', name: textOf(block['name']) ?? '', arguments: asText(block['input']) }]
    case 'function_call':
      return [{ type: 'tool_call', name: textOf(block['name']) ?? '', arguments: asText(block['arguments']) }]
    case 'function': {
      const called = objectOf(block['function'])
      return [
        { type: 'tool_call', name: textOf(called?.['name']) ?? '', arguments: asText(called?.['arguments']) },
      ]
    }
    case 'tool_result':
      return [{ type: 'tool_call_response', response: asText(block['content']) }]
    case 'function_call_output':
      return [{ type: 'tool_call_response', response: asText(block['output']) }]
    default:
      return [{ type: 'text', content: `(${type})` }]
  }
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

function redacted({ role, parts }: Message, redact: (text: string) => string): Message {
  return {
    role,
    parts: parts.map((part) => {
      switch (part.type) {
        case 'text':
        case 'reasoning':
          return { ...part, content: redact(part.content) }
        case 'tool_call':
          return { ...part, arguments: redact(part.arguments) }
        case 'tool_call_response':
          return { ...part, response: redact(part.response) }
      }
    }),
  }
}

function parametersOf(request: JsonObject): Record<string, string | number | boolean> {
  const parameters: Record<string, string | number | boolean> = {}
  for (const [name, value] of Object.entries(request)) {
    if (NO_PARAMETERS.has(name)) continue
    if (typeof value === 'number' || typeof value === 'boolean') parameters[name] = value
    else if (typeof value === 'string' && value.length <= 100) parameters[name] = value
  }
  return parameters
}
