/** All routes of the management API. */
import { budgetRoutes } from './budgets/index.ts'
import { cacheRoutes } from './cache.ts'
import { customerRoutes } from './customers/index.ts'
import { withDatabaseErrors } from './database-errors.ts'
import { healthServicesRoute } from './health-services.ts'
import { blockKeyRoutes } from './keys/block.ts'
import { deleteKeysRoute } from './keys/delete.ts'
import { generateKeyRoute } from './keys/generate.ts'
import { keyInfoRoute } from './keys/info.ts'
import { listKeysRoute } from './keys/list.ts'
import { updateKeyRoute } from './keys/update.ts'
import { organizationRoutes } from './organizations/index.ts'
import { resetSpendRoutes } from './reset-spend.ts'
import type { ManagementRoute } from './route.ts'
import type { ManagementServices } from './services.ts'
import { spendRoutes } from './spend/index.ts'
import { tagRoutes } from './tags/index.ts'
import { deleteTeamsRoute } from './teams/delete.ts'
import { teamInfoRoute } from './teams/info.ts'
import { listTeamsRoute } from './teams/list.ts'
import { teamMemberRoutes } from './teams/members.ts'
import { newTeamRoute } from './teams/new.ts'
import { updateTeamRoutes } from './teams/update.ts'
import { deleteUsersRoute } from './users/delete.ts'
import { userInfoRoute } from './users/info.ts'
import { listUsersRoute } from './users/list.ts'
import { newUserRoute } from './users/new.ts'
import { updateUserRoute } from './users/update.ts'

export type { ManagementServices } from './services.ts'

/** The server authenticates and authorises a request by the route table before a handler sees it. */
export function managementRoutes(services: ManagementServices): readonly ManagementRoute[] {
  const routes = [
    generateKeyRoute(services),
    updateKeyRoute(services),
    deleteKeysRoute(services),
    ...blockKeyRoutes(services),
    keyInfoRoute(services),
    listKeysRoute(services),
    newUserRoute(services),
    userInfoRoute(services),
    listUsersRoute(services),
    updateUserRoute(services),
    deleteUsersRoute(services),
    newTeamRoute(services),
    teamInfoRoute(services),
    listTeamsRoute(services),
    ...updateTeamRoutes(services),
    deleteTeamsRoute(services),
    ...teamMemberRoutes(services),
    ...organizationRoutes(services),
    ...customerRoutes(services),
    ...budgetRoutes(services),
    ...tagRoutes(services),
    ...resetSpendRoutes(services),
    ...spendRoutes(services),
  ]
  return [
    ...routes.map((route) => withOpenWindows(services, route)),
    ...cacheRoutes(services),
    healthServicesRoute(services),
  ].map(withDatabaseErrors)
}

/** The same route, which sees the windows that are open now, as calls do: whatever the database has not heard of yet. */
function withOpenWindows(services: ManagementServices, route: ManagementRoute): ManagementRoute {
  return {
    ...route,
    handle: async (request) => {
      await services.identity.beginDueWindows()
      return await route.handle(request)
    },
  }
}
