/** The callbacks that a config may name: which are in force, and which environment the others will need. */
import type { SectionReader } from './section-reader.ts'
import type { Environment } from './environment.ts'
import type { KeyPath } from './located.ts'

const IN_FORCE: ReadonlySet<string> = new Set(['prometheus', 'prometheus_system'])

/** For each callback the variables that it needs; of a group one is enough. */
const NEEDED_VARIABLES: Readonly<Record<string, readonly (readonly string[])[]>> = {
  arize: [['ARIZE_SPACE_ID', 'ARIZE_SPACE_KEY'], ['ARIZE_API_KEY']],
  arize_phoenix: [['PHOENIX_COLLECTOR_ENDPOINT', 'PHOENIX_COLLECTOR_HTTP_ENDPOINT', 'PHOENIX_API_KEY']],
  braintrust: [['BRAINTRUST_API_KEY']],
  datadog: [['DD_API_KEY'], ['DD_SITE', 'DD_AGENT_HOST']],
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
    if (IN_FORCE.has(name)) continue
    const needed = Object.hasOwn(NEEDED_VARIABLES, name) ? (NEEDED_VARIABLES[name] ?? []) : []
    const missing = needed.filter((group) => !group.some((variable) => environment[variable]))
    const start = `the callback ${reader.quote([...path, index], name)} is accepted, but not in force yet`
    if (missing.length === 0) {
      reader.report('warning', 'not_in_force', [...path, index], start)
      continue
    }
    const variables = missing.map((group) => group.join(' or ')).join(', and ')
    reader.report('warning', 'environment', [...path, index], `${start}; its environment is not set either`, {
      expected: variables,
      found: 'nothing',
      hint: `it will need ${variables}`,
    })
  }
}
