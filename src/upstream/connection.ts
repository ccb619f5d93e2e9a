/** One connection to a provider: it serves one exchange at a time, and is kept when the last one ended soundly. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { NOT_TOLD } from './answer-head.ts'
import type { AnswerHeads } from './answer-heads.ts'
import { AnswerParser, type AnswerSink } from './answer-parser.ts'
import { messageRoom, sendMessage } from './message-room.ts'
import { READ_BUFFER, type Origin } from './origin.ts'
import { SilenceWatch } from './silence-watch.ts'
import type { UpstreamExchange, UpstreamHandler, UpstreamRequest } from './upstream.ts'
import { toError, UpstreamError } from './upstream-error.ts'

export interface ConnectionOptions {
  readonly connectTimeoutMs: number
  /** Idle connections are closed after this long, unless the provider names another time. */
  readonly keepAliveTimeoutMs: number
}

/** The pool of a connection. */
export interface ConnectionKeeper {
  /** Shared by its connections: what one answer teaches serves all. */
  readonly answerHeads: AnswerHeads
  /** It may serve another exchange. */
  connectionFree(connection: Connection): void
  /** It must not be used again. */
  connectionGone(connection: Connection): void
}

/** Time before the provider's own end of an idle connection at which it is left alone. */
const KEEP_ALIVE_MARGIN_MS = 1_000
const MAX_KEEP_ALIVE_MS = 600_000

/** Bodies up to this size are copied behind their head, so that one write sends both. */
const MAX_COPIED_BYTES = 16_384

const NOTHING: readonly Buffer[] = []

class Exchange implements UpstreamExchange {
  /** Undefined once the exchange is over. */
  connection: Connection | undefined
  readonly head: string
  readonly bodyBytes: number
  /** Let go once it is written: the provider's answer may take minutes. */
  body: readonly Buffer[]
  readonly idleTimeoutMs: number

  constructor(
    connection: Connection,
    head: string,
    bodyBytes: number,
    { body, idleTimeoutMs }: UpstreamRequest,
  ) {
    this.connection = connection
    this.head = head
    this.bodyBytes = bodyBytes
    this.body = body
    this.idleTimeoutMs = idleTimeoutMs
  }

  abort(): void {
    this.connection?.close()
  }

  pause(): void {
    this.connection?.pause()
  }

  resume(): void {
    this.connection?.resume()
  }
}

export class Connection implements AnswerSink {
  readonly #keeper: ConnectionKeeper
  readonly #options: ConnectionOptions
  readonly #socket: Socket
  readonly #parser: AnswerParser
  readonly #silence = new SilenceWatch(() => this.#silent())
  #connectTimer: NodeJS.Timeout | undefined
  #exchange: Exchange | undefined
  /** Of the exchange. It is told of each chunk of a stream: to go through the exchange would be a fetch from memory. */
  #handler: UpstreamHandler | undefined
  #paused = false
  #closed = false

