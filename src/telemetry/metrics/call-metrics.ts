/** Counts settled calls: finds the series of a call, and adds what its record says. */
import { ERROR_KINDS } from '../../errors/gateway-error.ts'
import { completionTokens, promptTokens, totalTokens, type Usage } from '../../dialects/usage.ts'
import {
  isSuccess,
  type AttemptFacts,
  type CallEnd,
  type CallerFacts,
  type CallStart,
  type ClientKey,
  type DeploymentFacts,
} from '../../record/call-record.ts'
import { failureStatus, statusOfFailure } from '../failure-status.ts'
import { firstContentMs, overheadMs, providerMs, queueMs, totalMs } from '../call-timings.ts'
import {
  absentDeploymentLabels,
  callerLabelValues,
  deploymentLabelValues,
  exceptionClassLabel,
  isIdentified,
  NONE,
  variantLabelValues,
  type CallLabel,
  type CallLabelValues,
  type CallVariant,
} from './call-labels.ts'
import { registerCallFamilies, type CallFamilies, type FamilySettings } from './call-families.ts'
import { CallSeries, type ExampleTrace, type SeriesCounts } from './call-series.ts'
import { NO_CUSTOM_LABELS, type CustomLabels } from './custom-labels.ts'
import { OTHER } from './family.ts'
import type { Gauge } from './gauge.ts'
import { LONGEST_LABEL_VALUE } from './label-value.ts'
import type { MetricsRegistry } from './registry.ts'

export interface CallMetricsSettings extends FamilySettings {
  /**
   * Tells whether a client's model name is one of the configured ones; the others are counted as `other`. Without it,
   * a name is taken for unknown when the call was refused with 400 or 404 before a deployment was chosen.
   */
  readonly isKnownModel?: ((model: string) => boolean) | undefined
  /** Labels beyond those of LiteLLM. */
  readonly customLabels?: CustomLabels | undefined
}

/** How many kinds of call are held at once. They are only a short way to the series, and are made again when needed. */
const MAX_HELD_SERIES = 20_000

/** A caller's calls that are counted in the same series. */
interface CallKind {
  readonly variant: CallVariant
  readonly deployment: DeploymentFacts | undefined
  readonly series: CallSeries
}

export class CallMetrics {
  readonly #settings: CallMetricsSettings
  readonly #registry: MetricsRegistry
  readonly #families: CallFamilies
  readonly #custom: CustomLabels
  readonly #counts: SeriesCounts
  readonly #inFlight: Gauge
  readonly #held = new Map<CallerFacts, Map<DeploymentFacts | undefined, Map<string, CallSeries>>>()
  #heldCount = 0
  /** Of the clients' last calls, where a deployment served them. */
  #lastKinds = new WeakMap<ClientKey, CallKind>()
  readonly #callerLabels = new Map<CallerFacts, ReturnType<typeof callerLabelValues>>()
  readonly #deploymentLabels = new Map<DeploymentFacts, ReturnType<typeof deploymentLabelValues>>()

