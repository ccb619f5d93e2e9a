/** `/metrics`, with and without the trailing slash, answered at once; access as the configuration says. */
import type { FastifyInstance } from 'fastify'
import type { CallIdentity } from '../calls/gateway.ts'
import { GatewayError } from '../errors/gateway-error.ts'
import { compressPage } from '../telemetry/metrics/compress-page.ts'
import type { MetricsPage } from '../telemetry/metrics/exposition.ts'
import { sendWhileMade } from './send-pieces.ts'

export interface MetricsSource {
  /** `litellm_settings.require_auth_for_metrics_endpoint`; true unless switched off. */
  readonly requiresKey: boolean
  render(accept: string | undefined): Promise<MetricsPage>
}

export function registerMetricsRoutes(
  app: FastifyInstance,
  metrics: MetricsSource,
  identity: CallIdentity,
): void {
  app.get('/metrics', async (request, reply) => {
    if (metrics.requiresKey) {
      const refusal = await refusalFor(identity, request.headers)
      if (refusal !== undefined) return reply.code(401).type('application/json').send(JSON.stringify(refusal))
    }
    const { contentType, body } = await metrics.render(request.headers.accept)
    const { contentEncoding, length, pieces } = compressPage(
      body,
      request.headers['accept-encoding']?.toString(),
    )
    if (contentEncoding !== undefined) void reply.header('content-encoding', contentEncoding)
    void reply.header('content-type', contentType).header('vary', 'accept, accept-encoding')
    return sendWhileMade(reply, pieces, length)
  })
}

/** Labels name teams, users and addresses of all tenants: only admins and admin viewers may read them. */
async function refusalFor(
  identity: CallIdentity,
  headers: Parameters<CallIdentity['authenticate']>[0],
): Promise<string | undefined> {
  try {
    const principal = await identity.authenticate(headers)
    identity.authorizeRoute(principal, 'GET', '/metrics')
    if (principal.role === 'proxy_admin' || principal.role === 'proxy_admin_viewer') return undefined
    return 'Unauthorized access to metrics endpoint: a key with an admin or admin viewer role is needed.'
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error
    return `Unauthorized access to metrics endpoint: ${error.message} To open it, set litellm_settings.require_auth_for_metrics_endpoint: false.`
  }
}
