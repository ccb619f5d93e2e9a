/** The front of the gateway's listener: which paths it takes, and what becomes of their calls. */
import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { arrive, type Endpoint } from '../../calls/arrival.ts'
import type { Gateway } from '../../calls/gateway.ts'
import { handleCall } from '../../calls/handle-call.ts'
import type { Connections } from '../connections.ts'
import { ANSWER_STALL_MS } from '../stalled-answers.ts'
import type { WayMetrics } from '../way-metrics.ts'
import { standBefore } from './call-front.ts'
import type { FrontExchange } from './front-exchange.ts'

export interface FrontOptions {
  readonly rootPath: string
  readonly keepAliveTimeoutMs: number
  readonly trustProxy: boolean
  readonly tls: object | undefined
}

/** @param endpoints by their paths below the root path. */
export function serveAtFront(
  server: Server,
  gateway: Gateway,
  connections: Connections,
  ways: WayMetrics,
  endpoints: ReadonlyMap<string, Endpoint>,
  { rootPath, keepAliveTimeoutMs, trustProxy, tls }: FrontOptions,
): void {
  const byPath = new Map([...endpoints].map(([path, endpoint]) => [rootPath + path, endpoint]))
  standBefore(server, {
    isTls: tls !== undefined,
    keepAliveTimeoutMs,
    stallMs: ANSWER_STALL_MS,
    isCall: (path) => byPath.has(path),
    ended: (exchange) => connections.ended(exchange),
    handedOver: (reason) => ways.handedOver(reason),
    serve: (exchange, socket) => {
      const endpoint = byPath.get(exchange.path)
      if (endpoint === undefined) return void socket.destroy()
      ways.atFront.add(1)
      connections.began(exchange)
      const address = trustProxy ? forwardedAddress(exchange, socket) : socket.remoteAddress
      void handleCall(gateway, arrive(endpoint, exchange, address, undefined, gateway.tracing))
    },
  })
}

/** The address that the first of the proxies was called from. */
function forwardedAddress({ headers }: FrontExchange, socket: Socket): string | undefined {
  const forwarded = headers['x-forwarded-for']
  const first = typeof forwarded === 'string' ? forwarded.split(',', 1)[0]?.trim() : undefined
  return first === undefined || first === '' ? socket.remoteAddress : first
}
