/**
 * Whether a finished answer is whole in itself, so that it may be given to somebody else: it ended for a good reason,
 * and the arguments of its tool calls are JSON. An answer that was cut by its token limit within a tool call, or by a
 * content filter, is a success on the wire and of no use a second time.
 */
import { tells } from './delta-bytes.ts'
import { countOf, objectOf, parseJson, textOf, type JsonObject } from './json-value.ts'
import { readEvent, SseSplitter, type SseFrame, type SseFrameSink } from './sse.ts'

/** End reasons of chat completions; `eos` is what some hosts of open models say. */
const CHAT_ENDS = new Set(['stop', 'eos', 'length', 'tool_calls', 'function_call'])

const MESSAGE_ENDS = new Set(['end_turn', 'stop_sequence', 'max_tokens', 'tool_use'])

/** @param body a whole answer of chat completions or legacy completions, or a whole stream of their chunks. */
export function isSoundChatAnswer(body: Buffer, isStream: boolean): boolean {
  const answer = new ChatEnds()
  if (isStream) new SseSplitter(answer).push(body)
  else answer.readChunk(objectOf(parseJson(body.toString('utf8'))))
  return answer.areSound()
}

/** @param body a whole message of Anthropic, or a whole stream of its events. */
export function isSoundMessage(body: Buffer, isStream: boolean): boolean {
  const answer = new MessageEnd()
  if (isStream) new SseSplitter(answer).push(body)
  else answer.readMessage(objectOf(parseJson(body.toString('utf8'))))
  return answer.isSound()
}

/** @param body a whole Response object, or a whole stream of Responses events. */
export function isSoundResponse(body: Buffer, isStream: boolean): boolean {
  if (!isStream) return isCompleted(objectOf(parseJson(body.toString('utf8'))))
  const answer = new ResponseEnd()
  new SseSplitter(answer).push(body)
  return isCompleted(answer.response)
}

/** What is told of the choices of a chat answer; `tools` holds the arguments of each tool call, as text. */
class ChatEnds implements SseFrameSink {
  readonly #ends = new Map<number, string>()
  readonly #tools = new Map<string, string>()

  onFrame(frame: SseFrame): void {
    const { text } = frame
    if (!tells(text, 'finish_reason') && !tells(text, 'tool_calls') && !tells(text, 'function_call')) return
    this.readChunk(objectOf(parseJson(readEvent(frame).data ?? '')))
  }

  readChunk(chunk: JsonObject | undefined): void {
    const choices: unknown = chunk?.['choices']
    for (const entry of listOf(choices)) {
      const choice = objectOf(entry)
      const index = countOf(choice?.['index']) ?? 0
      const end = textOf(choice?.['finish_reason'])
      if (end !== undefined) this.#ends.set(index, end)
      this.#readPiece(index, objectOf(choice?.['message']) ?? objectOf(choice?.['delta']))
    }
  }

  #readPiece(index: number, piece: JsonObject | undefined): void {
    for (const [position, entry] of listOf(piece?.['tool_calls']).entries()) {
      const call = objectOf(entry)
      const made = objectOf(call?.['function'])
      // A custom tool takes free text.
      if (made !== undefined)
        this.#addArguments(`${index}/${countOf(call?.['index']) ?? position}`, made['arguments'])
    }
    const older = objectOf(piece?.['function_call'])
    if (older !== undefined) this.#addArguments(`${index}/`, older['arguments'])
  }

  #addArguments(tool: string, part: unknown): void {
    this.#tools.set(tool, (this.#tools.get(tool) ?? '') + (textOf(part) ?? ''))
  }

  areSound(): boolean {
    if (this.#ends.size === 0) return false
    for (const end of this.#ends.values()) {
      if (!CHAT_ENDS.has(end) || (end === 'length' && this.#tools.size > 0)) return false
    }
    return areArguments(this.#tools.values())
  }
}

/** What is told of the end of a message; `tools` holds the input of each tool call of a stream, as text. */
class MessageEnd implements SseFrameSink {
  readonly #tools = new Map<number, string>()
  #end: string | undefined

  onFrame(frame: SseFrame): void {
    const { text } = frame
    if (!tells(text, 'stop_reason') && !tells(text, 'partial_json') && !tells(text, 'content_block')) return
    const event = objectOf(parseJson(readEvent(frame).data ?? ''))
    const delta = objectOf(event?.['delta'])
    this.#end = textOf(delta?.['stop_reason']) ?? this.#end
    const index = countOf(event?.['index']) ?? 0
    if (isToolUse(event?.['content_block'])) this.#tools.set(index, '')
    const part = textOf(delta?.['partial_json'])
    if (part !== undefined) this.#tools.set(index, (this.#tools.get(index) ?? '') + part)
  }

  readMessage(message: JsonObject | undefined): void {
    this.#end = textOf(message?.['stop_reason'])
    for (const [index, block] of listOf(message?.['content']).entries()) {
      if (isToolUse(block)) this.#tools.set(index, '')
    }
  }

  isSound(): boolean {
    if (this.#end === undefined || !MESSAGE_ENDS.has(this.#end)) return false
    return !(this.#end === 'max_tokens' && this.#tools.size > 0) && areArguments(this.#tools.values())
  }
}

class ResponseEnd implements SseFrameSink {
  response: JsonObject | undefined

  onFrame(frame: SseFrame): void {
    if (!frame.text.includes('response.completed')) return
    const event = objectOf(parseJson(readEvent(frame).data ?? ''))
    if (event?.['type'] === 'response.completed') this.response = objectOf(event['response'])
  }
}

function isCompleted(response: JsonObject | undefined): boolean {
  if (response?.['status'] !== 'completed') return false
  const calls = listOf(response['output']).map(objectOf).filter(isFunctionCall)
  return areArguments(calls.map((call) => textOf(call?.['arguments']) ?? ''))
}

function isFunctionCall(item: JsonObject | undefined): boolean {
  return item?.['type'] === 'function_call'
}

function isToolUse(block: unknown): boolean {
  const type = objectOf(block)?.['type']
  return type === 'tool_use' || type === 'server_tool_use' || type === 'mcp_tool_use'
}

/** A tool without parameters may be called with nothing. */
function areArguments(texts: Iterable<string>): boolean {
  for (const text of texts) if (text !== '' && parseJson(text) === undefined) return false
  return true
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
