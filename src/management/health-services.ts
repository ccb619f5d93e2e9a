/** `GET /health/services`: sends a test to a channel of alerts. */
import { z } from 'zod'
import { ALERT_CHANNELS } from '../config/alert-types.ts'
import { parseInput, type ManagementRoute } from './route.ts'
import type { ManagementServices } from './services.ts'

const servicesQuery = z.object({
  service: z
    .enum([...ALERT_CHANNELS, 'slack_budget_alerts'], {
      error: `expected one of ${ALERT_CHANNELS.join(', ')}, slack_budget_alerts`,
    })
    .transform((service) => (service === 'webhook' ? 'webhook' : 'slack')),
})

export function healthServicesRoute({ alerts }: Pick<ManagementServices, 'alerts'>): ManagementRoute {
  return {
    method: 'GET',
    path: '/health/services',
    handle: async ({ query }) => {
      const { service } = parseInput(servicesQuery, query)
      await alerts.test(service)
      return { status: 'success', message: `A test was sent to ${service}: see whether it has arrived.` }
    },
  }
}
