/** The routes that take model calls: path, dialect and call type, as data. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { NodeExchange } from '../calls/node-exchange.ts'
import { DIALECTS } from '../dialects/index.ts'
import type { DialectName } from '../dialects/dialect.ts'
import type { CallType } from '../record/call-record.ts'
import { arrive, type Endpoint } from '../calls/arrival.ts'
import type { Gateway } from '../calls/gateway.ts'
import { handleCall } from '../calls/handle-call.ts'
import type { WayMetrics } from './way-metrics.ts'

interface CallRoute {
  readonly dialect: DialectName
  readonly callType: CallType
  /** The first is the `route` label of metrics for all of them, as clients use them for the same thing. */
  readonly paths: readonly string[]
}

export const CALL_ROUTES: readonly CallRoute[] = [
  {
    dialect: 'openai-chat',
    callType: 'acompletion',
    paths: [
      '/v1/chat/completions',
      '/chat/completions',
      '/openai/deployments/:model/chat/completions',
      '/engines/:model/chat/completions',
    ],
  },
  {
    dialect: 'openai-completions',
    callType: 'atext_completion',
    paths: [
      '/v1/completions',
      '/completions',
      '/openai/deployments/:model/completions',
      '/engines/:model/completions',
    ],
  },
  {
    dialect: 'openai-embeddings',
    callType: 'aembedding',
    paths: [
      '/v1/embeddings',
      '/embeddings',
      '/openai/deployments/:model/embeddings',
      '/engines/:model/embeddings',
    ],
  },
  {
    dialect: 'openai-responses',
    callType: 'aresponses',
    paths: ['/v1/responses', '/responses', '/openai/v1/responses'],
  },
  {
    dialect: 'anthropic-messages',
    callType: 'anthropic_messages',
    paths: ['/v1/messages', '/messages', '/anthropic/v1/messages'],
  },
  {
    dialect: 'anthropic-count-tokens',
    callType: 'count_tokens',
    paths: ['/v1/messages/count_tokens', '/messages/count_tokens', '/anthropic/v1/messages/count_tokens'],
  },
]

/** The paths of calls that name no model, each with what is called there. */
export function callEndpoints(): Map<string, Endpoint> {
  const endpoints = new Map<string, Endpoint>()
  for (const route of CALL_ROUTES) {
    for (const path of route.paths) if (!path.includes(':')) endpoints.set(path, endpointOf(route, path))
  }
  return endpoints
}

function endpointOf({ dialect, callType }: CallRoute, path: string): Endpoint {
  return { dialect: DIALECTS[dialect], callType, route: path }
}

/** Registers the call routes. Their bodies are left on the socket: the call path reads them itself, as bytes. */
export function registerCallRoutes(
  app: FastifyInstance,
  gateway: Gateway,
  ways: WayMetrics,
  addressOf: (request: FastifyRequest) => string | undefined,
): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  for (const route of CALL_ROUTES) {
    for (const path of route.paths) {
      const endpoint = endpointOf(route, path)
      app.post(path, (request: FastifyRequest, reply: FastifyReply) => {
        reply.hijack()
        ways.atNode.add(1)
        const arrival = arrive(
          endpoint,
          new NodeExchange(request.raw, reply.raw),
          addressOf(request),
          pathModel(request.params),
          gateway.tracing,
        )
        void handleCall(gateway, arrival)
      })
    }
  }
  registerUpgradeRefusal(app)
}

/** Codex tries a WebSocket first; 426 makes it fall back to HTTP at once, where any other status costs it seconds. */
function registerUpgradeRefusal(app: FastifyInstance): void {
  for (const path of ['/v1/responses', '/responses', '/openai/v1/responses']) {
    app.get(path, (_request, reply) =>
      reply
        .code(426)
        .header('upgrade', 'HTTP/1.1')
        .send({
          error: {
            message: 'WebSocket is not offered here: send POST requests over HTTP.',
            type: 'invalid_request_error',
            param: null,
            code: 'upgrade_required',
          },
        }),
    )
  }
}

function pathModel(params: unknown): string | undefined {
  if (typeof params !== 'object' || params === null || !('model' in params)) return undefined
  return typeof params.model === 'string' ? params.model : undefined
}
