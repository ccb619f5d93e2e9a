/** The management API without a listener, for tests: each request is authenticated and authorised as the server does it. */
import { ResponseCache } from '../src/cache/response-cache.ts'
import { GatewayError } from '../src/errors/gateway-error.ts'
import type { Identity } from '../src/identity/identity.ts'
import { managementRoutes, type ManagementServices } from '../src/management/index.ts'

export interface Answer {
  readonly status: number
  /** The JSON body, or the message of an error. */
  readonly body: unknown
  readonly error: GatewayError | undefined
}

export interface ManagementApi {
  get(path: string, key: string, query?: Record<string, string>): Promise<Answer>
  post(path: string, key: string, body?: unknown): Promise<Answer>
  /** As `post`, and fails unless the answer is a JSON object with status 200. */
  made(path: string, key: string, body?: unknown): Promise<Record<string, unknown>>
}

export function managementApi(
  services: Omit<ManagementServices, 'identity' | 'config' | 'cache' | 'alerts'> & {
    readonly identity: Identity
  },
  defaultUser?: ManagementServices['config']['litellm_settings']['default_internal_user_params'],
): ManagementApi {
  // Only this setting is read by the routes.
  const litellmSettings = {
    default_internal_user_params: defaultUser,
  } as ManagementServices['config']['litellm_settings']
  const routes = managementRoutes({
    ...services,
    alerts: { test: () => Promise.resolve() },
    cache: new ResponseCache({ redis: undefined, clock: services.clock }),
    config: { litellm_settings: litellmSettings },
  })
  const call = async (
    method: 'GET' | 'POST',
    path: string,
    key: string,
    query: Record<string, string>,
    body: unknown,
  ): Promise<Answer> => {
    try {
      const principal = await services.identity.authenticate({ authorization: `Bearer ${key}` })
      services.identity.authorizeRoute(principal, method, path)
      const route = routes.find((each) => each.method === method && each.path === path)
      if (route === undefined) throw new Error(`no route ${method} ${path}`)
      const answer = await route.handle({ principal, query, body, params: {} })
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
    made: async (path, key, body) => {
      const answer = await post(path, key, body)
      if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${String(answer.body)}`)
      return answer.body as Record<string, unknown>
    },
  }
}
