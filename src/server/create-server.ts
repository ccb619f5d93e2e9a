/** The listener: one Fastify instance for model calls, management, health and metrics. */
import fastify, { type FastifyError, type FastifyInstance, type FastifyRequest } from 'fastify'
import type { ServerOptions as TlsOptions } from 'node:https'
import type { BatchServices } from '../batches/batch-services.ts'
import type { Gateway } from '../calls/gateway.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import type { ManagementRoute } from '../management/route.ts'
import { registerBatchRoutes } from './batch-routes.ts'
import { callEndpoints, registerCallRoutes } from './call-routes.ts'
import { Connections } from './connections.ts'
import { ANSWER_STALL_MS, endStalledAnswers } from './stalled-answers.ts'
import { serveAtFront } from './front/serve-at-front.ts'
import { answerMalformedRequest } from './malformed-request.ts'
import { registerHealthRoutes, type HealthSource } from './health-routes.ts'
import { registerManagementRoutes, writeManagementError } from './management-routes.ts'
import { registerMetricsRoutes, type MetricsSource } from './metrics-routes.ts'
import { registerModelRoutes, type ModelSource } from './model-routes.ts'
import type { WayMetrics } from './way-metrics.ts'

export interface ServerParts {
  readonly gateway: Gateway
  readonly batches: BatchServices
  readonly management: readonly ManagementRoute[]
  readonly health: HealthSource
  readonly metrics: MetricsSource
  readonly models: ModelSource
  readonly ways: WayMetrics
  /** Called with what a request threw and no handler expected. */
  readonly onUnexpected: (error: unknown, route: string) => void
}

export interface ServerOptions {
  /** `SERVER_ROOT_PATH`: everything is served below it; empty for none. */
  readonly rootPath: string
  /** Longer than a load balancer's idle time (ALB: 60 s), so that the balancer closes first. */
  readonly keepAliveTimeoutMs: number
  readonly maxManagementBodyBytes: number
  /** True where a proxy in front sets `x-forwarded-for`. */
  readonly trustProxy: boolean
  readonly tls: TlsOptions | undefined
}

/**
 * Bytes that may wait for a client before its provider is not read any further. One read of up to 64 KB comes on top:
 * with more room a slow reader would hold several of them, and what the kernel holds is there for the quick ones.
 */
const MOST_WAITING_BYTES = 16_384

/** For a whole request, its body included; longer than the call path gives a body (five minutes). */
const REQUEST_TIMEOUT_MS = 330_000

export interface GatewayServer {
  readonly app: FastifyInstance
  readonly connections: Connections
}

/** Builds the server; `listen` is the caller's. */
export async function createServer(parts: ServerParts, options: ServerOptions): Promise<GatewayServer> {
  const app = fastify({
    ...(options.tls === undefined ? {} : { https: options.tls }),
    logger: false,
    trustProxy: options.trustProxy,
    bodyLimit: options.maxManagementBodyBytes,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    // The call path has its own, stricter time-outs for bodies; this one ends slow senders everywhere else.
    requestTimeout: REQUEST_TIMEOUT_MS,
    return503OnClosing: false,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 500 },
    http: {
      headersTimeout: 30_000,
      maxHeaderSize: 65_536,
      connectionsCheckingInterval: 5_000,
      highWaterMark: MOST_WAITING_BYTES,
    },
    clientErrorHandler: answerMalformedRequest,
    frameworkErrors: (_error, request, reply) => {
      const message =
        'The path is not percent-encoded rightly: a % must be followed by two hexadecimal digits.'
      writeManagementError(request, reply, new GatewayError('bad_request', message))
    },
  }) as unknown as FastifyInstance
  const connections = new Connections(app.server, parts.gateway.observer)
  serveAtFront(app.server, parts.gateway, connections, parts.ways, callEndpoints(), options)
  endStalledAnswers(app.server, ANSWER_STALL_MS)
  app.setErrorHandler((error: FastifyError | GatewayError, request, reply) => {
    writeManagementError(request, reply, toGatewayError(error, request, parts))
  })
  app.setNotFoundHandler((_request, reply) => reply.code(404).send({ detail: 'Not Found' }))
  await app.register((scope) => registerRoutes(scope, parts, options, connections), {
    prefix: options.rootPath,
  })
  return { app, connections }
}

async function registerRoutes(
  scope: FastifyInstance,
  parts: ServerParts,
  options: ServerOptions,
  connections: Connections,
): Promise<void> {
  const addressOf = options.trustProxy ? forwardedAddress : socketAddress
  await scope.register(async (calls) => registerCallRoutes(calls, parts.gateway, parts.ways, addressOf))
  await scope.register(async (batches) => registerBatchRoutes(batches, parts.batches, addressOf))
  await scope.register(async (rest) => {
    registerHealthRoutes(rest, parts.health, parts.gateway.identity, connections)
    registerMetricsRoutes(rest, parts.metrics, parts.gateway.identity)
    registerModelRoutes(rest, parts.models, parts.gateway.identity)
    registerManagementRoutes(rest, parts.management, parts.gateway.identity)
  })
}

function forwardedAddress(request: FastifyRequest): string | undefined {
  return request.ip
}

function socketAddress(request: FastifyRequest): string | undefined {
  return request.raw.socket.remoteAddress
}

function toGatewayError(
  error: FastifyError | GatewayError,
  request: FastifyRequest,
  parts: ServerParts,
): GatewayError {
  if (error instanceof GatewayError) return error
  const status = error.statusCode ?? 500
  if (status === 413)
    return new GatewayError('body_too_large', 'The request body is too large for this route.')
  if (status === 415)
    return new GatewayError('unsupported_media_type', 'Expected content-type application/json.')
  if (status < 500) {
    return new GatewayError('bad_request', `The request body is not valid JSON: ${error.message}`, {
      param: 'request_body',
    })
  }
  parts.onUnexpected(error, request.routeOptions.url ?? request.url)
  return new GatewayError('internal', 'Internal server error')
}
