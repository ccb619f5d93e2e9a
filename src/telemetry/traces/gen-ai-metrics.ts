/**
 * The metrics of OpenTelemetry's conventions for generative AI, and the names that LiteLLM exports beside them:
 * https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/
 *
 * Their attributes are few and known beforehand: the number of series is bounded by the configuration.
 */
import type { Counter, Histogram, Meter } from '@opentelemetry/api'
import type { Resource } from '@opentelemetry/resources'
import { MeterProvider, MetricReader, type ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { completionTokens, promptTokens, type Usage } from '../../dialects/usage.ts'
import { toDollars } from '../../money/picodollars.ts'
import { isSuccess, type DeploymentFacts } from '../../record/call-record.ts'
import { firstContentMs, providerMs, totalMs } from '../call-timings.ts'
import type { SettledCall } from '../export/settled-call.ts'
import { operationName, providerName } from './gen-ai-names.ts'
import { serverAddress } from './server-address.ts'

/** The conventions' own end at 82 s, and reasoning takes longer. */
const SECONDS = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 120, 300, 600,
]
const SECONDS_A_TOKEN = [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5]
const TOKENS = [
  1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216, 67_108_864,
]
const DOLLARS = [0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10]

type MetricAttributes = Record<string, string | number>

/** Collects when it is asked to, for the export has a clock of its own. */
class AskedReader extends MetricReader {
  protected override async onForceFlush(): Promise<void> {}
  protected override async onShutdown(): Promise<void> {}
}

export class GenAiMetrics {
  readonly #reader = new AskedReader()
  readonly #attributes = new WeakMap<DeploymentFacts, MetricAttributes>()
  readonly #operationSeconds: Histogram
  readonly #responseSeconds: Histogram
  readonly #firstChunkSeconds: readonly Histogram[]
  readonly #secondsPerToken: Histogram
  readonly #tokens: Histogram
  readonly #dollars: Histogram
  readonly #usage: Readonly<Record<keyof UsageFigures, Counter>>

  constructor(resource: Resource, meterName: string) {
    const meter = new MeterProvider({ resource, readers: [this.#reader] }).getMeter(meterName)
    const seconds = (name: string, description: string, bounds = SECONDS): Histogram =>
      histogram(meter, name, 's', bounds, description)
    this.#operationSeconds = seconds('gen_ai.client.operation.duration', 'Duration of calls')
    this.#responseSeconds = seconds('gen_ai.client.response.duration', 'Duration of the last attempt')
    this.#firstChunkSeconds = [
      seconds(
        'gen_ai.client.operation.time_to_first_chunk',
        'Time from sending to the first content of a stream',
      ),
      seconds('gen_ai.server.time_to_first_token', 'The same, by the name that LiteLLM has for it'),
    ]
    this.#secondsPerToken = seconds(
      'gen_ai.server.time_per_output_token',
      'Time of a stream per token after its first content',
      SECONDS_A_TOKEN,
    )
    this.#tokens = histogram(meter, 'gen_ai.client.token.usage', '{token}', TOKENS, 'Tokens of calls')
    this.#dollars = histogram(meter, 'gen_ai.usage.cost', 'USD', DOLLARS, 'Cost of calls')
    this.#usage = {
      input_tokens: usageCounter(meter, 'input_tokens'),
      output_tokens: usageCounter(meter, 'output_tokens'),
      'cache_read.input_tokens': usageCounter(meter, 'cache_read.input_tokens'),
      'cache_write.input_tokens': usageCounter(meter, 'cache_write.input_tokens'),
      'reasoning.output_tokens': usageCounter(meter, 'reasoning.output_tokens'),
    }
  }

