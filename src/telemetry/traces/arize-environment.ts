/** Where the callbacks `arize` and `arize_phoenix` send traces, from the environment. */
import {
  grpcUrl,
  httpUrl,
  readGatherMs,
  readResource,
  type Environment,
  type OtlpSettings,
  type OtlpTarget,
} from './otel-environment.ts'

const ARIZE_ENDPOINT = 'https://otlp.arize.com/v1'
const PHOENIX_ENDPOINT = 'https://app.phoenix.arize.com/v1/traces'

/** Undefined without the space's id and key. By gRPC, unless `ARIZE_HTTP_ENDPOINT` is set. */
export function readArizeSettings(environment: Environment, version: string): OtlpSettings | undefined {
  const spaceId = environment['ARIZE_SPACE_ID'] || environment['ARIZE_SPACE_KEY']
  const apiKey = environment['ARIZE_API_KEY']
  if (!spaceId || !apiKey) return undefined
  const project = environment['ARIZE_PROJECT_NAME'] || 'litellm'
  const http = environment['ARIZE_HTTP_ENDPOINT']
  const headers = { space_id: spaceId, api_key: apiKey }
  const target = http
    ? httpTarget(http, headers)
    : grpcTarget(environment['ARIZE_ENDPOINT'] || ARIZE_ENDPOINT, headers)
  // Arize refuses spans whose resource has no `model_id`.
  const resource = { model_id: project, ...readResource(environment, version) }
  return tracesTo(target, resource, project, readGatherMs(environment))
}

/**
 * Undefined when neither an address nor a key is set. An address with a path is HTTP, one without is gRPC: Phoenix
 * documents both under the same name.
 */
export function readPhoenixSettings(environment: Environment, version: string): OtlpSettings | undefined {
  const apiKey = environment['PHOENIX_API_KEY']
  const http = environment['PHOENIX_COLLECTOR_HTTP_ENDPOINT']
  const either = environment['PHOENIX_COLLECTOR_ENDPOINT']
  if (!http && !either && !apiKey) return undefined
  const headers: Record<string, string> = apiKey ? { authorization: `Bearer ${apiKey}`, api_key: apiKey } : {}
  const target =
    http || hasPath(either) || !either
      ? httpTarget(http || either || PHOENIX_ENDPOINT, headers)
      : grpcTarget(either, headers)
  const project = environment['PHOENIX_PROJECT_NAME'] || 'default'
  return tracesTo(target, readResource(environment, version), project, readGatherMs(environment))
}

function hasPath(endpoint: string | undefined): boolean {
  const path = URL.parse(endpoint ?? '')?.pathname
  return path !== undefined && path !== '/'
}

function httpTarget(endpoint: string, headers: OtlpTarget['headers']): OtlpTarget | undefined {
  const url = httpUrl(endpoint)
  return url === undefined ? undefined : { protocol: 'http/protobuf', url, headers, gzip: false }
}

function grpcTarget(endpoint: string, headers: OtlpTarget['headers']): OtlpTarget | undefined {
  const url = grpcUrl(endpoint, 'traces', false)
  return url === undefined ? undefined : { protocol: 'grpc', url, headers, gzip: false }
}

function tracesTo(
  traces: OtlpTarget | undefined,
  resource: Readonly<Record<string, string>>,
  project: string,
  gatherMs: number,
): OtlpSettings | undefined {
  if (traces === undefined) return undefined
  return {
    traces,
    metrics: undefined,
    logs: undefined,
    gatherMs,
    metricsIntervalMs: 0,
    resource: { ...resource, 'openinference.project.name': project },
    scopeNames: { traces: 'litellm', metrics: 'litellm', logs: 'litellm' },
  }
}
