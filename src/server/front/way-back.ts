/**
 * The way back to the front. A connection that Node's server has stays there, whatever comes over it: one question for
 * the list of models, on a connection that a load balancer keeps for hours, and all calls after it would cost what they
 * cost there. So an answer ends the connection when only calls for the front have come over it for a while, and the
 * client's next connection begins at the front.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { readHead } from './request-head.ts'

/** Calls in a row that show what a connection is for. To connect anew costs about as much as so many calls save. */
export const CALLS_BEFORE_RETURN = 16

export class WayBack {
  readonly #isCall: (path: string) => boolean
  /** Calls since the last request of another kind. */
  readonly #inARow = new WeakMap<Socket, number>()

  constructor(isCall: (path: string) => boolean) {
    this.#isCall = isCall
  }

  /** Told of each request that Node's server reads, before it is served. */
  saw(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request
    if (request.method !== 'POST' || !this.#isCall(pathOf(request))) {
      this.#inARow.delete(socket)
      return
    }
    const calls = (this.#inARow.get(socket) ?? 0) + 1
    this.#inARow.set(socket, calls)
    if (calls % CALLS_BEFORE_RETURN === 0 && isForFront(request)) response.shouldKeepAlive = false
  }
}

function pathOf({ url = '' }: IncomingMessage): string {
  const mark = url.indexOf('?')
  return mark < 0 ? url : url.slice(0, mark)
}

/** Whether the front would read its head: what it leaves to Node on one connection it leaves on the next one, too. */
function isForFront({ url = '', httpVersion, rawHeaders }: IncomingMessage): boolean {
  const lines = [`POST ${url} HTTP/${httpVersion}`]
  for (let at = 0; at < rawHeaders.length; at += 2) lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`)
  return typeof readHead(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')) === 'object'
}
