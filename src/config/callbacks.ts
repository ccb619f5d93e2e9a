/** The callbacks that a config may name: which are in force, and which environment the others will need. */
import type { SectionReader } from './section-reader.ts'
import type { Environment } from './environment.ts'
import type { KeyPath } from './located.ts'
import type { LitellmSettings } from './schema/litellm-settings.ts'

const IN_FORCE: ReadonlySet<string> = new Set([
  'prometheus',
  'prometheus_system',
  'generic_api',
  'datadog',
  'langfuse',
  'langfuse_otel',
  's3',
  's3_v2',
  'otel',
  'arize',
  'arize_phoenix',
])

/** For each callback the variables that it needs; of a group one is enough. */
const NEEDED_VARIABLES: Readonly<Record<string, readonly (readonly string[])[]>> = {
  arize: [['ARIZE_SPACE_ID', 'ARIZE_SPACE_KEY'], ['ARIZE_API_KEY']],
  arize_phoenix: [['PHOENIX_COLLECTOR_ENDPOINT', 'PHOENIX_COLLECTOR_HTTP_ENDPOINT', 'PHOENIX_API_KEY']],
  braintrust: [['BRAINTRUST_API_KEY']],
  datadog: [
    ['DD_API_KEY', 'LITELLM_DD_AGENT_HOST'],
    ['DD_SITE', 'DD_BASE_URL', 'LITELLM_DD_AGENT_HOST'],
  ],
  datadog_llm_observability: [['DD_API_KEY'], ['DD_SITE']],
  gcs_bucket: [['GCS_BUCKET_NAME']],
  generic_api: [['GENERIC_LOGGER_ENDPOINT']],
  helicone: [['HELICONE_API_KEY']],
  lago: [['LAGO_API_KEY'], ['LAGO_API_BASE']],
  langfuse: [['LANGFUSE_PUBLIC_KEY'], ['LANGFUSE_SECRET_KEY']],
  langfuse_otel: [['LANGFUSE_PUBLIC_KEY'], ['LANGFUSE_SECRET_KEY']],
  langsmith: [['LANGSMITH_API_KEY']],
  logfire: [['LOGFIRE_TOKEN']],
  openmeter: [['OPENMETER_API_KEY']],
  otel: [
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER'],
  ],
  posthog: [['POSTHOG_API_KEY']],
  resend_email: [['RESEND_API_KEY']],
  sendgrid_email: [['SENDGRID_API_KEY']],
  sentry: [['SENTRY_DSN']],
  slack: [['SLACK_WEBHOOK_URL', 'ALERTING_WEBHOOK_URL']],
  smtp_email: [['SMTP_HOST']],
}

/** Warns of each callback in the list at `path` that reports nothing, and says why. Never an error: calls go on. */
export function warnOfCallbacks(
  reader: SectionReader,
  path: KeyPath,
  callbacks: readonly string[],
  environment: Environment,
): void {
  for (const [index, name] of callbacks.entries()) {
    const needed = Object.hasOwn(NEEDED_VARIABLES, name) ? (NEEDED_VARIABLES[name] ?? []) : []
    const missing = needed.filter((group) => !group.some((variable) => environment[variable]))
    const start = `the callback ${reader.quote([...path, index], name)}`
    const isInForce = IN_FORCE.has(name)
    if (missing.length === 0) {
      if (isInForce) continue
      reader.report('warning', 'not_in_force', [...path, index], `${start} is accepted, but not in force yet`)
      continue
    }
    const variables = missing.map((group) => group.join(' or ')).join(', and ')
    const message = isInForce
      ? `${start} reports nothing: its environment is not set`
      : `${start} is accepted, but not in force yet; its environment is not set either`
    reader.report('warning', 'environment', [...path, index], message, {
      expected: variables,
      found: 'nothing',
      hint: `it ${isInForce ? 'needs' : 'will need'} ${variables}`,
    })
  }
}

/** Warns when calls are to go to a bucket, and nothing says to which, or with which key. */
export function warnOfBucket(
  reader: SectionReader,
  settings: LitellmSettings,
  environment: Environment,
): void {
  const named = [...settings.callbacks, ...settings.success_callback, ...settings.failure_callback]
  if (!named.includes('s3') && !named.includes('s3_v2')) return
  const parameters = settings.s3_callback_params
  const missing = [
    ...(parameters?.s3_bucket_name === undefined ? ['s3_bucket_name'] : []),
    ...(parameters?.s3_aws_access_key_id === undefined && !environment['AWS_ACCESS_KEY_ID']
      ? ['s3_aws_access_key_id']
      : []),
    ...(parameters?.s3_aws_secret_access_key === undefined && !environment['AWS_SECRET_ACCESS_KEY']
      ? ['s3_aws_secret_access_key']
      : []),
  ]
  if (missing.length === 0) return
  reader.report(
    'warning',
    'environment',
    ['litellm_settings', 's3_callback_params'],
    'no calls are put into a bucket',
    {
      expected: missing.join(', '),
      found: 'nothing',
      hint: `set ${missing.join(', ')}`,
    },
  )
}
