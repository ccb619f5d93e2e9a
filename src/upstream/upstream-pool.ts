/** The connections to one origin. As many are opened as there are exchanges; the one used last is used next. */
import { AnswerHeads } from './answer-heads.ts'
import { Connection, type ConnectionKeeper, type ConnectionOptions } from './connection.ts'
import { Origin } from './origin.ts'
import { requestHead } from './request-head.ts'
import type { UpstreamExchange, UpstreamHandler, UpstreamRequest } from './upstream.ts'
import { gatewayStopping, toError } from './upstream-error.ts'

/** What a request gets that failed before it had a connection. */
const NO_EXCHANGE: UpstreamExchange = {
  abort: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
}

export class UpstreamPool implements ConnectionKeeper {
  readonly answerHeads = new AnswerHeads()
  readonly #origin: Origin
  readonly #options: ConnectionOptions
  readonly #all = new Set<Connection>()
  readonly #free: Connection[] = []
  #closed = false

  constructor(origin: string, options: ConnectionOptions) {
    this.#origin = new Origin(origin)
    this.#options = options
  }

  /** Connections, free and busy. */
  get size(): number {
    return this.#all.size
  }

  /** Sends a request. Nothing is sent twice. `handler` may be told of an error before this returns. */
  send(request: UpstreamRequest, handler: UpstreamHandler): UpstreamExchange {
    try {
      if (this.#closed) throw gatewayStopping()
      let bodyBytes = 0
      for (const part of request.body) bodyBytes += part.length
      const { path, headers, sharedHeaders } = request
      const head = requestHead(this.#origin.host, path, headers, bodyBytes, sharedHeaders)
      return (this.#free.pop() ?? this.#open()).send(head, bodyBytes, request, handler)
    } catch (error) {
      handler.onAnswerError(toError(error))
      return NO_EXCHANGE
    }
  }

  connectionFree(connection: Connection): void {
    this.#free.push(connection)
  }

  connectionGone(connection: Connection): void {
    this.#all.delete(connection)
    const at = this.#free.lastIndexOf(connection)
    if (at >= 0) this.#free.splice(at, 1)
  }

  /** Has to be called every `TICK_MS`. */
  tick(): void {
    for (const connection of this.#all) connection.tick()
  }

  /** Ends all: exchanges under way, and those that are tried later, fail with `GATEWAY_STOPPING`. */
  close(): void {
    this.#closed = true
    for (const connection of this.#all) connection.fail(gatewayStopping())
  }

  #open(): Connection {
    const connection = new Connection(this.#origin, this, this.#options)
    this.#all.add(connection)
    return connection
  }
}
