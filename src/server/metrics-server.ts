/** The metrics on a port of their own, for deployments whose main port is open to more people than the metrics may be. */
import fastify, { type FastifyInstance } from 'fastify'
import type { CallIdentity } from '../calls/gateway.ts'
import { registerMetricsRoutes, type MetricsSource } from './metrics-routes.ts'

/** Listens at once. @throws when the port is taken. */
export async function startMetricsServer(
  metrics: MetricsSource,
  identity: CallIdentity,
  address: { readonly host: string; readonly port: number },
): Promise<FastifyInstance> {
  const app = fastify({ logger: false, routerOptions: { ignoreTrailingSlash: true } })
  registerMetricsRoutes(app, metrics, identity)
  await app.listen(address)
  return app
}
