import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import { MASTER_PRINCIPAL } from './build-principal.ts'
import { ROLES, type Principal, type Role } from './principal.ts'
import { areRoutesWithin, authorizeRoute, findRoute, isPublicRoute } from './route-rights.ts'
import { ROUTE_GROUPS, ROUTE_TABLE, type RouteEntry } from './route-table.ts'

function caller(role: Role, allowedRoutes: readonly string[] = []): Principal {
  return { ...MASTER_PRINCIPAL, kind: 'virtual_key', role, allowedRoutes }
}

function mayCall(principal: Principal, method: string, path: string): boolean {
  try {
    authorizeRoute(principal, method, path)
    return true
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'route_forbidden') return false
    throw error
  }
}

/** The matrix as the product promises it, written down apart from the table. */
const CUSTOMER_WRITES = ['new', 'update', 'delete', 'block', 'unblock']
const ADMIN_WRITES = [
  '/user/new',
  '/user/delete',
  ...['new', 'update', 'delete', 'block', 'unblock'].map((verb) => `/team/${verb}`),
  ...['new', 'update', 'delete'].map((verb) => `/organization/${verb}`),
  ...['add', 'update', 'delete'].map((verb) => `/organization/member_${verb}`),
  ...CUSTOMER_WRITES.flatMap((verb) => [`/customer/${verb}`, `/end_user/${verb}`]),
  ...['new', 'update', 'delete'].flatMap((verb) => [`/budget/${verb}`, `/tag/${verb}`]),
  '/global/spend/reset',
  '/cache/delete',
  '/cache/flushall',
  '/health/drain',
  '/health/services',
]
const KEY_WRITES = [
  '/key/generate',
  '/key/update',
  '/key/delete',
  '/key/block',
  '/key/unblock',
  '/key/:key/reset_spend',
  ...['add', 'update', 'delete'].map((verb) => `/team/member_${verb}`),
  '/team/:team_id/member/:user_id/reset_spend',
]
const ADMIN_READS = [
  '/user/list',
  '/customer/info',
  '/customer/list',
  '/end_user/info',
  '/end_user/list',
  '/budget/info',
  '/budget/list',
  '/budget/settings',
  '/tag/info',
  '/tag/list',
  '/cache/ping',
  '/metrics',
  '/metrics/',
]

function promised(role: Role, entry: RouteEntry): boolean {
  if (ADMIN_WRITES.includes(entry.path)) return role === 'proxy_admin'
  if (ADMIN_READS.includes(entry.path)) return role === 'proxy_admin' || role === 'proxy_admin_viewer'
  if (KEY_WRITES.includes(entry.path)) return role === 'proxy_admin' || role === 'internal_user'
  return true
}

describe.each(ROLES)('%s', (role) => {
  test.each(ROUTE_TABLE)('$method $path is allowed as promised', (entry) => {
    expect(mayCall(caller(role), entry.method, entry.path)).toBe(promised(role, entry))
  })
})

test('a route that is not in the table is refused to everyone, the master key included', () => {
  expect(mayCall(MASTER_PRINCIPAL, 'POST', '/config/update')).toBe(false)
  expect(mayCall(MASTER_PRINCIPAL, 'DELETE', '/key/info')).toBe(false)
})

test('no route is in the table twice', () => {
  const names = ROUTE_TABLE.map((entry) => `${entry.method} ${entry.path}`)
  expect(new Set(names).size).toBe(names.length)
})

test('HEAD is as GET, and a path is found by its template', () => {
  expect(findRoute('HEAD', '/v1/models')?.path).toBe('/v1/models')
  expect(findRoute('POST', '/openai/deployments/gpt-4o/chat/completions')?.path).toBe(
    '/openai/deployments/:model/chat/completions',
  )
})

test('only health, the root and the probe of Claude Code need no key', () => {
  const open = ROUTE_TABLE.filter((entry) => isPublicRoute(entry.method, entry.path)).map(
    (entry) => entry.path,
  )
  expect(open.toSorted()).toEqual([
    '/',
    '/api/hello',
    '/health/liveliness',
    '/health/liveness',
    '/health/readiness',
  ])
})

test.each([
  ['llm_api_routes', 'POST', '/v1/chat/completions', true],
  ['llm_api_routes', 'POST', '/v1/messages', true],
  ['llm_api_routes', 'GET', '/key/info', false],
  ['openai_routes', 'POST', '/v1/messages', false],
  ['anthropic_routes', 'POST', '/v1/messages', true],
  ['info_routes', 'GET', '/key/info', true],
  ['info_routes', 'POST', '/key/generate', false],
  ['management_routes', 'POST', '/key/generate', true],
  ['/key/*', 'POST', '/key/generate', true],
  ['/key/*', 'GET', '/user/info', false],
  ['/key/info', 'GET', '/key/info', true],
  ['/key/info', 'GET', '/key/list', false],
  ['/v1/models/{model}', 'GET', '/v1/models/gpt-4o', true],
  ['/v1/models/{model}', 'GET', '/v1/models/:id', true],
  ['/v1/models/gpt-4o', 'GET', '/v1/models/o1', false],
] as const)('a key with allowed_routes [%s]: %s %s is %s', (rule, method, path, allowed) => {
  expect(mayCall(caller('proxy_admin', [rule]), method, path)).toBe(allowed)
})

test('allowed_routes never lift what the role forbids', () => {
  expect(
    mayCall(caller('internal_user', ['/user/new', 'management_routes', '/*']), 'POST', '/user/new'),
  ).toBe(false)
})

const rule = fc.oneof(
  fc.constantFrom(...ROUTE_GROUPS),
  fc.constantFrom(...ROUTE_TABLE.map((entry) => entry.path)),
  fc.constantFrom('/*', '/key/*', '/v1/*', '/spend/*', '/v1/models/{model}', '/key/{any}', '/unknown', '*'),
)

test('routes that count as within others allow nothing that the others refuse', () => {
  fc.assert(
    fc.property(fc.array(rule, { maxLength: 4 }), fc.array(rule, { maxLength: 4 }), (narrower, wider) => {
      fc.pre(areRoutesWithin(narrower, wider))
      for (const entry of ROUTE_TABLE) {
        const narrow = mayCall(caller('proxy_admin', narrower), entry.method, entry.path)
        if (narrow) expect(mayCall(caller('proxy_admin', wider), entry.method, entry.path)).toBe(true)
      }
    }),
    { numRuns: 500 },
  )
})
