/** The management API without a listener, for tests: each request is authenticated and authorised as the server does it. */
import { ResponseCache } from '../src/cache/response-cache.ts'
import { GatewayError } from '../src/errors/gateway-error.ts'
import type { Identity } from '../src/identity/identity.ts'
import type { LitellmSettings } from '../src/config/schema/litellm-settings.ts'
import { managementRoutes, type ManagementServices } from '../src/management/index.ts'
import type { ManagementRoute } from '../src/management/route.ts'

export interface Answer {
  readonly status: number
  /** The JSON body, or the message of an error. */
  readonly body: unknown
  readonly error: GatewayError | undefined
}

export interface ManagementApi {
  get(path: string, key: string, query?: Record<string, string>): Promise<Answer>
  post(path: string, key: string, body?: unknown): Promise<Answer>
  send(method: ManagementRoute['method'], path: string, key: string, body?: unknown): Promise<Answer>
  /** As `post`, and fails unless the answer is a JSON object with status 200. */
  made(path: string, key: string, body?: unknown): Promise<Record<string, unknown>>
}

export function managementApi(
  services: Omit<ManagementServices, 'identity' | 'config' | 'cache' | 'alerts'> & {
    readonly identity: Identity
  },
  settings: Partial<LitellmSettings> = {},
): ManagementApi {
  // The routes read settings that may be absent only.
  const litellmSettings = settings as LitellmSettings
  const routes = managementRoutes({
    ...services,
    alerts: { test: () => Promise.resolve() },
    cache: new ResponseCache({ redis: undefined, clock: services.clock }),
    config: { litellm_settings: litellmSettings },
  })
  const call = async (
    method: ManagementRoute['method'],
    path: string,
    key: string,
    query: Record<string, string>,
    body: unknown,
  ): Promise<Answer> => {
    try {
      const principal = await services.identity.authenticate({ authorization: `Bearer ${key}` })
      services.identity.authorizeRoute(principal, method, path)
      const route = routes.find((each) => each.method === method && paramsOf(each.path, path) !== undefined)
      if (route === undefined) throw new Error(`no route ${method} ${path}`)
      const answer = await route.handle({ principal, query, body, params: paramsOf(route.path, path) ?? {} })
      return { status: 200, body: JSON.parse(JSON.stringify(answer)) as unknown, error: undefined }
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      return { status: error.status, body: error.message, error }
    }
  }
  const post = async (path: string, key: string, body: unknown = {}) =>
    await call('POST', path, key, {}, body)
  return {
    get: async (path, key, query = {}) => await call('GET', path, key, query, undefined),
    post,
    send: async (method, path, key, body) => await call(method, path, key, {}, body),
    made: async (path, key, body) => {
      const answer = await post(path, key, body)
      if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${String(answer.body)}`)
      return answer.body as Record<string, unknown>
    },
  }
}

/** The parameters that a path gives to a route; undefined when it is another route's. */
function paramsOf(template: string, path: string): Record<string, string> | undefined {
  const [expected, actual] = [template.split('/'), path.split('/')]
  if (expected.length !== actual.length) return undefined
  const params: Record<string, string> = {}
  for (const [index, segment] of expected.entries()) {
    if (segment.startsWith(':')) params[segment.slice(1)] = actual[index] ?? ''
    else if (segment !== actual[index]) return undefined
  }
  return params
}
