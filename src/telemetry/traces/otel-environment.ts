/**
 * Where traces, metrics and log records go by OTLP, and how they look, from the environment: the names of
 * https://opentelemetry.io/docs/specs/otel/protocol/exporter/ and those that the LiteLLM proxy reads.
 */
import { hostname } from 'node:os'

export type Environment = Readonly<Record<string, string | undefined>>

export type OtlpProtocol = 'grpc' | 'http/protobuf' | 'http/json'

export type Signal = 'traces' | 'metrics' | 'logs'

/** A receiver of one signal. */
export interface OtlpTarget {
  readonly protocol: OtlpProtocol
  readonly url: string
  /** May hold a credential. */
  readonly headers: Readonly<Record<string, string>>
  readonly gzip: boolean
}

export interface OtlpSettings {
  readonly traces: OtlpTarget | undefined
  readonly metrics: OtlpTarget | undefined
  readonly logs: OtlpTarget | undefined
  /** How long calls are gathered for a batch. */
  readonly gatherMs: number
  readonly metricsIntervalMs: number
  readonly resource: Readonly<Record<string, string>>
  readonly scopeNames: Readonly<Record<Signal, string>>
}

const GRPC_METHODS: Readonly<Record<Signal, string>> = {
  traces: 'opentelemetry.proto.collector.trace.v1.TraceService/Export',
  metrics: 'opentelemetry.proto.collector.metrics.v1.MetricsService/Export',
  logs: 'opentelemetry.proto.collector.logs.v1.LogsService/Export',
}

const PROTOCOLS: Readonly<Record<string, OtlpProtocol>> = {
  grpc: 'grpc',
  otlp_grpc: 'grpc',
  otlp_http: 'http/protobuf',
  http: 'http/protobuf',
  'http/protobuf': 'http/protobuf',
  'http/json': 'http/json',
}

const DEFAULT_METRICS_INTERVAL_MS = 60_000
const DEFAULT_GATHER_MS = 1_000
const SHORTEST_MS = 10
const LONGEST_MS = 3_600_000

export function isOn(value: string | undefined): boolean {
  return /^(true|1|yes|on)$/i.test(value?.trim() ?? '')
}

/** What the callback `otel` exports; undefined when the environment says nothing of where to, or switches it off. */
export function readOtlpSettings(environment: Environment, version: string): OtlpSettings | undefined {
  if (isOn(environment['OTEL_SDK_DISABLED'])) return undefined
  const settings = {
    traces: environment['OTEL_TRACES_EXPORTER'] === 'none' ? undefined : readTarget(environment, 'traces'),
    metrics: wantsMetrics(environment) ? readTarget(environment, 'metrics') : undefined,
    logs: wantsLogs(environment) ? readTarget(environment, 'logs') : undefined,
    gatherMs: readGatherMs(environment),
    metricsIntervalMs:
      readMilliseconds(environment['OTEL_METRIC_EXPORT_INTERVAL']) ?? DEFAULT_METRICS_INTERVAL_MS,
    resource: readResource(environment, version),
    scopeNames: {
      traces: environment['OTEL_TRACER_NAME'] || 'litellm',
      metrics: environment['LITELLM_METER_NAME'] || 'litellm',
      logs: environment['LITELLM_LOGGER_NAME'] || 'litellm',
    },
  }
  return (settings.traces ?? settings.metrics ?? settings.logs) ? settings : undefined
}

function wantsMetrics(environment: Environment): boolean {
  const exporter = environment['OTEL_METRICS_EXPORTER']
  if (exporter === 'none') return false
  return exporter === 'otlp' || isOn(environment['LITELLM_OTEL_INTEGRATION_ENABLE_METRICS'])
}

function wantsLogs(environment: Environment): boolean {
  const exporter = environment['OTEL_LOGS_EXPORTER']
  if (exporter === 'none') return false
  return exporter?.startsWith('otlp') === true || isOn(environment['LITELLM_OTEL_INTEGRATION_ENABLE_EVENTS'])
}

