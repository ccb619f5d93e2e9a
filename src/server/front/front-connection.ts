/**
 * A connection of the listener, as long as plain model calls come over it. The first request that is anything else
 * goes to Node's server, with the bytes that were read of it, and so does all that follows.
 */
import type { Socket } from 'node:net'
import { FrontExchange, type ExchangeOwner } from './front-exchange.ts'
import type { HandOverReason } from './hand-over-reason.ts'
import { HeadReader } from './head-reader.ts'
import { readHead, type RequestHead } from './request-head.ts'
import { whyForeign } from './why-foreign.ts'

/** What all connections of a listener share. */
export interface FrontOwner {
  readonly keepAliveSeconds: number
  readonly isTls: boolean
  /** Whether calls of this path are taken here. */
  readonly isCall: (path: string) => boolean
  /** Begins a call. Never throws. */
  serve(exchange: FrontExchange, socket: Socket): void
  /** The exchange's answer is written, or its connection gone. */
  ended(exchange: FrontExchange): void
  /** Gives the connection to Node's server. */
  handOver(socket: Socket, reason: HandOverReason): void
  closed(connection: FrontConnection): void
}

/** How long a connection may be silent. */
export interface SilenceBounds {
  /** With nothing under way. */
  readonly keepAliveTimeoutMs: number
  /** Of a client with a written answer of which it takes nothing: it is taken for gone. */
  readonly stallMs: number
}

/** Time that a client gets to read an answer which ended its connection, before the rest of what it sends is refused. */
const LINGER_MS = 1_000

export class FrontConnection implements ExchangeOwner {
  readonly socket: Socket
  readonly #owner: FrontOwner
  readonly #heads = new HeadReader()
  #exchange: FrontExchange | undefined
  /** Read, and of no request yet. */
  #bytes: Buffer | undefined
  #isEnding = false
  #watchesStall = false
  /** Since when nothing is under way; undefined before the first request. */
  #idleSinceMs: number | undefined
  /** A head is waited for, since the check before this one at least. */
  #isLate = false

  constructor(socket: Socket, owner: FrontOwner) {
    this.socket = socket
    this.#owner = owner
    socket.on('data', this.#onData)
    socket.on('end', this.#onEnd)
    socket.on('close', this.#onClose)
    socket.on('drain', this.#onDrain)
    socket.on('error', ignore)
  }

  get keepAliveSeconds(): number {
    return this.#owner.keepAliveSeconds
  }

  get isTls(): boolean {
    return this.#owner.isTls
  }

  /**
   * Called now and then: ends a connection that has been idle too long, and one whose client does not read its answer.
   * One that owes a head, its first or the rest of one, goes to Node when it still does at the next check: what has
   * just come may lie unread where the event loop is behind.
   */
  check(nowMs: number, { keepAliveTimeoutMs, stallMs }: SilenceBounds): void {
    if (this.#exchange?.ended === true) this.#watchStall(stallMs)
    if (this.#exchange !== undefined || this.#isEnding) return
    if (this.#idleSinceMs === undefined || this.#bytes !== undefined) {
      if (this.#isLate) this.#handOver(this.#bytes, 'late_head')
      this.#isLate = true
      return
    }
    if (nowMs - this.#idleSinceMs > keepAliveTimeoutMs) this.socket.destroy()
  }

  readonly onAnswered = (): void => {
    const exchange = this.#exchange
    if (exchange === undefined) return
    this.#exchange = undefined
    this.#idleSinceMs = Date.now()
    if (this.#watchesStall) this.#unwatchStall()
    if (exchange.shouldKeepAlive) {
      if (this.#bytes !== undefined) setImmediate(this.#next)
    } else {
      this.#finish()
    }
    this.#owner.ended(exchange)
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#isEnding) return
    const exchange = this.#exchange
    if (exchange !== undefined && this.#bytes === undefined) {
      const rest = exchange.take(chunk)
      if (rest.length > 0) this.#hold(rest)
    } else if (exchange !== undefined) {
      this.#hold(chunk)
    } else {
      this.#read(this.#bytes === undefined ? chunk : Buffer.concat([this.#bytes, chunk]))
    }
  }

  readonly #onEnd = (): void => {
    // A client that has closed its side is not there for the answer.
    if (this.#exchange === undefined) this.socket.end()
    else this.socket.destroy()
  }

  readonly #onClose = (): void => {
    const exchange = this.#exchange
    this.#exchange = undefined
    this.#owner.closed(this)
    if (exchange === undefined) return
    exchange.close()
    this.#owner.ended(exchange)
  }

  readonly #onStalled = (): void => {
    this.socket.destroy()
  }

  readonly #onDrain = (): void => {
    this.#exchange?.drained()
  }

  /** Goes on with a request that came before the last one was answered. */
  readonly #next = (): void => {
    const bytes = this.#bytes
    if (bytes === undefined || this.#exchange !== undefined || this.socket.destroyed) return
    this.socket.resume()
    this.#read(bytes)
  }

  #read(bytes: Buffer): void {
    // A head that comes in pieces is not compared with each of them anew.
    const head = this.#bytes === undefined ? this.#heads.read(bytes) : readHead(bytes)
    this.#bytes = undefined
    if (head === 'incomplete') this.#bytes = bytes
    else if (head === 'foreign' || !this.#owner.isCall(head.path))
      this.#handOver(bytes, whyForeign(bytes, this.#owner.isCall))
    else this.#begin(head, bytes)
  }

  #begin(head: RequestHead, bytes: Buffer): void {
    const exchange = new FrontExchange(this.socket, this, head)
    this.#exchange = exchange
    this.#isLate = false
    const rest = exchange.take(bytes.subarray(head.bodyStart))
    if (rest.length > 0) this.#hold(rest)
    this.#owner.serve(exchange, this.socket)
  }

  /** A client that does not wait for its answer is not read any further. */
  #hold(bytes: Buffer): void {
    this.#bytes = this.#bytes === undefined ? bytes : Buffer.concat([this.#bytes, bytes])
    this.socket.pause()
  }

  /** Nothing but its client is waited for. The socket's own timer is begun anew by every byte that the client takes. */
  #watchStall(stallMs: number): void {
    if (this.#watchesStall) return
    this.#watchesStall = true
    this.socket.setTimeout(stallMs, this.#onStalled)
  }

  #unwatchStall(): void {
    this.#watchesStall = false
    this.socket.setTimeout(0, this.#onStalled)
  }

  /** What the client still sends is taken and dropped for a while: closed at once, it might never see its answer. */
  #finish(): void {
    this.#isEnding = true
    this.#bytes = undefined
    const { socket } = this
    socket.resume()
    socket.end()
    const timer = setTimeout(() => socket.destroy(), LINGER_MS)
    socket.once('close', () => clearTimeout(timer))
  }

  #handOver(bytes: Buffer | undefined, reason: HandOverReason): void {
    const { socket } = this
    this.#bytes = undefined
    socket.pause()
    socket.off('data', this.#onData)
    socket.off('end', this.#onEnd)
    socket.off('close', this.#onClose)
    socket.off('drain', this.#onDrain)
    socket.off('error', ignore)
    if (bytes !== undefined) socket.unshift(bytes)
    this.#owner.closed(this)
    this.#owner.handOver(socket, reason)
    socket.resume()
  }
}

/** `close` follows every error. */
function ignore(): void {}
