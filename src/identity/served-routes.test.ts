import Fastify, { type RouteOptions } from 'fastify'
import { expect, test } from 'vitest'
import { managementRoutes } from '../management/index.ts'
import { registerBatchRoutes } from '../server/batch-routes.ts'
import { registerCallRoutes } from '../server/call-routes.ts'
import { registerHealthRoutes } from '../server/health-routes.ts'
import { registerManagementRoutes } from '../server/management-routes.ts'
import { registerMetricsRoutes } from '../server/metrics-routes.ts'
import { registerModelRoutes } from '../server/model-routes.ts'
import { ROUTE_TABLE } from './route-table.ts'

/** What the server registers; no handler runs, so that the parts behind them are not needed. */
async function servedRoutes(): Promise<readonly string[]> {
  const served: string[] = []
  const app = Fastify()
  app.addHook('onRoute', ({ method, url }: RouteOptions) => {
    for (const each of [method].flat()) if (each !== 'HEAD') served.push(`${each} ${url}`)
  })
  const absent = {} as never
  await app.register(async (scope) => registerCallRoutes(scope, absent, absent, () => undefined))
  await app.register(async (scope) => registerBatchRoutes(scope, absent, () => undefined))
  await app.register(async (scope) => {
    registerHealthRoutes(scope, absent, absent, absent)
    registerMetricsRoutes(scope, absent, absent)
    registerModelRoutes(scope, absent, absent)
    registerManagementRoutes(scope, managementRoutes(absent), absent)
  })
  await app.ready()
  await app.close()
  return served
}

test('every route that the server registers is in the table, and the table names no other', async () => {
  const inTable = ROUTE_TABLE.map(({ method, path }) => `${method} ${path}`)
  // The listener takes a trailing slash on every path; this one has it in the table, as scrapers ask for it so.
  const served = [...(await servedRoutes()), 'GET /metrics/']
  expect(new Set(served)).toEqual(new Set(inTable))
})