/** Batches are written while calls are served: short waits keep them small. */
export function readGatherMs(environment: Environment): number {
  return readMilliseconds(environment['OTEL_BSP_SCHEDULE_DELAY']) ?? DEFAULT_GATHER_MS
}

function readMilliseconds(value: string | undefined): number | undefined {
  const ms = Number(value?.trim() || Number.NaN)
  return ms >= SHORTEST_MS && ms <= LONGEST_MS ? ms : undefined
}

function readTarget(environment: Environment, signal: Signal): OtlpTarget | undefined {
  const word = `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_`
  const named =
    environment[`${word}PROTOCOL`] ||
    environment['OTEL_EXPORTER'] ||
    environment['OTEL_EXPORTER_OTLP_PROTOCOL']
  const protocol = named ? PROTOCOLS[named.trim().toLowerCase()] : 'http/protobuf'
  const own = environment[`${word}ENDPOINT`]
  const base = environment['OTEL_EXPORTER_OTLP_ENDPOINT'] || environment['OTEL_ENDPOINT']
  if (protocol === undefined || !(own || base || named)) return undefined
  const fallback = protocol === 'grpc' ? 'http://localhost:4317' : 'http://localhost:4318'
  const isInsecure = isOn(environment[`${word}INSECURE`]) || isOn(environment['OTEL_EXPORTER_OTLP_INSECURE'])
  const url =
    protocol === 'grpc'
      ? grpcUrl(own || base || fallback, signal, isInsecure)
      : httpUrl(own || withSignalPath(base || fallback, signal))
  if (url === undefined) return undefined
  return {
    protocol,
    url,
    headers: {
      ...readPairs(environment['OTEL_HEADERS']),
      ...readPairs(environment['OTEL_EXPORTER_OTLP_HEADERS']),
      ...readPairs(environment[`${word}HEADERS`]),
    },
    gzip: (environment[`${word}COMPRESSION`] || environment['OTEL_EXPORTER_OTLP_COMPRESSION']) === 'gzip',
  }
}

/** A base address gets the signal's path, also one that was written with the path of traces. */
function withSignalPath(base: string, signal: Signal): string {
  return `${base.replace(/\/+$/, '').replace(/\/v1\/(?:traces|metrics|logs)$/, '')}/v1/${signal}`
}

export function httpUrl(text: string): string | undefined {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) ? url.href : undefined
}

/** @param endpoint `http://host:port`, `https://host:port`, or `host:port`, which is TLS unless `isInsecure`. */
export function grpcUrl(endpoint: string, signal: Signal, isInsecure: boolean): string | undefined {
  const url = URL.parse(
    /^https?:\/\//.test(endpoint) ? endpoint : `${isInsecure ? 'http' : 'https'}://${endpoint}`,
  )
  return url === null ? undefined : `${url.origin}/${GRPC_METHODS[signal]}`
}

/** `key=value,key=value`, values percent-encoded. Names of headers are lowercase. */
export function readPairs(text: string | undefined): Record<string, string> {
  const pairs = (text ?? '').split(',').flatMap((pair) => {
    const at = pair.indexOf('=')
    return at <= 0
      ? []
      : [[pair.slice(0, at).trim().toLowerCase(), decoded(pair.slice(at + 1).trim())] as const]
  })
  return Object.fromEntries(pairs)
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}

/** What the telemetry of this process says of where it comes from. */
export function readResource(environment: Environment, version: string): Record<string, string> {
  const given = readPairs(environment['OTEL_RESOURCE_ATTRIBUTES'])
  const stage = environment['OTEL_ENVIRONMENT_NAME']
  const modelId = environment['OTEL_MODEL_ID']
  return {
    'service.name': 'litellm',
    'service.version': version,
    // Unique among the worker processes of a host, too: two writers of one series would spoil it.
    'service.instance.id': `${environment['HOSTNAME'] || hostname()}:${process.pid}`,
    ...(stage ? { 'deployment.environment': stage, 'deployment.environment.name': stage } : {}),
    ...(modelId ? { model_id: modelId } : {}),
    ...given,
    ...(environment['OTEL_SERVICE_NAME'] ? { 'service.name': environment['OTEL_SERVICE_NAME'] } : {}),
  }
}
