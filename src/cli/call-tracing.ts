/** What the configuration and the environment say of traces: where they go, and which calls are traced. */
import type { Config } from '../config/config.ts'
import type { Environment } from '../config/environment.ts'
import type { Exporter } from '../telemetry/export/exporter.ts'
import type { Redactor } from '../telemetry/redaction.ts'
import { readArizeSettings, readPhoenixSettings } from '../telemetry/traces/arize-environment.ts'
import { CallTracing } from '../telemetry/traces/call-tracing.ts'
import { GenAiWords } from '../telemetry/traces/gen-ai-words.ts'
import { OpenInferenceWords } from '../telemetry/traces/open-inference-words.ts'
import { isOn, readOtlpSettings, type OtlpSettings } from '../telemetry/traces/otel-environment.ts'
import { otlpExporter } from '../telemetry/traces/otlp-exporter.ts'
import { readSampler } from '../telemetry/traces/sampler.ts'
import type { SpanWords } from '../telemetry/traces/span-words.ts'
import { VERSION } from './version.ts'

interface TraceCallback {
  /** Variables that say where to: with one of them set, the callback is meant to export. */
  readonly variables: readonly string[]
  read(environment: Environment, version: string): OtlpSettings | undefined
  words(environment: Environment, redact: (text: string) => string): SpanWords
}

const TRACE_CALLBACKS: Readonly<Record<string, TraceCallback>> = {
  otel: {
    variables: [
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
      'OTEL_ENDPOINT',
      'OTEL_EXPORTER',
    ],
    read: readOtlpSettings,
    words: (environment, redact) => new GenAiWords(redact, wantsLegacyNames(environment)),
  },
  arize: {
    variables: ['ARIZE_ENDPOINT', 'ARIZE_HTTP_ENDPOINT'],
    read: readArizeSettings,
    words: (_environment, redact) => new OpenInferenceWords(redact),
  },
  arize_phoenix: {
    variables: ['PHOENIX_COLLECTOR_ENDPOINT', 'PHOENIX_COLLECTOR_HTTP_ENDPOINT'],
    read: readPhoenixSettings,
    words: (_environment, redact) => new OpenInferenceWords(redact),
  },
}

export const TRACE_CALLBACK_NAMES: readonly string[] = Object.keys(TRACE_CALLBACKS)

/** Undefined when the environment does not say where to: the configuration has warned of it. */
export function traceExporter(
  name: string,
  wants: Exporter['wants'],
  environment: Environment,
  config: Config,
  redactor: Redactor,
): Exporter | undefined {
  const callback = TRACE_CALLBACKS[name]
  const settings = callback?.read(environment, VERSION)
  if (callback === undefined || settings === undefined) return undefined
  const capture = contentCapture(config, environment)
  return otlpExporter({
    ...settings,
    name,
    wants,
    version: VERSION,
    words: callback.words(environment, (text) => redactor.redact(text)),
    contentInSpans: capture.inSpans,
    contentInLogs: capture.inLogs,
    redactor,
  })
}

/** The environment with what the file itself exports. */
export function withFileVariables(config: Config, environment: Environment): Environment {
  const merged: Record<string, string | undefined> = { ...environment }
  for (const [name, value] of Object.entries(config.environment_variables)) merged[name] = value.reveal()
  return merged
}

/**
 * Undefined when no callback exports traces: calls are then not traced at all.
 * @param given without what the file itself exports.
 */
export function callTracing(config: Config, given: Environment): CallTracing | undefined {
  const environment = withFileVariables(config, given)
  const { litellm_settings: litellm } = config
  const isOnAnywhere = namedCallbacks(config).some(
    (name) => TRACE_CALLBACKS[name]?.read(environment, VERSION) !== undefined,
  )
  if (!isOnAnywhere) return undefined
  const capture = contentCapture(config, environment)
  return new CallTracing({
    sampler: readSampler(environment['OTEL_TRACES_SAMPLER'], environment['OTEL_TRACES_SAMPLER_ARG']),
    readsContext: readsContext(environment),
    tellsProviders: litellm.forward_traceparent_to_llm_provider,
    holdsContent: capture.inSpans || capture.inLogs,
  })
}

/** Callbacks whose environment says where to, and does not say it in a way that can be used. */
export function silentTraceCallbacks(config: Config, given: Environment): readonly string[] {
  const environment = withFileVariables(config, given)
  if (isOn(environment['OTEL_SDK_DISABLED'])) return []
  return namedCallbacks(config).filter((name) => {
    const callback = TRACE_CALLBACKS[name]
    if (callback === undefined || callback.read(environment, VERSION) !== undefined) return false
    return callback.variables.some((variable) => environment[variable])
  })
}

function namedCallbacks({ litellm_settings: litellm }: Config): readonly string[] {
  return [...new Set([...litellm.callbacks, ...litellm.success_callback, ...litellm.failure_callback])]
}

/** The conventions' newest names are the default, and are all that is written when they are asked for by name. */
function wantsLegacyNames(environment: Environment): boolean {
  const stability = environment['OTEL_SEMCONV_STABILITY_OPT_IN'] ?? ''
  return (
    isOn(environment['LITELLM_OTEL_LEGACY_COMPAT']) &&
    !stability.split(',').some((word) => word.trim() === 'gen_ai_latest_experimental')
  )
}

function readsContext(environment: Environment): boolean {
  if (isOn(environment['OTEL_IGNORE_CONTEXT_PROPAGATION'])) return false
  const propagators = environment['OTEL_PROPAGATORS']
  return !propagators || propagators.split(',').some((word) => word.trim() === 'tracecontext')
}

interface ContentCapture {
  readonly inSpans: boolean
  readonly inLogs: boolean
}

/** `turn_off_message_logging` wins over every switch. */
function contentCapture({ litellm_settings: litellm }: Config, environment: Environment): ContentCapture {
  if (litellm.turn_off_message_logging) return { inSpans: false, inLogs: false }
  switch (environment['OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT']?.trim().toUpperCase() ?? '') {
    case 'SPAN_ONLY':
      return { inSpans: true, inLogs: false }
    case 'EVENT_ONLY':
      return { inSpans: false, inLogs: true }
    case 'SPAN_AND_EVENT':
    case 'TRUE':
      return { inSpans: true, inLogs: true }
    default:
      return { inSpans: false, inLogs: false }
  }
}
