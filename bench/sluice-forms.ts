/** The forms in which Sluice is measured: what each has on, as configuration, environment and key. */
import type { TargetContext } from './target.ts'

export interface SluiceForm {
  readonly name: string
  readonly title: string
  /** What is on and off, for the record. */
  readonly settings: string
  readonly generalSettings?: Readonly<Record<string, unknown>>
  readonly litellmSettings?: Readonly<Record<string, unknown>>
  readonly environment?: (context: TargetContext) => Readonly<Record<string, string>>
  /** Members of `/key/generate`; the master key is used where there are none. */
  readonly key: Readonly<Record<string, unknown>> | 'master key'
  readonly arguments?: readonly string[]
  /** A program that runs the runtime, and its arguments. */
  readonly under?: readonly [string, ...string[]]
  /** Two cores: a worker has one for itself, and what is left of the program the other. */
  readonly core?: 'both'
  readonly overTls?: boolean
  /** Deployments of the model that answers whole; one where nothing says. */
  readonly deployments?: number
  /** It keeps answers, which are not what is measured. */
  readonly isEachNew?: boolean
  /** Models beside those that are called; none where nothing says. */
  readonly otherModels?: number
}

const BUDGET = { max_budget: 1_000_000 }
/** Limits that no load reaches: what counts is that each call is counted. */
const LIMITS = { ...BUDGET, rpm_limit: 100_000_000, tpm_limit: 1_000_000_000_000 }

/** One gauge of all metrics: the others are not kept. */
const NO_METRICS = { prometheus_metrics_config: [{ metrics: ['litellm_in_flight_requests'] }] }
const NO_LINES = { request_log_sample_ratio: 0 }

export const EVERYTHING_ON: SluiceForm = {
  name: 'sluice',
  title: 'Sluice (key, journal, metrics, log line, PostgreSQL)',
  settings: 'virtual key with a budget, journal, call log in PostgreSQL, all metrics, a log line a call',
  key: BUDGET,
}

export const GOVERNANCE_OFF: SluiceForm = {
  name: 'sluice-off',
  title: 'Sluice, governance off',
  settings:
    'master key, no budget, disable_spend_logs, no log lines, one metric; the journal and the totals of spend ' +
    'cannot be switched off',
  key: 'master key',
  generalSettings: { disable_spend_logs: true },
  litellmSettings: { ...NO_METRICS, ...NO_LINES },
}

export const QUIET: SluiceForm = {
  ...EVERYTHING_ON,
  name: 'sluice-quiet',
  title: 'Sluice, metrics and log lines off',
  settings: 'as the form with everything, with one metric and request_log_sample_ratio 0',
  litellmSettings: { ...NO_METRICS, ...NO_LINES },
}

export const WITH_LIMITS: SluiceForm = {
  ...EVERYTHING_ON,
  name: 'sluice-limits',
  title: 'Sluice with rate limits, without Redis',
  settings: 'everything on, and rpm and tpm limits on the key, counted in the process',
  key: LIMITS,
}

export const WITH_REDIS: SluiceForm = {
  ...EVERYTHING_ON,
  name: 'sluice-redis',
  title: 'Sluice with Redis admission',
  settings:
    'everything on, rpm and tpm limits and a budget on the key, counted in Redis, which admits most calls in advance',
  environment: ({ redisUrl }) => ({ REDIS_URL: redisUrl }),
  key: LIMITS,
}

export const WITH_TRACES: SluiceForm = {
  ...EVERYTHING_ON,
  name: 'sluice-traces',
  title: 'Sluice with traces',
  settings:
    'everything on, and every call traced: OTLP by protobuf over HTTP to a collector beside the provider',
  litellmSettings: { callbacks: ['otel'] },
  environment: otlp,
}

export const WITH_OTLP: SluiceForm = {
  ...EVERYTHING_ON,
  name: 'sluice-otlp',
  title: 'Sluice with traces, metrics and logs by OTLP',
  settings: 'as with traces, and metrics and log records by OTLP too',
  litellmSettings: { callbacks: ['otel'] },
  environment: (context) => ({
    ...otlp(context),
    OTEL_METRICS_EXPORTER: 'otlp',
    OTEL_LOGS_EXPORTER: 'otlp',
    OTEL_METRIC_EXPORT_INTERVAL: '5000',
  }),
}

export const TEAM: SluiceForm = {
  ...WITH_REDIS,
  name: 'sluice-team',
  title: 'Sluice with Redis, response cache, kept prompts and traces',
  settings:
    'as with Redis admission, and every answer cached in Redis, prompts and answers kept in the call log, every call ' +
    'traced; no two calls ask the same, so that the cache has none of them',
  generalSettings: { store_prompts_in_spend_logs: true },
  litellmSettings: { callbacks: ['prometheus', 'otel'], cache: true, cache_params: { type: 'redis' } },
  environment: (context) => ({ ...otlp(context), REDIS_URL: context.redisUrl }),
  isEachNew: true,
}

function otlp({ providerPort }: TargetContext): Readonly<Record<string, string>> {
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${providerPort}/otlp`,
    OTEL_TRACES_SAMPLER: 'always_on',
  }
}

export const OVER_TLS: SluiceForm = {
  ...EVERYTHING_ON,
  name: 'sluice-tls',
  title: 'Sluice, provider over TLS',
  settings: 'everything on; TLS 1.3 to the provider, whose certificate is verified (NODE_EXTRA_CA_CERTS)',
  environment: ({ certificateFile }) => ({ NODE_EXTRA_CA_CERTS: certificateFile }),
  overTls: true,
}

const TWO = ['--num_workers', '2']
const ONE_EACH =
  'one worker has a core for itself, the rest has another, which it shares where there are only two'

export const TWO_WORKERS_ONE_CORE: SluiceForm = {
  ...EVERYTHING_ON,
  name: 'sluice-workers-one-core',
  title: 'Sluice, 2 workers on one core',
  settings: 'everything on, --num_workers 2, all processes on the core that the others have',
  arguments: TWO,
}

export const TWO_WORKERS_UNLIMITED: SluiceForm = {
  ...TWO_WORKERS_ONE_CORE,
  name: 'sluice-workers-unlimited',
  title: 'Sluice, 2 workers on one core, key without a budget',
  settings: 'as the form with a budget, and a virtual key without any limit',
  key: {},
}

export const TWO_WORKERS: SluiceForm = {
  ...EVERYTHING_ON,
  name: 'sluice-workers',
  title: 'Sluice, 2 workers on two cores',
  settings: `everything on, --num_workers 2; ${ONE_EACH}`,
  arguments: TWO,
  core: 'both',
}

export const TWO_WORKERS_REDIS: SluiceForm = {
  ...WITH_REDIS,
  name: 'sluice-workers-redis',
  title: 'Sluice, 2 workers on two cores, with Redis',
  settings: `as the form with Redis admission, --num_workers 2; ${ONE_EACH}`,
  arguments: TWO,
  core: 'both',
}
