/** Watches a stream of Anthropic Messages events. */
import type { GatewayError } from '../../errors/gateway-error.ts'
import { anthropicUsage } from '../anthropic-usage.ts'
import { deltaBytes } from '../delta-bytes.ts'
import { statusOfWords } from '../error-words.ts'
import { FrameTap } from '../frame-tap.ts'
import { objectOf, parseJson, textOf, type JsonObject } from '../json-value.ts'
import { leadingEventName, readEvent } from '../sse.ts'
import type { Usage } from '../usage.ts'
import { writeAnthropicStreamError } from '../write-error.ts'

export class MessagesStreamTap extends FrameTap {
  finished = false
  usage: Usage | undefined = undefined
  /** Usage as told so far. Its figures are cumulative: a later one replaces an earlier one, and is never added. */
  #told: JsonObject = {}

  protected override readFrame(frame: string): boolean {
    const name = leadingEventName(frame)
    if (name === 'content_block_delta') {
      this.#readDelta(frame)
    } else if (name !== 'ping') {
      this.#readEvent(frame)
    }
    return true
  }

  protected override errorEvent(error: GatewayError): Buffer {
    return writeAnthropicStreamError(error, '')
  }

  #readDelta(frame: string): void {
    this.contentSeen = true
    this.outputBytes += deltaBytes(frame, 'delta')
  }

  #readEvent(frame: string): void {
    const { event, data } = readEvent(frame)
    const message = data === undefined ? undefined : objectOf(parseJson(data))
    if (message === undefined) {
      return
    }
    switch (event === '' ? message['type'] : event) {
      case 'message_start':
        return this.#readStart(objectOf(message['message']))
      case 'content_block_start':
        this.contentSeen ||= !isEmptyPreamble(objectOf(message['content_block']))
        return
      case 'content_block_delta':
        return this.#readDelta(frame)
      case 'message_delta':
        this.contentSeen = true
        this.finishReason = textOf(objectOf(message['delta'])?.['stop_reason']) ?? this.finishReason
        return this.#readUsage(objectOf(message['usage']))
      case 'message_stop':
        this.contentSeen = true
        this.finished = true
        return
      case 'error':
        return this.#readError(objectOf(message['error']))
      default:
    }
  }

  #readStart(message: JsonObject | undefined): void {
    this.responseModel = textOf(message?.['model'])
    this.#readUsage(objectOf(message?.['usage']))
  }

  #readUsage(usage: JsonObject | undefined): void {
    if (usage === undefined) {
      return
    }
    const told = Object.entries(usage).filter(([, value]) => value !== null)
    this.#told = { ...this.#told, ...Object.fromEntries(told) }
    this.usage = anthropicUsage(this.#told)
    this.outputBytesTold = this.outputBytes
  }

  #readError(error: JsonObject | undefined): void {
    const type = textOf(error?.['type'])
    this.streamError = {
      type,
      message: textOf(error?.['message']) ?? 'The provider sent an error event without a message.',
      status: statusOfWords(type),
    }
  }
}

/** Text and thinking blocks begin empty; all other blocks begin with what they are about. */
function isEmptyPreamble(block: JsonObject | undefined): boolean {
  const type = block?.['type']
  return (type === 'text' || type === 'thinking') && !textOf(block?.['text']) && !textOf(block?.['thinking'])
}
