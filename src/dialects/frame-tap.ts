/**
 * What all stream taps share: bytes become events, an event that is not for the client is left out, and only whole
 * events are handed on, so that an error or a keep-alive of the gateway can follow at any time.
 */
import { GatewayError } from '../errors/gateway-error.ts'
import type { StreamErrorFacts, StreamTap } from './dialect.ts'
import { objectOf, parseJson } from './json-value.ts'
import { readEvent, SseSplitter, type SseFrameSink } from './sse.ts'
import type { Usage } from './usage.ts'

export abstract class FrameTap implements StreamTap, SseFrameSink {
  contentSeen = false
  streamError: StreamErrorFacts | undefined = undefined
  responseModel: string | undefined = undefined
  finishReason: string | undefined = undefined
  outputBytes = 0
  outputBytesTold = 0
  readonly #splitter = new SseSplitter(this)
  /** Frames to hand on. */
  #ready = ''
  #broken = false

  abstract readonly finished: boolean
  abstract readonly usage: Usage | undefined

  /** Reads one event. @returns false when the event is not for the client. */
  protected abstract readFrame(frame: string): boolean
  /** The dialect's error event, for a stream that the gateway itself has to give up. */
  protected abstract errorEvent(error: GatewayError): Buffer

  push(chunk: string): string {
    if (this.#broken) {
      return ''
    }
    try {
      this.#splitter.push(chunk)
    } catch (error) {
      this.#giveUp(error)
    }
    const ready = this.#ready
    this.#ready = ''
    return ready
  }

  /** A last event without its blank line counts when it is whole; a torn one is dropped. */
  end(): string {
    const held = this.#broken ? '' : this.#splitter.takeHeld()
    const { data } = readEvent(held)
    const whole = data === '[DONE]' || (data !== undefined && objectOf(parseJson(data)) !== undefined)
    return whole && this.readFrame(held) ? `${held}\n\n` : ''
  }

  onFrame(frame: string): void {
    if (this.readFrame(frame)) {
      this.#ready += frame
    }
  }

  #giveUp(cause: unknown): void {
    if (!(cause instanceof GatewayError)) {
      throw cause
    }
    this.#broken = true
    this.#ready += this.errorEvent(cause).toString('latin1')
    this.streamError = { type: cause.kind.type, message: cause.message, status: cause.status }
  }
}
