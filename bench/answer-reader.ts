/** Reads HTTP/1.1 answers from a socket: as little as a load generator needs, so that it costs little itself. */

const HEADER_END = Buffer.from('\r\n\r\n')
const LINE_FEED = 10

type Framing = 'headers' | 'length' | 'chunk-size' | 'chunk' | 'chunk-end' | 'last-chunk-end'

/** What the reader tells while an answer comes in. */
export interface AnswerListener {
  /** Server-sent events, counted by the blank line that ends each, since the last call. */
  onEvents(count: number): void
  /** Bytes of a body, from the first one up to `end`. */
  onBody?(bytes: Buffer, end: number): void
  /** @param closes the server ends the connection with this answer. */
  onAnswerEnd(status: number, bodyBytes: number, closes: boolean): void
}

/** One reader a connection; answers follow one another. Bytes may be cut anywhere. */
export class AnswerReader {
  readonly #listener: AnswerListener
  #framing: Framing = 'headers'
  #held: Buffer | undefined
  #status = 0
  #closes = false
  #remaining = 0
  #bodyBytes = 0
  #lastByte = 0

  constructor(listener: AnswerListener) {
    this.#listener = listener
  }

  /** @throws Error when the bytes are not an HTTP answer with a declared length. */
  push(chunk: Buffer): void {
    let buffer = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk])
    this.#held = undefined
    while (buffer.length > 0) {
      const used = this.#step(buffer)
      if (used === 0) {
        this.#held = buffer
        return
      }
      buffer = buffer.subarray(used)
    }
  }

  /** Takes one piece from the front; 0 asks for more bytes. */
  #step(buffer: Buffer): number {
    switch (this.#framing) {
      case 'headers':
        return this.#readHeaders(buffer)
      case 'chunk-size':
        return this.#readChunkSize(buffer)
      case 'chunk-end':
      case 'last-chunk-end':
        return this.#readChunkEnd(buffer)
      case 'length':
      case 'chunk':
        return this.#readBody(buffer)
    }
  }

  #readHeaders(buffer: Buffer): number {
    const end = buffer.indexOf(HEADER_END)
    if (end === -1) return 0
    const head = buffer.toString('latin1', 0, end).toLowerCase()
    this.#status = Number(head.slice(9, 12))
    this.#bodyBytes = 0
    this.#closes = /\r\nconnection: *close(?:\r|$)/.test(head)
    const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1]
    if (length !== undefined) {
      this.#framing = 'length'
      this.#remaining = Number(length)
      if (this.#remaining === 0) this.#finish()
    } else if (/\r\ntransfer-encoding: *chunked/.test(head)) {
      this.#framing = 'chunk-size'
    } else {
      throw new Error(`An answer without a length: ${head.slice(0, 200)}`)
    }
    return end + HEADER_END.length
  }

  #readChunkSize(buffer: Buffer): number {
    const end = buffer.indexOf('\r\n')
    if (end === -1) return 0
    this.#remaining = Number.parseInt(buffer.toString('latin1', 0, end), 16)
    this.#framing = this.#remaining === 0 ? 'last-chunk-end' : 'chunk'
    return end + 2
  }

  #readChunkEnd(buffer: Buffer): number {
    if (buffer.length < 2) return 0
    if (this.#framing === 'last-chunk-end') this.#finish()
    else this.#framing = 'chunk-size'
    return 2
  }

  #readBody(buffer: Buffer): number {
    const used = Math.min(buffer.length, this.#remaining)
    this.#countEvents(buffer, used)
    this.#listener.onBody?.(buffer, used)
    this.#remaining -= used
    this.#bodyBytes += used
    if (this.#remaining === 0) {
      if (this.#framing === 'length') this.#finish()
      else this.#framing = 'chunk-end'
    }
    return used
  }

  #countEvents(buffer: Buffer, end: number): void {
    let count = 0
    let at = -1
    for (;;) {
      at = buffer.indexOf(LINE_FEED, at + 1)
      if (at === -1 || at >= end) break
      const before = at === 0 ? this.#lastByte : buffer[at - 1]
      if (before === LINE_FEED) count += 1
    }
    this.#lastByte = buffer[end - 1] ?? 0
    if (count > 0) this.#listener.onEvents(count)
  }

  #finish(): void {
    this.#framing = 'headers'
    this.#lastByte = 0
    this.#listener.onAnswerEnd(this.#status, this.#bodyBytes, this.#closes)
  }
}
