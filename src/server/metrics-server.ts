/**
 * The metrics on a port of their own, for deployments whose main port is open to more people than the metrics may be.
 * As with LiteLLM no key is asked for there: whoever opens the port decides who reaches it.
 */
import fastify, { type FastifyInstance } from 'fastify'
import type { CallIdentity } from '../calls/gateway.ts'
import { registerMetricsRoutes, type MetricsSource } from './metrics-routes.ts'

/** As LiteLLM's: its workers share a directory, and those of Sluice none. */
const HEALTHY = { status: 'healthy', multiproc_dir: null }

/** Listens at once. @throws when the port is taken. */
export async function startMetricsServer(
  metrics: MetricsSource,
  identity: CallIdentity,
  address: { readonly host: string; readonly port?: number; readonly fd?: number },
): Promise<FastifyInstance> {
  const app = fastify({ logger: false, routerOptions: { ignoreTrailingSlash: true } })
  const open: MetricsSource = { requiresKey: false, render: (accept) => metrics.render(accept) }
  registerMetricsRoutes(app, open, identity)
  app.get('/health', () => HEALTHY)
  await app.listen(address)
  return app
}
