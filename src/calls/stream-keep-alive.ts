/** Comments in a stream that is silent, so that no proxy between gateway and client takes it for dead. */
import type { ClientExchange } from './client-exchange.ts'

/** Every reader of server-sent events passes over a line that begins with a colon. */
const COMMENT = Buffer.from(': ping\n\n')
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

export class StreamKeepAlive {
  readonly #exchange: Pick<ClientExchange, 'write'>
  readonly #timer: NodeJS.Timeout
  #betweenEvents = false

  constructor(exchange: Pick<ClientExchange, 'write'>, intervalMs: number) {
    this.#exchange = exchange
    this.#timer = setInterval(ping, intervalMs, this)
  }

  /** Bytes went to the client. */
  sent(chunk: Buffer): void {
    this.#betweenEvents = endsEvent(chunk)
    this.#timer.refresh()
  }

  /** Within an event a comment would become a part of it. */
  ping(): void {
    if (this.#betweenEvents) this.#exchange.write(COMMENT)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

function ping(keepAlive: StreamKeepAlive): void {
  keepAlive.ping()
}

/** Whether the bytes end with an empty line. A chunk that is a line's end alone is taken for the middle of an event. */
function endsEvent(chunk: Buffer): boolean {
  const last = chunk.length - 1
  if (chunk[last] !== LINE_FEED) return false
  return (
    chunk[last - 1] === LINE_FEED || (chunk[last - 1] === CARRIAGE_RETURN && chunk[last - 2] === LINE_FEED)
  )
}
