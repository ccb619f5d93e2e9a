/**
 * What all stream taps share: bytes become events, an event that is not for the client is left out, and only whole
 * events are handed on, so that an error or a keep-alive of the gateway can follow at any time.
 */
import { GatewayError } from '../errors/gateway-error.ts'
import type { StreamErrorFacts, StreamTap } from './dialect.ts'
import { objectOf, parseJson } from './json-value.ts'
import { readEvent, SseSplitter, type SseFrame, type SseFrameSink } from './sse.ts'
import type { Usage } from './usage.ts'

export abstract class FrameTap implements StreamTap, SseFrameSink {
  contentSeen = false
  streamError: StreamErrorFacts | undefined = undefined
  responseModel: string | undefined = undefined
  finishReason: string | undefined = undefined
  outputBytes = 0
  outputBytesTold = 0
  readonly #splitter = new SseSplitter(this)
  /** Frames to hand on, neighbours in one buffer joined. */
  #ready: Buffer[] = []
  #bytes: Buffer | undefined = undefined
  #start = 0
  #end = 0
  #broken = false

  abstract readonly finished: boolean
  abstract readonly usage: Usage | undefined

  /** Reads one event. @returns false when the event is not for the client. */
  protected abstract readFrame(frame: SseFrame): boolean
  /** The dialect's error event, for a stream that the gateway itself has to give up. */
  protected abstract errorEvent(error: GatewayError): Buffer

  push(chunk: Buffer): Buffer | undefined {
    if (this.#broken) {
      return undefined
    }
    try {
      this.#splitter.push(chunk)
    } catch (error) {
      this.#giveUp(error)
    }
    return this.#take(chunk)
  }

  /** A last event without its blank line counts when it is whole; a torn one is dropped. */
  end(): Buffer | undefined {
    const held = this.#broken ? undefined : this.#splitter.takeHeld()
    if (held === undefined) {
      return undefined
    }
    const frame = { text: held.toString('latin1'), bytes: held, start: 0, end: held.length }
    const { data } = readEvent(frame)
    const whole = data === '[DONE]' || (data !== undefined && objectOf(parseJson(data)) !== undefined)
    return whole && this.readFrame(frame) ? Buffer.concat([held, Buffer.from('\n\n')]) : undefined
  }

  onFrame(frame: SseFrame): void {
    if (!this.readFrame(frame)) {
      return
    }
    if (this.#bytes === frame.bytes && this.#end === frame.start) {
      this.#end = frame.end
      return
    }
    this.#closeRun()
    this.#bytes = frame.bytes
    this.#start = frame.start
    this.#end = frame.end
  }

  #closeRun(): void {
    if (this.#bytes !== undefined) {
      this.#ready.push(this.#bytes.subarray(this.#start, this.#end))
      this.#bytes = undefined
    }
  }

  #take(chunk: Buffer): Buffer | undefined {
    const whole = this.#bytes === chunk && this.#start === 0 && this.#end === chunk.length
    if (whole && this.#ready.length === 0) {
      this.#bytes = undefined
      return chunk
    }
    this.#closeRun()
    const ready = this.#ready
    if (ready.length === 0) {
      return undefined
    }
    this.#ready = []
    return ready.length === 1 ? ready[0] : Buffer.concat(ready)
  }

  #giveUp(cause: unknown): void {
    if (!(cause instanceof GatewayError)) {
      throw cause
    }
    this.#broken = true
    this.#closeRun()
    this.#ready.push(this.errorEvent(cause))
    this.streamError = { type: cause.kind.type, message: cause.message, status: cause.status }
  }
}
