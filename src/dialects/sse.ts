/**
 * Server-sent events out of bytes that are cut anywhere. The splitter finds where events end; what is in an event is
 * read only by whom it concerns, for most events of a stream are relayed unread.
 *
 * An event ends with a blank line; a line ends with CR, LF or CRLF (https://html.spec.whatwg.org, "server-sent
 * events"). When the bytes are cut within the CRLF of a blank line, the event ends at the CR, and the LF is a
 * frame of its own that says nothing. So is each further blank line.
 */
import { GatewayError } from '../errors/gateway-error.ts'

/** One event as it arrived, its blank line included. Valid during the call only: `bytes` may hold more than it. */
export interface SseFrame {
  /** The event's bytes, one character a byte: for searching, not for reading text. */
  readonly text: string
  readonly bytes: Buffer
  /** Where the event stands in `bytes`: [start, end). */
  readonly start: number
  readonly end: number
}

export interface SseFrameSink {
  onFrame(frame: SseFrame): void
}

export interface SseEvent {
  /** The `event:` field; empty when the event has none. */
  readonly event: string
  /** The `data:` lines joined by LF; undefined when the event has none (a comment). */
  readonly data: string | undefined
}

/** An event larger than this is an error: 16 MiB. */
export const MAX_EVENT_BYTES = 16 * 1024 * 1024

const LF = 0x0a
const CR = 0x0d
const COLON = 0x3a
const SPACE = 0x20

/** From here on the memory of a chunk is worth a copy of its end. */
const LARGE_CHUNK_BYTES = 4_096

export class SseSplitter {
  readonly #sink: SseFrameSink
  readonly #maxEventBytes: number
  /** Bytes of an event that has not ended yet. */
  #held: Buffer[] = []
  #heldBytes = 0
  /** True when the next byte begins a line: a line end there ends the event. */
  #atLineStart = true
  /** True when the last byte was CR: a LF that follows belongs to it. */
  #afterCr = false

  constructor(sink: SseFrameSink, maxEventBytes: number = MAX_EVENT_BYTES) {
    this.#sink = sink
    this.#maxEventBytes = maxEventBytes
  }

  /** Bytes held because their event has not ended yet. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /**
   * Takes the next bytes and gives each event that ends in them to the sink. Bytes are copied only for an event that
   * began in an earlier chunk.
   * @returns how many bytes of the chunk belong to events that have ended; the rest is held.
   * @throws GatewayError `provider_bad_answer` when an event grows over the limit.
   */
  push(chunk: Buffer): number {
    const text = chunk.toString('latin1')
    let frameStart = 0
    let at = 0
    let nextCr = text.indexOf('\r')
    let nextLf = text.indexOf('\n')
    while (at < text.length) {
      const code = text.charCodeAt(at)
      if (this.#afterCr) {
        this.#afterCr = false
        if (code === LF) {
          at += 1
          if (frameStart === at - 1 && this.#heldBytes === 0) {
            this.#emit(chunk, text, frameStart, at)
            frameStart = at
          }
          continue
        }
      }
      if (this.#atLineStart && (code === LF || code === CR)) {
        at += 1
        this.#afterCr = code === CR
        if (code === CR && text.charCodeAt(at) === LF) {
          at += 1
          this.#afterCr = false
        }
        this.#emit(chunk, text, frameStart, at)
        frameStart = at
        continue
      }
      if (nextCr !== -1 && nextCr < at) {
        nextCr = text.indexOf('\r', at)
      }
      if (nextLf !== -1 && nextLf < at) {
        nextLf = text.indexOf('\n', at)
      }
      const lineEnd = nextCr !== -1 && (nextLf === -1 || nextCr < nextLf) ? nextCr : nextLf
      this.#atLineStart = lineEnd !== -1
      this.#afterCr = lineEnd !== -1 && lineEnd === nextCr
      at = lineEnd === -1 ? text.length : lineEnd + 1
    }
    if (frameStart < chunk.length) {
      this.#hold(endOf(chunk, frameStart))
    }
    return frameStart
  }

