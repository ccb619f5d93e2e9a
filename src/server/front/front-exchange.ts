/**
 * A model call's request and answer over a connection of the front. It keeps the body until it is asked for, and
 * writes head and first bytes of the answer with one system call.
 */
import { STATUS_CODES, type IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { cutShort, tooLarge, tooSlow } from '../../calls/body-reader.ts'
import type { HeldBody } from '../../calls/body-room.ts'
import type { BodyLimits, ClientExchange, ClientWatcher } from '../../calls/client-exchange.ts'
import { messageRoom, sendMessage } from '../../upstream/message-room.ts'
import { answerLines, sharedAnswerLines } from './answer-lines.ts'
import { chunkHead } from './chunk-head.ts'
import { lastLines } from './last-lines.ts'
import type { RequestHead } from './request-head.ts'

/** Bytes of a body that wait, unasked for, until the connection is not read any further. */
const MAX_UNASKED_BYTES = 262_144
/** Larger pieces are not worth the copy into one buffer. */
const MAX_JOINED_BYTES = 16_384

const NOTHING = Buffer.alloc(0)
const LAST_CHUNK = '0\r\n\r\n'
const OK = 'HTTP/1.1 200 OK\r\n'

/** Told when the last byte of the answer is in the operating system's hands. */
export interface ExchangeOwner {
  readonly keepAliveSeconds: number
  /** Bytes are encrypted on their way out, which ends later than the call that writes them. */
  readonly isTls: boolean
  onAnswered: () => void
}

export class FrontExchange implements ClientExchange {
  readonly headers: IncomingHttpHeaders
  readonly url: string
  readonly path: string
  /** Set to false, the connection ends with the answer. */
  shouldKeepAlive = true
  readonly #socket: Socket
  readonly #owner: ExchangeOwner
  readonly #length: number
  #received = 0
  #pieces: Buffer[] = []
  #reading: BodyReading | undefined
  #watcher: ClientWatcher | undefined
  /** Until it is sent. */
  #head = ''
  #state: 'waiting' | 'begun' | 'ended' = 'waiting'
  #chunked = false
  #closed = false

  constructor(socket: Socket, owner: ExchangeOwner, head: RequestHead) {
    this.#socket = socket
    this.#owner = owner
    this.headers = head.headers
    this.url = head.url
    this.path = head.path
    this.#length = head.contentLength
  }

  get requestComplete(): boolean {
    return this.#received === this.#length
  }

  get closed(): boolean {
    return this.#closed
  }

  get headersSent(): boolean {
    return this.#state !== 'waiting'
  }

  get ended(): boolean {
    return this.#state === 'ended'
  }

  /** Takes what of the bytes is of the body; the rest is given back. */
  take(bytes: Buffer): Buffer {
    const missing = this.#length - this.#received
    const own = bytes.length <= missing ? bytes : bytes.subarray(0, missing)
    if (own.length > 0) this.#takeOwn(own)
    return own === bytes ? NOTHING : bytes.subarray(own.length)
  }

  readBody(limits: BodyLimits, held?: HeldBody): Buffer | Promise<Buffer> {
    if (this.#length > limits.maxBodyBytes) throw tooLarge(limits.maxBodyBytes)
    held?.add(this.#received)
    if (this.requestComplete) return this.#takeBody()
    if (this.#closed) throw cutShort()
    this.#reading = new BodyReading(limits, held)
    this.#socket.resume()
    return this.#reading.done
  }

  writeHead(status: number, headers: readonly string[], shared?: readonly string[], lines = ''): void {
    if (this.#state !== 'waiting') throw new TypeError('the head of this answer has been written')
    if (!this.requestComplete) this.shouldKeepAlive = false
    const own = answerLines(headers)
    const further = shared === undefined ? '' : sharedAnswerLines(shared)
    this.#state = 'begun'
    this.#chunked = !isFramed(headers)
    const framing = this.#chunked ? 'transfer-encoding: chunked\r\n' : ''
    const last = lastLines(this.shouldKeepAlive ? this.#owner.keepAliveSeconds : undefined)
    this.#head = `${statusLine(status)}${own}${lines}${further}${framing}${last}`
  }

  write(chunk: string): boolean {
    if (this.#closed || this.#state === 'ended' || chunk === '') return true
    const before = this.#chunked ? `${this.#takeHead()}${chunkHead(chunk.length)}` : this.#takeHead()
    const after = this.#chunked ? '\r\n' : ''
    if (chunk.length <= MAX_JOINED_BYTES) return this.#socket.write(`${before}${chunk}${after}`, 'latin1')
    // What waits for a slow reader is better held outside of the heap.
    return this.#send(before, Buffer.from(chunk, 'latin1'), after, undefined)
  }

  end(rest: Buffer = NOTHING): void {
    if (this.#closed || this.#state === 'ended') return
    // Bytes without a head are no answer, and the client would wait for one.
    if (this.#state === 'waiting') return this.cut()
    this.#state = 'ended'
    let before = this.#takeHead()
    let after = ''
    if (this.#chunked) {
      if (rest.length > 0) before += chunkHead(rest.length)
      after = rest.length > 0 ? `\r\n${LAST_CHUNK}` : LAST_CHUNK
    }
    this.#send(before, rest, after, this.#owner.onAnswered)
  }

  cut(): void {
    this.#socket.destroy()
  }

  watch(watcher: ClientWatcher): void {
    this.#watcher = watcher
    if (this.#closed) watcher.clientClosed()
  }

  /** The client has taken what was waiting for it. */
  drained(): void {
    this.#watcher?.clientDrained()
  }

  /** The connection is gone. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#pieces = []
    this.#reading?.fail(cutShort())
    if (this.#state !== 'ended') this.#watcher?.clientClosed()
  }

  #takeOwn(own: Buffer): void {
    this.#received += own.length
    const reading = this.#reading
    if (reading?.over === true || reading?.counts(own.length) === false) {
      this.#pieces = []
      return
    }
    this.#pieces.push(own)
    if (reading === undefined) {
      if (this.#received > MAX_UNASKED_BYTES && !this.requestComplete) this.#socket.pause()
    } else if (this.requestComplete) {
      // What it has read must not be held for as long as the exchange is.
      this.#reading = undefined
      reading.resolve(this.#takeBody())
    } else {
      reading.received()
    }
  }

  #takeBody(): Buffer {
    const pieces = this.#pieces
    this.#pieces = []
    return pieces.length === 1 ? (pieces[0] ?? NOTHING) : Buffer.concat(pieces, this.#length)
  }

  #takeHead(): string {
    const head = this.#head
    this.#head = ''
    return head
  }

  #send(before: string, body: Buffer, after: string, done: (() => void) | undefined): boolean {
    const socket = this.#socket
    const bytes = before.length + body.length + after.length
    if (bytes <= MAX_JOINED_BYTES) {
      const joined = messageRoom(socket, bytes)
      joined.write(before, 0, 'latin1')
      joined.set(body, before.length)
      if (after !== '') joined.write(after, before.length + body.length, 'latin1')
      return done === undefined ? sendMessage(socket, joined) : this.#sendLast(joined, done)
    }
    socket.cork()
    if (before !== '') socket.write(before, 'latin1')
    let taken = socket.write(body, after === '' ? done : undefined)
    if (after !== '') taken = socket.write(after, 'latin1', done)
    socket.uncork()
    return taken
  }

  /**
   * Nearly always the operating system takes the last bytes at once. To see that costs less than to be called back,
   * which Node does in a step of its own.
   */
  #sendLast(bytes: Buffer, done: () => void): boolean {
    const socket = this.#socket
    if (this.#owner.isTls || socket.writableLength > 0) return socket.write(bytes, done)
    const taken = sendMessage(socket, bytes)
    if (socket.writableLength === 0) done()
    else socket.write(NOTHING, done)
    return taken
  }
}

/** A body that is waited for. */
class BodyReading {
  readonly done: Promise<Buffer>
  readonly #limits: BodyLimits
  readonly #held: HeldBody | undefined
  readonly #beganAtMs = performance.now()
  readonly #idle: NodeJS.Timeout
  #resolve: (body: Buffer) => void = doNothing
  #reject: (error: unknown) => void = doNothing
  over = false

  constructor(limits: BodyLimits, held: HeldBody | undefined) {
    this.#limits = limits
    this.#held = held
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#idle = setTimeout(expire, limits.bodyIdleTimeoutMs, this)
  }

  /** Counts bytes that have come. @returns false when there is no room for them: the reading has failed. */
  counts(bytes: number): boolean {
    try {
      this.#held?.add(bytes)
      return true
    } catch (error) {
      this.fail(error)
      return false
    }
  }

  received(): void {
    if (performance.now() - this.#beganAtMs > this.#limits.bodyTimeoutMs) this.expire()
    else this.#idle.refresh()
  }

  resolve(body: Buffer): void {
    this.#stop()
    this.#resolve(body)
  }

  expire(): void {
    this.fail(tooSlow(this.#limits))
  }

  fail(error: unknown): void {
    if (this.over) return
    this.#stop()
    this.#reject(error)
  }

  #stop(): void {
    this.over = true
    clearTimeout(this.#idle)
  }
}

/** A value may say anything: only the names count. */
function isFramed(headers: readonly string[]): boolean {
  for (let index = 0; index < headers.length; index += 2) if (headers[index] === 'content-length') return true
  return false
}

function statusLine(status: number): string {
  return status === 200 ? OK : `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n`
}

function expire(reading: BodyReading): void {
  reading.expire()
}

function doNothing(): void {}
