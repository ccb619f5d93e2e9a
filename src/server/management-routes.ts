/** Mounts the management API: authenticate, authorise, call the handler, answer JSON. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { CallIdentity } from '../calls/gateway.ts'
import { DIALECTS } from '../dialects/index.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import type { Principal } from '../identity/principal.ts'
import type { ManagementRoute } from '../management/route.ts'
import { jsonInTurns } from './json-in-turns.ts'
import { lastValues, parseManagementBody } from './management-input.ts'
import { sendPieces } from './send-pieces.ts'

export function registerManagementRoutes(
  app: FastifyInstance,
  routes: readonly ManagementRoute[],
  identity: CallIdentity,
): void {
  app.removeAllContentTypeParsers()
  // Terraform providers and curl send all kinds of content types, and DELETE with and without a body.
  app.addContentTypeParser(
    '*',
    { parseAs: 'string' },
    async (_request: FastifyRequest, text: string | Buffer) => parseManagementBody(String(text)),
  )
  const callers = new WeakMap<FastifyRequest, Principal>()
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      // Before the body is read: who may not call this can make the gateway neither hold nor parse anything.
      onRequest: async (request) => void callers.set(request, await authorized(request, identity)),
      handler: async (request, reply) => {
        const principal = callers.get(request) ?? (await authorized(request, identity))
        const answer = await route.handle({
          principal,
          query: lastValues(request.query),
          body: request.body,
          params: lastValues(request.params),
        })
        // A bare number or string is a valid JSON answer here, which Fastify would not serialise by itself.
        const json = await jsonInTurns(answer)
        void reply.header('content-type', 'application/json; charset=utf-8')
        return typeof json === 'string' ? reply.send(json) : sendPieces(reply, json)
      },
    })
  }
}

/** Who calls, with the right to this route. @throws GatewayError 401 or 403. */
export async function authorized(request: FastifyRequest, identity: CallIdentity): Promise<Principal> {
  try {
    const principal = await identity.authenticate(request.headers)
    identity.authorizeRoute(principal, request.method, routeOf(request))
    return principal
  } catch (error) {
    // What has arrived is parsed first: whether a short body was whole must not depend on how fast the refusal was.
    if (!request.raw.complete) await nextTurn()
    throw error
  }
}

/** The route as the table has it: without the root path under which everything is served. */
function routeOf(request: FastifyRequest): string {
  const path = (request.routeOptions.url ?? request.url).slice(request.server.prefix.length)
  return path === '' ? '/' : path
}

/** Errors of everything that is not a model call wear LiteLLM's envelope, which is OpenAI's. */
export function writeManagementError(
  request: FastifyRequest,
  reply: FastifyReply,
  error: GatewayError,
): void {
  const wire = DIALECTS['openai-chat'].writeError(error, '')
  // The rest of a body that was not read would have to be received to use the connection again.
  if (!request.raw.complete) void reply.header('connection', 'close')
  void reply.code(wire.status).headers(wire.headers).send(wire.body)
}
