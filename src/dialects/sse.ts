/**
 * Server-sent events out of bytes that are cut anywhere. The splitter finds where events end; what is in an event is
 * read only by whom it concerns, for most events of a stream are relayed unread.
 *
 * Bytes are texts here, one character a byte (Latin-1): to search them costs no call out of the runtime, and a text is
 * cheaper to make and to hand on than a buffer. Only what is read is decoded.
 *
 * An event ends with a blank line; a line ends with CR, LF or CRLF (https://html.spec.whatwg.org, "server-sent
 * events"). When the bytes are cut within the CRLF of a blank line, the event ends at the CR, and the LF is a
 * frame of its own that says nothing. So is each further blank line.
 */
import { GatewayError } from '../errors/gateway-error.ts'

export interface SseFrameSink {
  /** @param frame one event as it arrived, its blank line included, one character a byte. */
  onFrame(frame: string): void
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
  /** Pieces of an event that has not ended yet. */
  #held: string[] = []
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
   * Takes the next bytes and gives each event that ends in them to the sink.
   * @returns how many bytes of the chunk belong to events that have ended; the rest is held.
   * @throws GatewayError `provider_bad_answer` when an event grows over the limit.
   */
  push(text: string): number {
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
            this.#emit(text.slice(frameStart, at))
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
        this.#emit(text.slice(frameStart, at))
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
    if (frameStart < text.length) {
      this.#hold(endOf(text, frameStart))
    }
    return frameStart
  }

  /** Gives up what is held: the bytes of an event that never ended, empty when there are none. */
  takeHeld(): string {
    const text = this.#held.join('')
    this.#held = []
    this.#heldBytes = 0
    return text
  }

  #emit(frame: string): void {
    this.#atLineStart = true
    if (this.#heldBytes === 0) {
      this.#sink.onFrame(frame)
      return
    }
    this.#hold(frame)
    this.#sink.onFrame(this.takeHeld())
  }

  #hold(text: string): void {
    this.#heldBytes += text.length
    if (this.#heldBytes > this.#maxEventBytes) {
      this.#held = []
      this.#heldBytes = 0
      throw new GatewayError(
        'provider_bad_answer',
        `The provider sent a stream event of more than ${this.#maxEventBytes} bytes.`,
      )
    }
    this.#held.push(text)
  }
}

/** A small end of a large chunk is copied: as a part of it, it would keep the whole in memory until the next one comes. */
function endOf(chunk: string, start: number): string {
  const end = chunk.slice(start)
  const isSmall = chunk.length > LARGE_CHUNK_BYTES && end.length * 2 < chunk.length
  return isSmall ? Buffer.from(end, 'latin1').toString('latin1') : end
}

/** Reads an event's `event` and `data` fields; other fields and comments are left out. */
export function readEvent(text: string): SseEvent {
  let event = ''
  let data: string | undefined
  const hasCr = text.includes('\r')
  let at = 0
  while (at < text.length) {
    const end = endOfLine(text, at, hasCr)
    if (text.startsWith('data', at)) {
      const from = valueStart(text, at + 4, end)
      if (from !== -1) {
        const line = decoded(text.slice(from, end))
        data = data === undefined ? line : `${data}\n${line}`
      }
    } else if (text.startsWith('event', at)) {
      const from = valueStart(text, at + 5, end)
      event = from === -1 ? event : decoded(text.slice(from, end))
    }
    at = end + 1
  }
  return { event, data }
}

function decoded(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8')
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
