/**
 * Stands before Node's HTTP server on the same listener and takes plain model calls itself, at half of what they cost
 * there. It knows one form of request only; everything else it hands over.
 */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { Slots } from '../slots.ts'
import { FrontConnection, type FrontOwner, type SilenceBounds } from './front-connection.ts'
import type { FrontExchange } from './front-exchange.ts'
import type { HandOverReason } from './hand-over-reason.ts'
import { WayBack } from './way-back.ts'

export interface CallFrontOptions extends SilenceBounds {
  /** Connections of a listener with TLS are ready at another event. */
  readonly isTls: boolean
  readonly isCall: (path: string) => boolean
  /** Begins a call. Never throws. */
  readonly serve: (exchange: FrontExchange, socket: Socket) => void
  readonly ended: (exchange: FrontExchange) => void
  /** A connection has gone to the server, where it stays. */
  readonly handedOver: (reason: HandOverReason) => void
}

const CHECK_INTERVAL_MS = 5_000

/** Puts the front before a server; it ends with it. */
export function standBefore(server: Server, options: CallFrontOptions): void {
  const event = options.isTls ? 'secureConnection' : 'connection'
  // Node's own way into the server, which stands first because the server itself put it there. Its documentation has
  // sockets given to a server by this event.
  const adopt = server.listeners(event)[0] as ((this: Server, socket: Socket) => void) | undefined
  if (adopt === undefined) throw new Error(`the server does not listen to '${event}'`)
  const connections = new Slots<FrontConnection>()
  const owner: FrontOwner = {
    keepAliveSeconds: Math.floor(options.keepAliveTimeoutMs / 1000),
    isTls: options.isTls,
    isCall: options.isCall,
    serve: options.serve,
    ended: options.ended,
    handOver: (socket, reason) => {
      options.handedOver(reason)
      adopt.call(server, socket)
    },
    closed: (connection) => void connections.delete(connection),
  }
  const wayBack = new WayBack(options.isCall)
  server.prependListener('request', (request, response) => wayBack.saw(request, response))
  server.off(event, adopt)
  server.on(event, (socket: Socket) => connections.add(new FrontConnection(socket, owner)))
  const timer = setInterval(() => {
    const nowMs = Date.now()
    for (const connection of connections) connection.check(nowMs, options)
  }, CHECK_INTERVAL_MS).unref()
  server.once('close', () => clearInterval(timer))
}
