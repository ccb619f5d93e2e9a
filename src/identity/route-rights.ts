/** Whether a caller may use a route: the table's roles first, then the key's own `allowed_routes`. Both must allow. */
import { GatewayError } from '../errors/gateway-error.ts'
import type { Principal } from './principal.ts'
import { ROUTE_GROUPS, ROUTE_TABLE, type RouteEntry } from './route-table.ts'

const byPath = Map.groupBy(ROUTE_TABLE, (entry) => entry.path)
const templates = ROUTE_TABLE.filter((entry) => entry.path.includes(':'))

/** The table's entry for a registered route or for the path of a request. */
export function findRoute(method: string, path: string): RouteEntry | undefined {
  const wanted = method === 'HEAD' ? 'GET' : method
  const exact = byPath.get(path)
  if (exact !== undefined) return exact.find((entry) => entry.method === wanted)
  return templates.find((entry) => entry.method === wanted && matchesTemplate(entry.path, path))
}

export function isPublicRoute(method: string, path: string): boolean {
  return findRoute(method, path)?.access === 'public'
}

/** @throws GatewayError `route_forbidden`. */
export function authorizeRoute(principal: Principal, method: string, path: string): void {
  const entry = findRoute(method, path)
  if (entry === undefined) {
    throw new GatewayError('route_forbidden', `No role may call ${method} ${path}: it is not a known route.`)
  }
  if (entry.access !== 'public' && !entry.access.includes(principal.role)) {
    throw new GatewayError(
      'route_forbidden',
      `The role ${principal.role} may not call ${entry.path}. Roles that may: ${entry.access.join(', ')}.`,
    )
  }
  if (principal.allowedRoutes.length === 0 || allowsRoute(principal.allowedRoutes, entry, path)) return
  throw new GatewayError(
    'route_forbidden',
    `Virtual key is not allowed to call this route. Only allowed to call routes: ${principal.allowedRoutes.join(', ')}. ` +
      `Tried to call route: ${entry.path}.`,
  )
}

function allowsRoute(allowed: readonly string[], entry: RouteEntry, path: string): boolean {
  return allowed.some(
    (rule) => isGroupOf(rule, entry) || coversPath(rule, path) || coversPath(rule, entry.path),
  )
}

function isGroupOf(rule: string, entry: RouteEntry): boolean {
  return entry.groups.some((group) => group === rule)
}

/** A rule is a path, a path with `{name}` or `:name` segments, or a prefix that ends in `*`. */
function coversPath(rule: string, path: string): boolean {
  if (rule === path) return true
  if (rule.endsWith('*')) return path.startsWith(rule.slice(0, -1))
  return (rule.includes('{') || rule.includes(':')) && matchesTemplate(rule, path)
}

function matchesTemplate(template: string, path: string): boolean {
  const expected = template.split('/')
  const actual = path.split('/')
  return (
    expected.length === actual.length &&
    expected.every((segment, index) => isPlaceholder(segment) || segment === actual[index])
  )
}

function isPlaceholder(segment: string): boolean {
  return segment.startsWith(':') || (segment.startsWith('{') && segment.endsWith('}'))
}

/** Groups that hold all routes of another group, now and in later versions. */
const CONTAINED_IN: Readonly<Record<string, readonly string[]>> = {
  openai_routes: ['llm_api_routes'],
  anthropic_routes: ['llm_api_routes'],
  key_management_routes: ['management_routes'],
}

/**
 * Whether everything that `narrower` allows is allowed by `wider` too, also for routes that do not exist yet; lists as
 * in `allowed_routes`, where an empty one allows all that the role allows.
 */
export function areRoutesWithin(narrower: readonly string[], wider: readonly string[]): boolean {
  if (wider.length === 0) return true
  return narrower.length > 0 && narrower.every((rule) => isRuleWithin(rule, wider))
}

function isRuleWithin(rule: string, wider: readonly string[]): boolean {
  if (wider.includes(rule)) return true
  if (ROUTE_GROUPS.some((group) => group === rule)) {
    return CONTAINED_IN[rule]?.some((group) => wider.includes(group)) ?? false
  }
  if (rule.endsWith('*')) {
    return wider.some((other) => other.endsWith('*') && rule.startsWith(other.slice(0, -1)))
  }
  const entries = ROUTE_TABLE.filter((entry) => coversPath(rule, entry.path))
  return (
    wider.some((other) => coversPath(other, rule)) ||
    (entries.length > 0 && entries.every((entry) => wider.some((other) => isGroupOf(other, entry))))
  )
}
