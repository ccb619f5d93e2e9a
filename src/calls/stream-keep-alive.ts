/** Comments in a stream that is silent, so that no proxy between gateway and client takes it for dead. */
import type { ClientExchange } from './client-exchange.ts'

/** Every reader of server-sent events passes over a line that begins with a colon. */
const COMMENT = ': ping\n\n'

export class StreamKeepAlive {
  readonly #exchange: Pick<ClientExchange, 'write'>
  readonly #timer: NodeJS.Timeout
  #betweenEvents = false

  constructor(exchange: Pick<ClientExchange, 'write'>, intervalMs: number) {
    this.#exchange = exchange
    this.#timer = setInterval(ping, intervalMs, this)
  }

  /** Bytes went to the client. */
  sent(chunk: string): void {
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
function endsEvent(chunk: string): boolean {
  return chunk.endsWith('\n\n') || chunk.endsWith('\n\r\n')
}