  /** A call that came to no deployment is no operation of a model. */
  record({ start, end }: SettledCall): void {
    if (end.deployment === undefined) return
    const operation = { 'gen_ai.operation.name': operationName(start.callType), ...this.#of(end.deployment) }
    const failure = isSuccess(end.ending) ? undefined : (end.error?.errorClass ?? end.ending)
    this.#operationSeconds.record(
      totalMs(start, end) / 1000,
      failure === undefined ? operation : { ...operation, 'error.type': failure },
    )
    if (end.usage !== undefined) this.#recordUsage(end.usage, toDollars(end.cost), operation)
    const attemptMs = providerMs(end)
    if (failure !== undefined || attemptMs === undefined) return
    this.#responseSeconds.record(attemptMs / 1000, operation)
    if (start.stream) this.#recordStream(attemptMs, firstContentMs(end), end.usage, operation)
  }

  async collect(): Promise<ResourceMetrics> {
    const { resourceMetrics } = await this.#reader.collect()
    return resourceMetrics
  }

  #recordUsage(usage: Usage, dollars: number, operation: MetricAttributes): void {
    const figures = usageFigures(usage)
    this.#tokens.record(figures.input_tokens, { ...operation, 'gen_ai.token.type': 'input' })
    this.#tokens.record(figures.output_tokens, { ...operation, 'gen_ai.token.type': 'output' })
    this.#dollars.record(dollars, operation)
    for (const name of FIGURES) if (figures[name] > 0) this.#usage[name].add(figures[name], operation)
  }

  #recordStream(
    attemptMs: number,
    firstMs: number | undefined,
    usage: Usage | undefined,
    operation: MetricAttributes,
  ): void {
    if (firstMs === undefined) return
    for (const metric of this.#firstChunkSeconds) metric.record(firstMs / 1000, operation)
    const tokens = usage === undefined ? 0 : completionTokens(usage)
    if (tokens > 1) this.#secondsPerToken.record((attemptMs - firstMs) / 1000 / (tokens - 1), operation)
  }

  #of(deployment: DeploymentFacts): MetricAttributes {
    let attributes = this.#attributes.get(deployment)
    if (attributes === undefined) {
      attributes = attributesOf(deployment)
      this.#attributes.set(deployment, attributes)
    }
    return attributes
  }
}

function attributesOf(deployment: DeploymentFacts): MetricAttributes {
  const address = serverAddress(deployment)
  return {
    'gen_ai.provider.name': providerName(deployment.provider),
    // What dashboards for LiteLLM select by.
    'gen_ai.system': deployment.provider,
    'gen_ai.framework': 'litellm',
    'gen_ai.request.model': deployment.modelGroup,
    'gen_ai.response.model': deployment.upstreamModel,
    ...(address === undefined ? {} : { 'server.address': address.host, 'server.port': address.port }),
  }
}

interface UsageFigures {
  readonly input_tokens: number
  readonly output_tokens: number
  readonly 'cache_read.input_tokens': number
  readonly 'cache_write.input_tokens': number
  readonly 'reasoning.output_tokens': number
}

const FIGURES: readonly (keyof UsageFigures)[] = [
  'input_tokens',
  'output_tokens',
  'cache_read.input_tokens',
  'cache_write.input_tokens',
  'reasoning.output_tokens',
]

/** The last three are parts of the first two. */
function usageFigures(usage: Usage): UsageFigures {
  return {
    input_tokens: promptTokens(usage),
    output_tokens: completionTokens(usage),
    'cache_read.input_tokens': usage.cacheReadTokens,
    'cache_write.input_tokens': usage.cacheWrite5mTokens + usage.cacheWrite1hTokens,
    'reasoning.output_tokens': usage.reasoningTokens,
  }
}

function histogram(
  meter: Meter,
  name: string,
  unit: string,
  bounds: number[],
  description: string,
): Histogram {
  return meter.createHistogram(name, { unit, description, advice: { explicitBucketBoundaries: bounds } })
}

function usageCounter(meter: Meter, name: keyof UsageFigures): Counter {
  return meter.createCounter(`gen_ai.client.inference.usage.${name}`, {
    unit: '{token}',
    description: 'Tokens used',
  })
}