  /** Gives up what is held: the bytes of an event that never ended, undefined when there are none. */
  takeHeld(): Buffer | undefined {
    const bytes = this.#heldBytes === 0 ? undefined : Buffer.concat(this.#held)
    this.#held = []
    this.#heldBytes = 0
    return bytes
  }

  #emit(chunk: Buffer, text: string, start: number, end: number): void {
    this.#atLineStart = true
    if (this.#heldBytes === 0) {
      this.#sink.onFrame({ text: text.slice(start, end), bytes: chunk, start, end })
      return
    }
    this.#hold(chunk.subarray(start, end))
    const bytes = Buffer.concat(this.#held, this.#heldBytes)
    this.#held = []
    this.#heldBytes = 0
    this.#sink.onFrame({ text: bytes.toString('latin1'), bytes, start: 0, end: bytes.length })
  }

  #hold(bytes: Buffer): void {
    this.#heldBytes += bytes.length
    if (this.#heldBytes > this.#maxEventBytes) {
      this.#held = []
      this.#heldBytes = 0
      throw new GatewayError(
        'provider_bad_answer',
        `The provider sent a stream event of more than ${this.#maxEventBytes} bytes.`,
      )
    }
    this.#held.push(bytes)
  }
}

/** A small end of a large chunk is copied: as a part of it, it would keep the whole in memory until the next one comes. */
function endOf(chunk: Buffer, start: number): Buffer {
  if (start === 0) return chunk
  const end = chunk.subarray(start)
  return chunk.length > LARGE_CHUNK_BYTES && end.length * 2 < chunk.length ? Buffer.from(end) : end
}

/** Reads an event's `event` and `data` fields; other fields and comments are left out. */
export function readEvent(frame: SseFrame): SseEvent {
  const { text, bytes, start } = frame
  let event = ''
  let data: string | undefined
  const hasCr = text.includes('\r')
  let at = 0
  while (at < text.length) {
    const end = endOfLine(text, at, hasCr)
    if (text.startsWith('data', at)) {
      const from = valueStart(text, at + 4, end)
      if (from !== -1) {
        const line = bytes.toString('utf8', start + from, start + end)
        data = data === undefined ? line : `${data}\n${line}`
      }
    } else if (text.startsWith('event', at)) {
      const from = valueStart(text, at + 5, end)
      event = from === -1 ? event : bytes.toString('utf8', start + from, start + end)
    }
    at = end + 1
  }
  return { event, data }
}

/** The `event` field of a frame that begins with it, as those of the dialects with named events do; else empty.
 * A frame whose lines end in CR alone gives no usable name here: `readEvent` does. */
export function leadingEventName(text: string): string {
  if (!text.startsWith('event:')) {
    return ''
  }
  const end = text.indexOf('\n')
  const name = text.slice(text.charCodeAt(6) === SPACE ? 7 : 6, end === -1 ? text.length : end)
  return name.endsWith('\r') ? name.slice(0, -1) : name
}

/** Where the line that holds `at` ends. Events with CR are rare: only they are searched character by character. */
function endOfLine(text: string, at: number, hasCr: boolean): number {
  if (!hasCr) {
    const lf = text.indexOf('\n', at)
    return lf === -1 ? text.length : lf
  }
  let end = at
  while (end < text.length && text.charCodeAt(end) !== LF && text.charCodeAt(end) !== CR) {
    end += 1
  }
  return end
}

/** Where the value begins of a field whose name ended at `at`; -1 when the line is another field's. */
function valueStart(text: string, at: number, lineEnd: number): number {
  if (at === lineEnd) {
    return at
  }
  if (text.charCodeAt(at) !== COLON) {
    return -1
  }
  return text.charCodeAt(at + 1) === SPACE && at + 1 < lineEnd ? at + 2 : at + 1
}
