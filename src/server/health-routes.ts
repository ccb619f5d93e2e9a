/** Health: is the process alive, may it get traffic, and (only when asked) do its providers answer. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Pool } from 'undici'
import type { CallIdentity } from '../calls/gateway.ts'
import { visibleModels, type OfferedModel } from '../identity/models-for.ts'
import { probeDeployment, type ProbedDeployment, type ProbeFailure } from './probe-deployment.ts'
import { authorized } from './management-routes.ts'

export interface HealthDeployment extends ProbedDeployment {
  readonly model: string
  readonly model_group: string
  readonly api_base: string
}

export interface HealthSource {
  /** False while the process is draining. */
  readonly accepting: boolean
  readonly database: 'connected' | 'unreachable'
  /** True when calls are served although the database is away. */
  readonly servesWithoutDatabase: boolean
  readonly version: string
  /** Configured deployments. */
  deployments(): readonly HealthDeployment[]
  /** Model groups and who may see them. */
  offered(): readonly OfferedModel[]
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
    const principal = await authorized(request, identity)
    const { model, model_id, probe } = request.query as Readonly<Record<string, unknown>>
    const names = new Set(visibleModels(principal, health.offered()))
    const deployments = health
      .deployments()
      .filter((one) => names.has(one.model_group))
      .filter(
        (one) =>
          (model === undefined || one.model_group === model) && (model_id ?? one.model_id) === one.model_id,
      )
    return healthOf(deployments, probe === 'true' ? await probeAll(app, deployments, request) : [])
  })
  // Clients probe these: Claude Code asks `HEAD /api/hello` at its start.
  app.get('/api/hello', (_request, reply) => reply.send({ status: 'ok' }))
  app.get('/', (_request, reply) => reply.type('text/plain').send('Sluice is running. Try GET /v1/models.\n'))
}

/** Providers asked at the same time. */
const MAX_PROBES = 10

async function probeAll(
  app: FastifyInstance,
  deployments: readonly HealthDeployment[],
  request: FastifyRequest,
): Promise<readonly ProbeFailure[]> {
  // The certificate of this very process need not be issued for the address that it is reached by here.
  const options = { connect: { rejectUnauthorized: false }, connections: MAX_PROBES }
  const pool = new Pool(ownOrigin(request), options)
  try {
    return await Promise.all(
      deployments.map((one) => probeDeployment(pool, app.prefix, one, request.headers)),
    )
  } finally {
    await pool.close()
  }
}

/** The address that the request itself came to. */
function ownOrigin(request: FastifyRequest): string {
  const { localAddress, localPort } = request.raw.socket
  const host = localAddress?.includes(':') === true ? `[${localAddress}]` : localAddress
  return `${request.protocol}://${host}:${localPort}`
}

function healthOf(
  deployments: readonly HealthDeployment[],
  failures: readonly ProbeFailure[],
): Record<string, unknown> {
  const shown = deployments.map(({ family: _family, mode: _mode, ...one }, index) => {
    const error = failures[index]
    return error === undefined ? one : { ...one, error }
  })
  const healthy = shown.filter((_one, index) => failures[index] === undefined)
  const unhealthy = shown.filter((_one, index) => failures[index] !== undefined)
  return {
    healthy_endpoints: healthy,
    unhealthy_endpoints: unhealthy,
    healthy_count: healthy.length,
    unhealthy_count: unhealthy.length,
  }
}
