/** Watches a stream of OpenAI chat chunks, or of legacy completion chunks, whose grammar is the same. */
import type { GatewayError } from '../../errors/gateway-error.ts'
import { deltaBytes, tells } from '../delta-bytes.ts'
import type { RequestFacts } from '../dialect.ts'
import { statusOfWords } from '../error-words.ts'
import { FrameTap } from '../frame-tap.ts'
import { countOf, objectOf, parseJson, textOf, type JsonObject } from '../json-value.ts'
import { openAiUsage } from '../openai-usage.ts'
import { readEvent } from '../sse.ts'
import type { Usage } from '../usage.ts'
import { writeOpenAiStreamError } from '../write-error.ts'

/** The member of a choice that holds its piece of output. */
export type PieceName = 'delta' | 'text'

export class ChatStreamTap extends FrameTap {
  usage: Usage | undefined = undefined
  readonly #pieceName: PieceName
  readonly #hidesUsage: boolean
  /** Undefined when the request does not tell how many choices will come. */
  readonly #choiceCount: number | undefined
  /** Choices that told a finish reason. */
  readonly #finishedChoices = new Set<number>()
  #done = false
  /** True once every choice has ended with a chunk that held nothing else: nothing but usage can follow. */
  #allFinished = false

  constructor(facts: RequestFacts, pieceName: PieceName, choiceCount: number | undefined) {
    super()
    this.#pieceName = pieceName
    this.#hidesUsage = !facts.asksStreamUsage
    this.#choiceCount = choiceCount
  }

  /**
   * `[DONE]`, or a finish reason on every choice: not all hosts send `[DONE]`. A finish reason beside content does not
   * count before the stream has ended, for some hosts repeat one on every chunk.
   */
  get finished(): boolean {
    return this.#done || this.#allFinished
  }

  override end(): string {
    const rest = super.end()
    this.#allFinished = this.#finishedChoices.size >= (this.#choiceCount ?? 1)
    return rest
  }

  protected override readFrame(frame: string): boolean {
    const bytes = deltaBytes(frame, this.#pieceName)
    this.outputBytes += bytes
    if (bytes > 0 && this.contentSeen && !tells(frame, 'usage') && !tells(frame, '_reason')) {
      return true
    }
    this.contentSeen ||= bytes > 0
    const { data } = readEvent(frame)
    if (data === undefined) {
      return true
    }
    if (data === '[DONE]') {
      this.#done = true
      this.contentSeen = true
      return true
    }
    const chunk = objectOf(parseJson(data))
    return chunk === undefined || this.#readChunk(chunk, bytes)
  }

  protected override errorEvent(error: GatewayError): Buffer {
    return writeOpenAiStreamError(error)
  }

  #readChunk(chunk: JsonObject, bytes: number): boolean {
    this.responseModel ??= textOf(chunk['model'])
    this.#readError(chunk['error'])
    const choices: readonly unknown[] = Array.isArray(chunk['choices']) ? chunk['choices'] : []
    for (const choice of choices) {
      this.#readChoice(objectOf(choice), bytes)
    }
    const usage = openAiUsage(chunk['usage'], chunk['service_tier'])
    if (usage === undefined) {
      return true
    }
    this.usage = usage
    this.outputBytesTold = this.outputBytes
    return !(this.#hidesUsage && Array.isArray(chunk['choices']) && choices.length === 0)
  }

  #readChoice(choice: JsonObject | undefined, bytes: number): void {
    if (typeof choice?.['finish_reason'] !== 'string') {
      return
    }
    this.contentSeen = true
    this.finishReason = choice['finish_reason']
    this.#finishedChoices.add(countOf(choice['index']) ?? 0)
    if (bytes === 0 && this.#choiceCount !== undefined) {
      this.#allFinished = this.#finishedChoices.size >= this.#choiceCount
    }
  }

  #readError(value: unknown): void {
    const error = objectOf(value)
    const message = textOf(error?.['message']) ?? textOf(value)
    if (error === undefined && message === undefined) {
      return
    }
    const type = textOf(error?.['type'])
    this.streamError = {
      type,
      message: message ?? 'The provider sent an error event without a message.',
      status: statusOfWords(error?.['code'], error?.['status'], type),
    }
  }
}
