/** Health: is the process alive, may it get traffic, and (only when asked) do its providers answer. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { CallIdentity } from '../calls/gateway.ts'
import type { Secret } from '../config/secret.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { visibleModels, type OfferedModel } from '../identity/models-for.ts'
import type { Connections } from './connections.ts'
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
  /** Where answers are cached; undefined where they are not. */
  readonly cache?: string | undefined
  /** Undefined where no Redis is in use. A Redis that is away makes no process unready. */
  readonly redis?: 'connected' | 'unreachable' | undefined
  /** True when calls are served although the database is away. */
  readonly servesWithoutDatabase: boolean
  readonly version: string
  /** `general_settings.enable_drain_endpoint`. */
  readonly offersDrain: boolean
  /** `general_settings.drain_endpoint_token`. */
  readonly drainToken: Secret | undefined
  /** Notes that somebody watches whether this process is ready. */
  readinessAsked(): void
  /** Requests in flight, in all processes that share the listener. */
  backlog(): number | Promise<number>
  /** Takes the process out of the traffic, and waits for what is in flight. @returns how much still is. */
  drain(): Promise<number>
  /** Configured deployments. */
  deployments(): readonly HealthDeployment[]
  /** Model groups and who may see them. */
  offered(): readonly OfferedModel[]
}

export function registerHealthRoutes(
  app: FastifyInstance,
  health: HealthSource,
  identity: CallIdentity,
  connections: Connections,
): void {
  for (const path of ['/health/liveliness', '/health/liveness']) {
    app.get(path, (_request, reply) => reply.type('application/json').send(JSON.stringify("I'm alive!")))
  }
  app.get('/health/readiness', (_request, reply) => {
    health.readinessAsked()
    const ready = health.accepting && (health.database === 'connected' || health.servesWithoutDatabase)
    return reply.code(ready ? 200 : 503).send({
      status: ready ? 'healthy' : health.accepting ? 'unhealthy' : 'draining',
      db: health.database === 'connected' ? 'connected' : 'Not connected',
      ...(health.cache === undefined ? {} : { cache: health.cache }),
      ...(health.redis === undefined
        ? {}
        : { redis: health.redis === 'connected' ? 'connected' : 'Not connected' }),
    })
  })
  app.get('/health/backlog', async (request) => {
    await authorized(request, identity)
    return { in_flight_requests: await health.backlog() }
  })
  app.get('/health/drain', async (request, reply) => {
    if (!health.offersDrain) return reply.code(404).send({ detail: 'Not Found' })
    await requireDrainRight(request, health, identity)
    // It waits for the others, and must not wait for itself.
    connections.ignore(reply.raw)
    const inFlight = await health.drain()
    return reply.send({ status: inFlight === 0 ? 'drained' : 'draining', in_flight_requests: inFlight })
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

/**
 * Whoever may drain can take every process out of service: the holder of the token, or an administrator.
 *
 * @throws GatewayError 401 or 403.
 */
async function requireDrainRight(
  request: FastifyRequest,
  health: HealthSource,
  identity: CallIdentity,
): Promise<void> {
  const given = request.headers['x-drain-token']
  if (health.drainToken !== undefined && typeof given === 'string') {
    if (timingSafeEqual(digest(given), digest(health.drainToken.reveal()))) return
    throw new GatewayError('key_unknown', 'The header X-Drain-Token does not hold the drain_endpoint_token.')
  }
  await authorized(request, identity)
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
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
  const { Pool } = await import('undici')
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
