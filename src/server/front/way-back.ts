/**
 * The way back to the front. A connection that Node's server has stays there, whatever comes over it: one question for
 * the list of models, on a connection that a load balancer keeps for hours, and all calls after it would cost what they
 * cost there. So an answer ends the connection when only calls for the front have come over it for a while, and the
 * client's next connection begins at the front.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { pathOf, readHead } from './request-head.ts'

/** Calls in a row that show what a connection is for. To connect anew costs about as much as so many calls save. */
export const CALLS_BEFORE_RETURN = 16

/** What a connection has carried since Node's server has it. */
interface Carried {
  /** Since the last request of another kind. */
  calls: number
  last: ServerResponse | undefined
  /** The answer that is to end the connection. */
  closing: ServerResponse | undefined
  /** Its client does not wait for answers: it would lose those behind the one that ends the connection. */
  isPipelined: boolean
}

/** Counts what comes over each connection of Node's server, and ends those that belong to the front. */
export class WayBack {
  readonly #isCall: (path: string) => boolean
  readonly #carried = new WeakMap<Socket, Carried>()

  constructor(isCall: (path: string) => boolean) {
    this.#isCall = isCall
  }

  /** Told of each request that Node's server reads, before it is served. */
  saw(request: IncomingMessage, response: ServerResponse): void {
    const carried = this.#carriedBy(request.socket)
    const { last } = carried
    carried.last = response
    if (last?.writableEnded === false && !carried.isPipelined) {
      carried.isPipelined = true
      if (last === carried.closing && !last.headersSent) last.shouldKeepAlive = true
    }
    const isCall = request.method === 'POST' && this.#isCall(pathOf(request.url ?? ''))
    carried.calls = isCall ? carried.calls + 1 : 0
    const mayReturn = isCall && !carried.isPipelined && carried.calls % CALLS_BEFORE_RETURN === 0
    if (!mayReturn || !isForFront(request)) return
    carried.closing = response
    response.shouldKeepAlive = false
  }

  #carriedBy(socket: Socket): Carried {
    let carried = this.#carried.get(socket)
    if (carried === undefined) {
      carried = { calls: 0, last: undefined, closing: undefined, isPipelined: false }
      this.#carried.set(socket, carried)
    }
    return carried
  }
}

/** Whether the front reads such a head: what it leaves to Node on one connection it mostly leaves on the next one, too. */
function isForFront({ url = '', httpVersion, rawHeaders }: IncomingMessage): boolean {
  const lines = [`POST ${url} HTTP/${httpVersion}`]
  for (let at = 0; at < rawHeaders.length; at += 2) lines.push(`${rawHeaders[at]}: ${rawHeaders[at + 1]}`)
  return typeof readHead(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')) === 'object'
}
