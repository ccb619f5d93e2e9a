/** Mounts the management API: authenticate, authorise, call the handler, answer JSON. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { CallIdentity } from '../calls/gateway.ts'
import { DIALECTS } from '../dialects/index.ts'
import type { GatewayError } from '../errors/gateway-error.ts'
import type { Principal } from '../identity/principal.ts'
import type { ManagementRoute } from '../management/route.ts'

export function registerManagementRoutes(
  app: FastifyInstance,
  routes: readonly ManagementRoute[],
  identity: CallIdentity,
): void {
  app.removeAllContentTypeParsers()
  // Terraform providers and curl send all kinds of content types, and DELETE with and without a body.
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, text, done) => {
    if (text === '') return done(null, undefined)
    try {
      done(null, JSON.parse(String(text)))
    } catch (error) {
      done(Object.assign(error instanceof Error ? error : new Error('not JSON'), { statusCode: 400 }))
    }
  })
  for (const route of routes) {
    app.route({
      method: route.method,
      url: route.path,
      handler: async (request, reply) => {
        const principal = await authorized(request, identity)
        const answer = await route.handle({
          principal,
          query: lastValues(request.query),
          body: request.body,
          params: lastValues(request.params) as Record<string, string>,
        })
        // A bare number or string is a valid JSON answer here, which Fastify would not serialise by itself.
        return reply
          .header('content-type', 'application/json; charset=utf-8')
          .send(JSON.stringify(answer ?? null))
      },
    })
  }
}

/** Who calls, with the right to this route. @throws GatewayError 401 or 403. */
export async function authorized(request: FastifyRequest, identity: CallIdentity): Promise<Principal> {
  const principal = await identity.authenticate(request.headers)
  identity.authorizeRoute(principal, request.method, request.routeOptions.url ?? request.url)
  return principal
}

/** Errors of everything that is not a model call wear LiteLLM's envelope, which is OpenAI's. */
export function writeManagementError(reply: FastifyReply, error: GatewayError): void {
  const wire = DIALECTS['openai-chat'].writeError(error, '')
  void reply.code(wire.status).headers(wire.headers).send(wire.body)
}

function lastValues(query: unknown): Record<string, string | undefined> {
  const values: Record<string, string | undefined> = Object.create(null) as Record<string, string | undefined>
  if (typeof query !== 'object' || query === null) return values
  for (const [name, value] of Object.entries(query)) {
    const last: unknown = Array.isArray(value) ? value.at(-1) : value
    if (typeof last === 'string') values[name] = last
  }
  return values
}
