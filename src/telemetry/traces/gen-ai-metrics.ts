/**
 * The metrics of OpenTelemetry's conventions for generative AI, and the names that LiteLLM exports beside them:
 * https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/
 *
 * Their attributes are few and known beforehand: the number of series is bounded by the configuration.
 */
import type { Resource } from '@opentelemetry/resources'
import type { ResourceMetrics } from '@opentelemetry/sdk-metrics'
import { completionTokens, promptTokens, type Usage } from '../../dialects/usage.ts'
import { toDollars } from '../../money/picodollars.ts'
import { isSuccess, type DeploymentFacts } from '../../record/call-record.ts'
import { firstContentMs, providerMs, totalMs } from '../call-timings.ts'
import type { SettledCall } from '../export/settled-call.ts'
import { operationName, providerName } from './gen-ai-names.ts'
import { Counter, Histogram, type Instrument, type MetricPoint } from './instrument.ts'
import { toHrTime } from './sdk-attributes.ts'
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

export class GenAiMetrics {
  readonly #resource: Resource
  readonly #meterName: string
  readonly #clock: () => number
  readonly #startedAtMs: number
  readonly #operations = new WeakMap<DeploymentFacts, Map<string, OperationPoints>>()
  readonly #operationSeconds = seconds('gen_ai.client.operation.duration', 'Duration of calls')
  readonly #responseSeconds = seconds('gen_ai.client.response.duration', 'Duration of the last attempt')
  readonly #firstChunkSeconds = seconds(
    'gen_ai.client.operation.time_to_first_chunk',
    'Time from sending to the first content of a stream',
  )
  readonly #firstTokenSeconds = seconds(
    'gen_ai.server.time_to_first_token',
    'The same, by the name that LiteLLM has for it',
  )
  readonly #secondsPerToken = seconds(
    'gen_ai.server.time_per_output_token',
    'Time of a stream per token after its first content',
    SECONDS_A_TOKEN,
  )
  readonly #tokens = histogram('gen_ai.client.token.usage', '{token}', TOKENS, 'Tokens of calls')
  readonly #dollars = histogram('gen_ai.usage.cost', 'USD', DOLLARS, 'Cost of calls')
  readonly #usage: Readonly<Record<keyof UsageFigures, Counter>> = {
    input_tokens: usageCounter('input_tokens'),
    output_tokens: usageCounter('output_tokens'),
    'cache_read.input_tokens': usageCounter('cache_read.input_tokens'),
    'cache_write.input_tokens': usageCounter('cache_write.input_tokens'),
    'reasoning.output_tokens': usageCounter('reasoning.output_tokens'),
  }
  readonly #instruments: readonly Instrument[] = [
    this.#operationSeconds,
    this.#responseSeconds,
    this.#firstChunkSeconds,
    this.#firstTokenSeconds,
    this.#secondsPerToken,
    this.#tokens,
    this.#dollars,
    ...Object.values(this.#usage),
  ]

  /** @param clock epoch milliseconds. */
  constructor(resource: Resource, meterName: string, clock: () => number) {
    this.#resource = resource
    this.#meterName = meterName
    this.#clock = clock
    this.#startedAtMs = clock()
  }

  /** A call that came to no deployment is no operation of a model. */
  record({ start, end }: SettledCall): void {
    if (end.deployment === undefined) return
    const operation = this.#operationOf(end.deployment, operationName(start.callType))
    const failure = isSuccess(end.ending) ? undefined : (end.error?.errorClass ?? end.ending)
    const told = failure === undefined ? operation : operation.with('error.type', failure)
    told.add(this.#operationSeconds, totalMs(start, end) / 1000)
    if (end.usage !== undefined) this.#recordUsage(end.usage, toDollars(end.cost), operation)
    const attemptMs = providerMs(end)
    if (failure !== undefined || attemptMs === undefined) return
    operation.add(this.#responseSeconds, attemptMs / 1000)
    if (start.stream) this.#recordStream(attemptMs, firstContentMs(end), end.usage, operation)
  }

  collect(): ResourceMetrics {
    const startTime = toHrTime(this.#startedAtMs)
    const endTime = toHrTime(this.#clock())
    const metrics = this.#instruments
      .map((instrument) => instrument.data(startTime, endTime))
      .filter(({ dataPoints }) => dataPoints.length > 0)
    const scopeMetrics = metrics.length === 0 ? [] : [{ scope: { name: this.#meterName }, metrics }]
    return { resource: this.#resource, scopeMetrics }
  }

  #recordUsage(usage: Usage, dollars: number, operation: OperationPoints): void {
    const figures = usageFigures(usage)
    operation.with('gen_ai.token.type', 'input').add(this.#tokens, figures.input_tokens)
    operation.with('gen_ai.token.type', 'output').add(this.#tokens, figures.output_tokens)
    operation.add(this.#dollars, dollars)
    for (const name of FIGURES) if (figures[name] > 0) operation.add(this.#usage[name], figures[name])
  }

  #recordStream(
    attemptMs: number,
    firstMs: number | undefined,
    usage: Usage | undefined,
    operation: OperationPoints,
  ): void {
    if (firstMs === undefined) return
    operation.add(this.#firstChunkSeconds, firstMs / 1000)
    operation.add(this.#firstTokenSeconds, firstMs / 1000)
    const tokens = usage === undefined ? 0 : completionTokens(usage)
    if (tokens > 1) operation.add(this.#secondsPerToken, (attemptMs - firstMs) / 1000 / (tokens - 1))
  }

  #operationOf(deployment: DeploymentFacts, name: string): OperationPoints {
    let operations = this.#operations.get(deployment)
    if (operations === undefined) {
      operations = new Map()
      this.#operations.set(deployment, operations)
    }
    let operation = operations.get(name)
    if (operation === undefined) {
      operation = new OperationPoints({ 'gen_ai.operation.name': name, ...attributesOf(deployment) })
      operations.set(name, operation)
    }
    return operation
  }
}

/** The points of one set of attributes, found once. */
class OperationPoints {
  readonly #attributes: MetricAttributes
  readonly #points = new Map<Instrument, MetricPoint>()
  readonly #more = new Map<string, OperationPoints>()

  constructor(attributes: MetricAttributes) {
    this.#attributes = attributes
  }

  add(instrument: Instrument, figure: number): void {
    let point = this.#points.get(instrument)
    if (point === undefined) {
      point = instrument.point(this.#attributes)
      this.#points.set(instrument, point)
    }
    point.add(figure)
  }

  /** Those that have one attribute more. @param value one of few. */
  with(name: string, value: string): OperationPoints {
    const key = `${name}=${value}`
    let points = this.#more.get(key)
    if (points === undefined) {
      points = new OperationPoints({ ...this.#attributes, [name]: value })
      this.#more.set(key, points)
    }
    return points
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

function seconds(name: string, description: string, boundaries = SECONDS): Histogram {
  return histogram(name, 's', boundaries, description)
}

function histogram(
  name: string,
  unit: string,
  boundaries: readonly number[],
  description: string,
): Histogram {
  return new Histogram({ name, unit, description }, boundaries)
}

function usageCounter(name: keyof UsageFigures): Counter {
  return new Counter({
    name: `gen_ai.client.inference.usage.${name}`,
    unit: '{token}',
    description: 'Tokens used',
  })
}
