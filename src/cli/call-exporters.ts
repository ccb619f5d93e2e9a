/** The systems that the configuration and the environment say are told of calls. */
import { hostname } from 'node:os'
import type { Config } from '../config/config.ts'
import type { Environment } from '../config/environment.ts'
import type { Exporter } from '../telemetry/export/exporter.ts'
import { datadog } from '../telemetry/export/datadog.ts'
import { genericApi } from '../telemetry/export/generic-api.ts'
import { langfuse } from '../telemetry/export/langfuse.ts'
import { s3 } from '../telemetry/export/s3.ts'
import type { Redactor } from '../telemetry/redaction.ts'
import { TRACE_CALLBACK_NAMES, traceExporter, withFileVariables } from './call-tracing.ts'
import { VERSION } from './version.ts'

type Wants = Exporter['wants']

/** Undefined when the environment or the parameters do not say where to: the configuration has warned of it. */
type MakeExporter = (
  name: string,
  wants: Wants,
  environment: Environment,
  config: Config,
  redactor: Redactor,
) => Exporter | undefined

const MAKERS: Readonly<Record<string, MakeExporter>> = {
  generic_api: makeGenericApi,
  datadog: makeDatadog,
  langfuse: makeLangfuse,
  langfuse_otel: makeLangfuse,
  s3: makeS3,
  s3_v2: makeS3,
  ...Object.fromEntries(TRACE_CALLBACK_NAMES.map((name) => [name, traceExporter])),
}

/** @param environment without what the file itself exports. */
export function callExporters(
  config: Config,
  environment: Environment,
  redactor: Redactor,
): readonly Exporter[] {
  const merged = withFileVariables(config, environment)
  return Object.entries(MAKERS).flatMap(([name, make]) => {
    const wants = wantsOf(config, name)
    if (!wants.success && !wants.failure) return []
    const exporter = make(name, wants, merged, config, redactor)
    return exporter === undefined ? [] : [exporter]
  })
}

function wantsOf({ litellm_settings: litellm }: Config, name: string): Wants {
  const both = litellm.callbacks.includes(name)
  return {
    success: both || litellm.success_callback.includes(name),
    failure: both || litellm.failure_callback.includes(name),
  }
}

function makeGenericApi(name: string, wants: Wants, environment: Environment): Exporter | undefined {
  const endpoint = urlOf(environment['GENERIC_LOGGER_ENDPOINT'])
  if (endpoint === undefined) return undefined
  const headers = readHeaders(environment['GENERIC_LOGGER_HEADERS'] ?? '')
  return genericApi({ name, wants, endpoint, headers, format: 'json_array' })
}

/** `name=value,name=value` */
function readHeaders(text: string): Record<string, string> {
  const pairs = text.split(',').flatMap((pair) => {
    const at = pair.indexOf('=')
    return at <= 0 ? [] : [[pair.slice(0, at).trim().toLowerCase(), pair.slice(at + 1).trim()] as const]
  })
  return Object.fromEntries(pairs)
}

function makeDatadog(_name: string, wants: Wants, environment: Environment): Exporter | undefined {
  const apiKey = environment['DD_API_KEY']
  const url = datadogUrl(environment)
  const hasAgent = Boolean(environment['LITELLM_DD_AGENT_HOST'])
  if (url === undefined || (!hasAgent && !apiKey)) return undefined
  return datadog({
    wants,
    url,
    apiKey: apiKey || undefined,
    source: environment['DD_SOURCE'] ?? 'litellm',
    service: environment['DD_SERVICE'] ?? 'litellm-server',
    hostname: environment['HOSTNAME'] ?? hostname(),
    tags: `env:${environment['DD_ENV'] ?? 'unknown'},version:${environment['DD_VERSION'] ?? VERSION}`,
  })
}

function datadogUrl(environment: Environment): string | undefined {
  const agent = environment['LITELLM_DD_AGENT_HOST']
  if (agent) return urlOf(`http://${agent}:${environment['LITELLM_DD_AGENT_PORT'] ?? '10518'}/api/v2/logs`)
  const base = environment['DD_BASE_URL']
  if (base) return urlOf(`${base.replace(/\/+$/, '')}/api/v2/logs`)
  const site = environment['DD_SITE']
  return site ? urlOf(`https://http-intake.logs.${site}/api/v2/logs`) : undefined
}

function makeLangfuse(name: string, wants: Wants, environment: Environment): Exporter | undefined {
  const publicKey = environment['LANGFUSE_PUBLIC_KEY']
  const secretKey = environment['LANGFUSE_SECRET_KEY']
  const given = environment['LANGFUSE_OTEL_HOST'] || environment['LANGFUSE_HOST']
  const host = urlOf(given === undefined || /^https?:/.test(given) ? given : `https://${given}`)
  if (!publicKey || !secretKey || (given && host === undefined)) return undefined
  return langfuse({
    name,
    wants,
    host: host ?? (name === 'langfuse' ? 'https://cloud.langfuse.com' : 'https://us.cloud.langfuse.com'),
    publicKey,
    secretKey,
    version: VERSION,
  })
}

function makeS3(
  name: string,
  wants: Wants,
  environment: Environment,
  { litellm_settings: litellm }: Config,
): Exporter | undefined {
  const parameters = litellm.s3_callback_params
  const accessKeyId = parameters?.s3_aws_access_key_id?.reveal() ?? environment['AWS_ACCESS_KEY_ID']
  const secretAccessKey =
    parameters?.s3_aws_secret_access_key?.reveal() ?? environment['AWS_SECRET_ACCESS_KEY']
  if (parameters?.s3_bucket_name === undefined || !accessKeyId || !secretAccessKey) return undefined
  return s3({
    name,
    wants,
    bucket: parameters.s3_bucket_name,
    region:
      parameters.s3_region_name ??
      environment['AWS_REGION'] ??
      environment['AWS_DEFAULT_REGION'] ??
      'us-east-1',
    endpoint: parameters.s3_endpoint_url?.replace(/\/+$/, ''),
    prefix: (parameters.s3_path ?? '').replace(/^\/+|\/+$/g, ''),
    useTeamPrefix: parameters.s3_use_team_prefix,
    credentials: {
      accessKeyId,
      secretAccessKey,
      sessionToken: parameters.s3_aws_session_token?.reveal() ?? environment['AWS_SESSION_TOKEN'],
    },
  })
}

function urlOf(text: string | undefined): string | undefined {
  return text !== undefined && URL.canParse(text) ? text : undefined
}