  constructor(registry: MetricsRegistry, settings: CallMetricsSettings) {
    this.#settings = settings
    this.#registry = registry
    this.#custom = settings.customLabels ?? NO_CUSTOM_LABELS
    this.#families = registerCallFamilies(registry, settings, this.#custom)
    const { counters, histograms, gauges, inFlight } = this.#families
    this.#counts = {
      counters: Object.keys(counters).length,
      histograms: Object.keys(histograms).length,
      gauges: Object.keys(gauges).length,
    }
    this.#inFlight = inFlight.series([])
  }

  /** Lets go of all series: they are looked up again when they are next counted. */
  forgetSeries(): void {
    this.#held.clear()
    this.#lastKinds = new WeakMap()
    this.#callerLabels.clear()
    this.#deploymentLabels.clear()
    this.#heldCount = 0
  }

  requestBegan(): void {
    this.#inFlight.add(1)
  }

  requestEnded(): void {
    this.#inFlight.add(-1)
  }

  callSettled(start: CallStart, end: CallEnd): void {
    const { variant, series } = this.#kindOf(start, end)
    const { counters, histograms } = this.#families
    const example = exampleOf(start, end)
    series.add(counters.proxyTotal, 1)
    const firstContent = start.stream ? firstContentMs(end) : undefined
    if (firstContent !== undefined) series.observe(histograms.timeToFirstToken, firstContent / 1000, example)
    if (isSuccess(end.ending)) {
      if (end.deployment !== undefined) series.add(counters.requests, 1)
      this.#observeServed(series, start, end, example)
    } else {
      series.add(counters.proxyFailed, 1)
    }
    if (end.deployment !== undefined) this.#countUsage(series, end)
    if (end.cache !== undefined) this.#countCache(series, end.cache.hit, end.usage)
    series.observe(histograms.callDuration, totalMs(start, end) / 1000, example)
    if (end.attempts.length === 0 && !isSuccess(end.ending)) this.#countRefusal(start, variant)
    for (const attempt of end.attempts) this.#countAttempt(attempt, start, end, variant, series, example)
  }

  #observeServed(
    series: CallSeries,
    start: CallStart,
    end: CallEnd,
    example: ExampleTrace | undefined,
  ): void {
    const { histograms } = this.#families
    const provider = providerMs(end)
    const queue = queueMs(start, end)
    if (queue !== undefined) {
      series.observe(histograms.queueTime, queue / 1000, example)
      series.observe(histograms.overhead, overheadMs(start, end) / 1000, example)
    }
    if (end.ending !== 'complete') return
    series.observe(histograms.totalLatency, totalMs(start, end) / 1000, example)
    if (provider === undefined) return
    series.observe(histograms.llmApiLatency, provider / 1000, example)
    const output = end.usage === undefined ? 0 : completionTokens(end.usage)
    if (output > 0) series.observe(histograms.latencyPerOutputToken, provider / 1000 / output, example)
  }

  #countUsage(series: CallSeries, end: CallEnd): void {
    const { counters } = this.#families
    if (end.cost > 0n || isSuccess(end.ending)) series.add(counters.spend, Number(end.cost))
    const usage = end.usage
    if (usage === undefined) return
    const input = promptTokens(usage)
    const output = completionTokens(usage)
    series.add(counters.totalTokens, input + output)
    series.add(counters.inputTokens, input)
    series.add(counters.outputTokens, output)
    if (!end.priced && input + output > 0) series.add(counters.zeroCost, 1)
    this.#countTokenClasses(series, usage)
  }

  #countCache(series: CallSeries, hit: boolean, usage: Usage | undefined): void {
    const { counters } = this.#families
    series.add(hit ? counters.cacheHits : counters.cacheMisses, 1)
    if (hit && usage !== undefined) series.add(counters.cachedTokens, totalTokens(usage))
  }

  /** Classes that most calls do not have get a series only when they first occur. */
  #countTokenClasses(series: CallSeries, usage: Usage): void {
    const { counters } = this.#families
    if (usage.cacheReadTokens > 0) {
      series.add(counters.inputCachedTokens, usage.cacheReadTokens)
      series.add(counters.providerCacheReadTokens, usage.cacheReadTokens)
    }
    const cacheWrite = usage.cacheWrite5mTokens + usage.cacheWrite1hTokens
    if (cacheWrite > 0) {
      series.add(counters.inputCacheCreationTokens, cacheWrite)
      series.add(counters.providerCacheCreationTokens, cacheWrite)
    }
    if (usage.inputAudioTokens > 0) series.add(counters.inputAudioTokens, usage.inputAudioTokens)
    if (usage.reasoningTokens > 0) series.add(counters.outputReasoningTokens, usage.reasoningTokens)
    if (usage.outputAudioTokens > 0) series.add(counters.outputAudioTokens, usage.outputAudioTokens)
  }

  /** LiteLLM counts a call that the gateway refused among the attempts, with empty labels for the deployment. */
  #countRefusal(start: CallStart, variant: CallVariant): void {
    const series = this.#seriesOf(start.caller, undefined, { ...variant, absentDeployment: '' })
    series.add(this.#families.counters.deploymentTotal, 1)
    series.add(this.#families.counters.deploymentFailure, 1)
  }

  #countAttempt(
    attempt: AttemptFacts,
    start: CallStart,
    end: CallEnd,
    variant: CallVariant,
    callSeries: CallSeries,
    example: ExampleTrace | undefined,
  ): void {
    const { counters, histograms, gauges } = this.#families
    const failed = attempt.errorClass !== undefined
    const isOfCall = attempt.deployment === end.deployment && !failed && variant.exceptionClass === undefined
    const series = isOfCall
      ? callSeries
      : this.#seriesOf(start.caller, attempt.deployment, attemptVariant(attempt, variant))
    series.add(counters.deploymentTotal, 1)
    series.add(failed ? counters.deploymentFailure : counters.deploymentSuccess, 1)
    if (failed) series.add(counters.llmApiFailed, 1)
    series.set(gauges.deploymentState, failed ? 1 : 0)
    const seconds = Math.max(0, attempt.endedAtMs - attempt.startedAtMs) / 1000
    series.observe(histograms.attemptDuration, seconds, example)
    const { quota } = attempt
    if (quota?.requests !== undefined) series.set(gauges.remainingRequests, quota.requests)
    if (quota?.tokens !== undefined) series.set(gauges.remainingTokens, quota.tokens)
  }

  /** Most calls are of the kind that their client's last one was: it is known by a few comparisons. */
  #kindOf(start: CallStart, end: CallEnd): CallKind {
    const { client } = start
    const last = client === undefined ? undefined : this.#lastKinds.get(client)
    if (last !== undefined && isOfKind(last, start, end)) return last
    const { deployment } = end
    const variant = this.#variantOf(start, end)
    const kind = { variant, deployment, series: this.#seriesOf(start.caller, deployment, variant) }
    const isPlain = deployment !== undefined && isSuccess(end.ending) && this.#custom.names.length === 0
    if (client !== undefined && isPlain) this.#lastKinds.set(client, kind)
    return kind
  }

  /** Texts of a caller without a valid key are no labels: anybody could fill the metrics with them. */
  #variantOf(start: CallStart, end: CallEnd): CallVariant {
    const failed = !isSuccess(end.ending)
    const status = failed ? failureStatus(end) : end.httpStatus
    const identified = isIdentified(start.caller)
    return {
      requestedModel: identified ? this.#modelLabel(start, end) : OTHER,
      endUser: identified && this.#settings.endUserLabel ? shortened(start.endUser) : undefined,
      clientIp: identified ? shortened(start.requesterIp) : undefined,
      userAgent: identified ? shortened(start.userAgent) : undefined,
      route: start.route,
      stream: start.stream,
      status,
      serviceTier: end.usage?.serviceTier ?? '',
      ending: end.ending,
      exceptionClass: failed ? exceptionClassOf(end) : undefined,
      exceptionStatus: failed ? status : undefined,
      absentDeployment: 'None',
      custom: identified ? this.#customValues(start) : this.#custom.absent(),
    }
  }

  #customValues(start: CallStart): readonly string[] {
    const values = this.#custom.valuesOf(start)
    return values.length === 0 ? values : values.map(cut)
  }

  #modelLabel(start: CallStart, end: CallEnd): string {
    const model = start.requestedModel
    if (end.deployment !== undefined) return shortened(model) ?? OTHER
    const isKnown =
      this.#settings.isKnownModel?.(model) ?? !(end.httpStatus === 400 || end.httpStatus === 404)
    return isKnown ? (shortened(model) ?? OTHER) : OTHER
  }

  #seriesOf(caller: CallerFacts, deployment: DeploymentFacts | undefined, variant: CallVariant): CallSeries {
    const key = variantKey(variant)
    const held = this.#held.get(caller)?.get(deployment)?.get(key)
    return held ?? this.#hold(caller, deployment, variant, key)
  }

  #hold(
    caller: CallerFacts,
    deployment: DeploymentFacts | undefined,
    variant: CallVariant,
    key: string,
  ): CallSeries {
    if (this.#heldCount >= MAX_HELD_SERIES) this.forgetSeries()
    const series = new CallSeries(this.#labelsOf(caller, deployment, variant), this.#counts)
    const byDeployment = getOrMake(this.#held, caller, () => new Map())
    getOrMake(byDeployment, deployment, () => new Map()).set(key, series)
    this.#heldCount += 1
    return series
  }

  /** Fit to be shown. Those of a caller and of a deployment are made so once: each client makes new variants. */
  #labelsOf(
    caller: CallerFacts,
    deployment: DeploymentFacts | undefined,
    variant: CallVariant,
  ): CallLabelValues {
    const clean = (value: string): string => this.#registry.clean(value)
    const ofDeployment =
      deployment === undefined
        ? absentDeploymentLabels(variant)
        : getOrMake(this.#deploymentLabels, deployment, () =>
            cleaned(deploymentLabelValues(deployment), clean),
          )
    const labels: Record<CallLabel, string> = {
      ...getOrMake(this.#callerLabels, caller, () => cleaned(callerLabelValues(caller), clean)),
      ...ofDeployment,
      ...variantLabelValues(variant, clean),
    }
    const { names } = this.#custom
    if (names.length === 0) return labels
    const own = names.map((name, index) => [name, clean(variant.custom[index] ?? NONE)] as const)
    return { ...labels, ...Object.fromEntries(own) }
  }
}

/** Whether a call is of the kind of another one of its client. */
function isOfKind({ variant, deployment }: CallKind, start: CallStart, end: CallEnd): boolean {
  return (
    deployment === end.deployment &&
    variant.ending === end.ending &&
    variant.status === end.httpStatus &&
    variant.route === start.route &&
    variant.stream === start.stream &&
    variant.serviceTier === (end.usage?.serviceTier ?? '')
  )
}

function cleaned<Labels extends Record<string, string>>(
  labels: Labels,
  clean: (value: string) => string,
): Labels {
  // The labels stay, and their values texts.
  return Object.fromEntries(Object.entries(labels).map(([name, value]) => [name, clean(value)])) as Labels
}

function getOrMake<Key, Value>(map: Map<Key, Value>, key: Key, make: () => Value): Value {
  const found = map.get(key)
  if (found !== undefined) return found
  const made = make()
  map.set(key, made)
  return made
}

/**
 * Names a variant within its caller and deployment. The lengths of the texts that clients choose keep two variants
 * apart whatever those texts hold.
 */
function variantKey(variant: CallVariant): string {
  const endUser = variant.endUser ?? ''
  const clientIp = variant.clientIp ?? ''
  const userAgent = variant.userAgent ?? ''
  const outcome =
    variant.exceptionClass === undefined ? '' : `${variant.exceptionClass},${variant.exceptionStatus}`
  const { custom } = variant
  // JSON keeps texts apart; hardly any configuration has labels of its own.
  const own = custom.length === 0 ? '' : JSON.stringify(custom)
  return (
    `${own}${variant.requestedModel.length},${endUser.length},${clientIp.length},${variant.stream ? 1 : 0},` +
    `${variant.status},${variant.ending},${variant.absentDeployment},${variant.route},${variant.serviceTier},${outcome},` +
    `${variant.requestedModel}${endUser}${clientIp}${userAgent}`
  )
}

function shortened(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : cut(value)
}

function cut(value: string): string {
  return value.length <= LONGEST_LABEL_VALUE ? value : value.slice(0, LONGEST_LABEL_VALUE)
}

/** A call whose spans are exported is an example of what it is counted in. */
function exampleOf({ trace }: CallStart, end: CallEnd): ExampleTrace | undefined {
  return trace?.sampled === true ? { traceId: trace.traceId, atMs: end.endedAtMs } : undefined
}

function attemptVariant(attempt: AttemptFacts, variant: CallVariant): CallVariant {
  const errorClass = attempt.errorClass
  if (errorClass === undefined) return { ...variant, exceptionClass: undefined, exceptionStatus: undefined }
  return {
    ...variant,
    exceptionClass: exceptionClassLabel(errorClass, attempt.deployment.provider),
    exceptionStatus: statusOfFailure(attempt.httpStatus, errorClass),
  }
}

function exceptionClassOf(end: CallEnd): string {
  if (end.error === undefined) return ERROR_KINDS.internal.errorClass
  return exceptionClassLabel(end.error.errorClass, end.error.provider)
}