  /** @throws when the connection cannot even be tried. */
  constructor(origin: Origin, keeper: ConnectionKeeper, options: ConnectionOptions) {
    this.#keeper = keeper
    this.#options = options
    this.#parser = new AnswerParser(this, keeper.answerHeads)
    this.#socket = origin
      .open(
        () => this.#connected(),
        (count) => this.#received(count),
      )
      .on('error', (error: Error) => this.fail(error))
      .on('end', () => this.#ended())
      .on('close', () => this.#lost())
    this.#connectTimer = setTimeout(() => this.#notConnected(), options.connectTimeoutMs)
  }

  /** @param head as Latin-1. */
  send(
    head: string,
    bodyBytes: number,
    request: UpstreamRequest,
    handler: UpstreamHandler,
  ): UpstreamExchange {
    const exchange = new Exchange(this, head, bodyBytes, request)
    this.#exchange = exchange
    this.#handler = handler
    this.#silence.stop()
    if (this.#connectTimer === undefined) this.#write(exchange)
    return exchange
  }

  /** Cuts the connection: nothing is told of its exchange afterwards. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    clearTimeout(this.#connectTimer)
    this.#silence.stop()
    this.#parser.stop()
    this.#over()
    this.#socket.destroy()
    this.#keeper.connectionGone(this)
  }

  /** Cuts the connection, and tells its exchange why. */
  fail(error: Error): void {
    const handler = this.#handler
    this.close()
    handler?.onAnswerError(error)
  }

  pause(): void {
    if (this.#paused) return
    this.#paused = true
    this.#silence.pause()
    this.#socket.pause()
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#silence.resume()
    this.#socket.resume()
  }

  /** Has to be called every `TICK_MS`. */
  tick(): void {
    this.#silence.tick()
  }

  answerHead(status: number, headers: IncomingHttpHeaders): void {
    const exchange = this.#exchange
    if (exchange === undefined) return
    this.#silence.atLeast(exchange.idleTimeoutMs)
    this.#handler?.onAnswerHead(status, headers)
  }

  answerData(bytes: Buffer, start: number, end: number): void {
    this.#handler?.onAnswerData(bytes, start, end)
  }

  /** What ends in the middle of the request, or before something else, leaves a connection that cannot be trusted. */
  answerEnd(sound: boolean): void {
    const handler = this.#handler
    if (sound && this.#socket.writableLength > 0) this.#keepOnceSent()
    else this.#keepOrClose(sound)
    if (handler !== undefined) tellEnd(handler)
  }

  /** With TLS the word that a request is sent comes at the end of a turn: its answer may have come by then. */
  #keepOnceSent(): void {
    this.#over()
    setImmediate(() => {
      if (!this.#closed) this.#keepOrClose(this.#socket.writableLength === 0)
    })
  }

  #keepOrClose(sound: boolean): void {
    const keptMs = sound ? this.#keptMs() : 0
    if (keptMs > 0) {
      this.#over()
      this.resume()
      this.#silence.atMost(keptMs)
      this.#keeper.connectionFree(this)
    } else {
      this.close()
    }
  }

  #keptMs(): number {
    const { keepAliveMs } = this.#parser
    if (keepAliveMs === NOT_TOLD) return this.#options.keepAliveTimeoutMs
    return Math.min(keepAliveMs - KEEP_ALIVE_MARGIN_MS, MAX_KEEP_ALIVE_MS)
  }

  #over(): void {
    if (this.#exchange === undefined) return
    this.#exchange.connection = undefined
    this.#exchange = undefined
    this.#handler = undefined
  }

  #connected(): void {
    clearTimeout(this.#connectTimer)
    this.#connectTimer = undefined
    if (this.#exchange !== undefined) this.#write(this.#exchange)
  }

  #notConnected(): void {
    this.fail(
      new UpstreamError('CONNECT_TIMEOUT', `no connection within ${this.#options.connectTimeoutMs} ms`),
    )
  }

  #write(exchange: Exchange): void {
    const { head, body, bodyBytes } = exchange
    exchange.body = NOTHING
    this.#parser.begin()
    if (bodyBytes > MAX_COPIED_BYTES) {
      this.#socket.cork()
      this.#socket.write(head, 'latin1')
      for (const part of body) this.#socket.write(part)
      this.#socket.uncork()
      return
    }
    const whole = messageRoom(this.#socket, head.length + bodyBytes)
    let at = whole.write(head, 'latin1')
    for (const part of body) {
      whole.set(part, at)
      at += part.length
    }
    sendMessage(this.#socket, whole)
  }

  #received(count: number): boolean {
    // Nothing was asked: whatever this is, it would be taken for the answer to the next request.
    if (this.#handler === undefined) {
      this.close()
      return true
    }
    this.#silence.heard()
    try {
      this.#parser.push(READ_BUFFER, count)
    } catch (error) {
      // Whatever goes wrong with an answer, here or where it is told, ends its own call only.
      this.fail(toError(error))
    }
    return true
  }

  /** The provider ended its side. */
  #ended(): void {
    if (!this.#parser.finish()) this.#lost()
  }

  #lost(): void {
    if (!this.#closed) this.fail(closedEarly())
  }

  #silent(): void {
    this.fail(new UpstreamError('IDLE_TIMEOUT', 'the answer stopped for longer than the idle time-out'))
  }
}

/** The connection may be in use again by now: what goes wrong here is none of its business. */
function tellEnd(handler: UpstreamHandler): void {
  try {
    handler.onAnswerEnd()
  } catch (error) {
    handler.onAnswerError(toError(error))
  }
}

function closedEarly(): UpstreamError {
  return new UpstreamError('CONNECTION_CLOSED', 'the other side closed the connection')
}
