/**
 * Whether a finished answer is whole in itself, so that it may be given to somebody else: every event of a stream can
 * be read, it ended for a good reason, and the arguments of its tool calls are JSON. An answer that was cut by its
 * token limit within a tool call, or by a content filter, is a success on the wire and of no use a second time.
 */
import { countOf, objectOf, parseJson, textOf, type JsonObject } from './json-value.ts'
import { readEvent, SseSplitter, type SseFrameSink } from './sse.ts'

/** End reasons of chat completions; `eos` is what some hosts of open models say. */
const CHAT_ENDS = new Set(['stop', 'eos', 'length', 'tool_calls', 'function_call'])

const MESSAGE_ENDS = new Set(['end_turn', 'stop_sequence', 'max_tokens', 'tool_use'])

/** @param body a whole answer of chat completions or legacy completions, or a whole stream of their chunks. */
export function isSoundChatAnswer(body: Buffer, isStream: boolean): boolean {
  const answer = new ChatAnswer()
  return isReadable(body, isStream, answer) && answer.isSound()
}

/** @param body a whole message of Anthropic, or a whole stream of its events. */
export function isSoundMessage(body: Buffer, isStream: boolean): boolean {
  const answer = new Message()
  return isReadable(body, isStream, answer) && answer.isSound()
}

/** @param body a whole Response object, or a whole stream of Responses events. */
export function isSoundResponse(body: Buffer, isStream: boolean): boolean {
  const answer = new ResponseAnswer()
  return isReadable(body, isStream, answer) && answer.isSound()
}

/** What an answer tells, read from all of it or from its events one by one. */
interface AnswerReader {
  readWhole(answer: JsonObject): void
  readEvent(event: JsonObject): void
}

/** Reads an answer. @returns false when something in it is no JSON object. */
function isReadable(body: Buffer, isStream: boolean, reader: AnswerReader): boolean {
  if (isStream) {
    const events = new Events(reader)
    const splitter = new SseSplitter(events)
    splitter.push(body.toString('latin1'))
    return events.areReadable && splitter.heldBytes === 0
  }
  const answer = objectOf(parseJson(body.toString('utf8')))
  if (answer !== undefined) reader.readWhole(answer)
  return answer !== undefined
}

class Events implements SseFrameSink {
  readonly #reader: AnswerReader
  areReadable = true

  constructor(reader: AnswerReader) {
    this.#reader = reader
  }

  onFrame(frame: string): void {
    const { data } = readEvent(frame)
    if (data === undefined || data === '[DONE]') return
    const event = objectOf(parseJson(data))
    if (event === undefined) this.areReadable = false
    else this.#reader.readEvent(event)
  }
}

/** Arguments of tool calls, put together from their pieces. */
class ToolArguments {
  readonly #texts = new Map<string, string>()

  get isEmpty(): boolean {
    return this.#texts.size === 0
  }

  add(tool: string, piece: unknown): void {
    this.#texts.set(tool, (this.#texts.get(tool) ?? '') + (textOf(piece) ?? ''))
  }

  /** A tool without parameters may be called with nothing. */
  areJson(): boolean {
    for (const text of this.#texts.values()) if (text !== '' && parseJson(text) === undefined) return false
    return true
  }
}

class ChatAnswer implements AnswerReader {
  readonly #ends = new Map<number, string>()
  readonly #tools = new ToolArguments()

  readWhole(answer: JsonObject): void {
    this.readEvent(answer)
  }

  readEvent(chunk: JsonObject): void {
    for (const entry of listOf(chunk['choices'])) {
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
      const tool = `${index}/${countOf(call?.['index']) ?? position}`
      // A custom tool takes free text.
      if (made !== undefined) this.#tools.add(tool, made['arguments'])
    }
    const older = objectOf(piece?.['function_call'])
    if (older !== undefined) this.#tools.add(`${index}/`, older['arguments'])
  }

  isSound(): boolean {
    if (this.#ends.size === 0) return false
    for (const end of this.#ends.values()) {
      if (!CHAT_ENDS.has(end) || (end === 'length' && !this.#tools.isEmpty)) return false
    }
    return this.#tools.areJson()
  }
}

class Message implements AnswerReader {
  readonly #tools = new ToolArguments()
  #end: string | undefined

  readWhole(message: JsonObject): void {
    this.#end = textOf(message['stop_reason'])
    for (const [index, block] of listOf(message['content']).entries()) this.#readBlock(index, block)
  }

  readEvent(event: JsonObject): void {
    const delta = objectOf(event['delta'])
    const index = countOf(event['index']) ?? 0
    this.#end = textOf(delta?.['stop_reason']) ?? this.#end
    this.#readBlock(index, event['content_block'])
    if (delta?.['type'] === 'input_json_delta') this.#tools.add(String(index), delta['partial_json'])
  }

  #readBlock(index: number, block: unknown): void {
    const type = textOf(objectOf(block)?.['type'])
    if (type?.endsWith('tool_use') === true) this.#tools.add(String(index), '')
  }

  isSound(): boolean {
    if (this.#end === undefined || !MESSAGE_ENDS.has(this.#end)) return false
    return !(this.#end === 'max_tokens' && !this.#tools.isEmpty) && this.#tools.areJson()
  }
}

/** The last event of a stream holds the whole response. */
class ResponseAnswer implements AnswerReader {
  #response: JsonObject | undefined

  readWhole(response: JsonObject): void {
    this.#response = response
  }

  readEvent(event: JsonObject): void {
    if (event['type'] === 'response.completed') this.#response = objectOf(event['response'])
  }

  isSound(): boolean {
    if (this.#response?.['status'] !== 'completed') return false
    const tools = new ToolArguments()
    for (const [index, entry] of listOf(this.#response['output']).entries()) {
      const item = objectOf(entry)
      if (item?.['type'] === 'function_call') tools.add(String(index), item['arguments'])
    }
    return tools.areJson()
  }
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
