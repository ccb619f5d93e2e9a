/** Health: is the process alive, may it get traffic, and (only when asked) do its providers answer. */
import type { FastifyInstance } from 'fastify'
import type { CallIdentity } from '../calls/gateway.ts'
import { authorized } from './management-routes.ts'

export interface HealthSource {
  /** False while the process is draining. */
  readonly accepting: boolean
  readonly database: 'connected' | 'unreachable'
  /** True when calls are served although the database is away. */
  readonly servesWithoutDatabase: boolean
  readonly version: string
  /** Configured deployments, without asking any provider. */
  deployments(): readonly { readonly model: string; readonly api_base: string; readonly model_id: string }[]
}

export function registerHealthRoutes(
  app: FastifyInstance,
  health: HealthSource,
  identity: CallIdentity,
  inFlightRequests: () => number,
): void {
  for (const path of ['/health/liveliness', '/health/liveness']) {
    app.get(path, (_request, reply) => reply.type('application/json').send(JSON.stringify("I'm alive!")))
  }
  app.get('/health/readiness', (_request, reply) => {
    const ready = health.accepting && (health.database === 'connected' || health.servesWithoutDatabase)
    return reply.code(ready ? 200 : 503).send({
      status: ready ? 'healthy' : health.accepting ? 'unhealthy' : 'draining',
      db: health.database === 'connected' ? 'connected' : 'Not connected',
    })
  })
  app.get('/health/backlog', async (request) => {
    await authorized(request, identity)
    return { in_flight_requests: inFlightRequests() }
  })
  app.get('/health', async (request) => {
    await authorized(request, identity)
    const endpoints = health.deployments()
    return {
      healthy_endpoints: endpoints,
      unhealthy_endpoints: [],
      healthy_count: endpoints.length,
      unhealthy_count: 0,
    }
  })
  // Clients probe these: Claude Code asks `HEAD /api/hello` at its start.
  app.get('/api/hello', (_request, reply) => reply.send({ status: 'ok' }))
  app.get('/', (_request, reply) => reply.type('text/plain').send('Sluice is running. Try GET /v1/models.\n'))
}
