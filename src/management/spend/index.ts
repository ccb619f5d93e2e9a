/** The spend endpoints: who spent what, on which calls. */
import type { ManagementRoute } from '../route.ts'
import { dailyActivityRoute } from './daily-activity.ts'
import { spendByOwnerRoutes } from './spend-by-owner.ts'
import { spendLogsPageRoutes } from './spend-logs-pages.ts'
import { spendLogsRoute } from './spend-logs.ts'
import type { SpendServices } from './spend-services.ts'

export function spendRoutes(services: SpendServices): readonly ManagementRoute[] {
  return [
    spendLogsRoute(services),
    ...spendLogsPageRoutes(services),
    ...spendByOwnerRoutes(services),
    dailyActivityRoute(services),
  ]
}
