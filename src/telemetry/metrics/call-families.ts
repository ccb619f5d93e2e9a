/** Registers the metrics about calls, with the labels and bounds that the configuration gives them. */
import { CLIENT_GIVEN_LABELS } from './call-labels.ts'
import { callLabelsOf, type CallLabelSettings } from './call-labels-of.ts'
import type { CounterFamily } from './counter.ts'
import type { CustomLabels } from './custom-labels.ts'
import {
  CLIENT_DEFAULT_BUCKETS,
  COUNTERS,
  GAUGES,
  HISTOGRAMS,
  LATENCY_BUCKETS,
  type FamilyDefinition,
} from './families.ts'
import { DEFAULT_MAX_SERIES, type FamilyOptions } from './family.ts'
import type { GaugeFamily } from './gauge.ts'
import type { HistogramFamily } from './histogram.ts'
import type { MetricsRegistry } from './registry.ts'

export type CounterName = keyof typeof COUNTERS
export type HistogramName = keyof typeof HISTOGRAMS
/** Gauges that an attempt sets. */
type CallGaugeName = Exclude<keyof typeof GAUGES, 'inFlight'>

/** A metric about calls together with where its series stand in a `CallSeries`. */
export interface CallFamily<Family> {
  readonly family: Family
  /** In the order of the values that it is asked with. */
  readonly labels: readonly string[]
  readonly slot: number
}

export interface CallFamilies {
  readonly counters: Readonly<Record<CounterName, CallFamily<CounterFamily>>>
  readonly histograms: Readonly<Record<HistogramName, CallFamily<HistogramFamily>>>
  readonly gauges: Readonly<Record<CallGaugeName, CallFamily<GaugeFamily>>>
  readonly inFlight: GaugeFamily
}

export interface FamilySettings extends CallLabelSettings {
  /** Gives the label `end_user` its values (`enable_end_user_cost_tracking_prometheus_only`). */
  readonly endUserLabel: boolean
  /** Bounds in seconds of the latency histograms (`prometheus_latency_buckets`). */
  readonly latencyBuckets?: readonly number[] | undefined
  /** Series a metric may have (`prometheus_metrics_max_series_per_metric`). */
  readonly maxSeriesPerMetric?: number | undefined
  /** Series that a metric may have where `end_user` has its values; undefined leaves it to the bound of the others. */
  readonly maxEndUserSeries?: number | undefined
  /** A series that has not changed for so long is dropped; undefined keeps it. */
  readonly seriesIdleMs?: number | undefined
  /** The same for metrics where `end_user` has its values. */
  readonly endUserSeriesIdleMs?: number | undefined
}

/** Series of a metric with a label that clients choose freely, when the configuration gives no bound. */
const DEFAULT_MAX_CLIENT_SERIES = 2_000

/** Registers every metric about calls. */
export function registerCallFamilies(
  registry: MetricsRegistry,
  settings: FamilySettings,
  custom: CustomLabels,
): CallFamilies {
  const optionsOf = (definition: FamilyDefinition, own: readonly string[]): FamilyOptions => ({
    ...definition,
    ...boundsOf(definition.labels, settings, own.length > 0 ? custom.clientGiven : []),
    labels: [...callLabelsOf(definition, settings), ...own],
  })
  const counter = (name: CounterName, slot: number): CallFamily<CounterFamily> => {
    const options = optionsOf(COUNTERS[name], custom.names)
    const unit = name === 'spend' ? 1e12 : 1
    return { family: registry.counter({ ...options, unit }), labels: options.labels, slot }
  }
  const histogram = (name: HistogramName, slot: number): CallFamily<HistogramFamily> => {
    const options = optionsOf(HISTOGRAMS[name], custom.names)
    const bounds =
      name === 'latencyPerOutputToken' ? CLIENT_DEFAULT_BUCKETS : (settings.latencyBuckets ?? LATENCY_BUCKETS)
    return { family: registry.histogram(options, bounds), labels: options.labels, slot }
  }
  const { inFlight, ...callGauges } = GAUGES
  const gauge = (name: CallGaugeName, slot: number): CallFamily<GaugeFamily> => {
    const options = optionsOf(GAUGES[name], [])
    return { family: registry.gauge({ ...options, idleAfterMs: undefined }), labels: options.labels, slot }
  }
  return {
    counters: mapNames(COUNTERS, counter),
    histograms: mapNames(HISTOGRAMS, histogram),
    gauges: mapNames(callGauges, gauge),
    inFlight: registry.gauge(inFlight),
  }
}

function boundsOf(
  labels: readonly string[],
  settings: FamilySettings,
  customClientGiven: readonly string[],
): Pick<FamilyOptions, 'volatileLabels' | 'maxSeries' | 'idleAfterMs'> {
  const hasEndUser = settings.endUserLabel && labels.includes('end_user')
  const clientGiven: readonly string[] = CLIENT_GIVEN_LABELS.filter(
    (label) => label !== 'end_user' || hasEndUser,
  )
  const volatileLabels = [...labels.filter((label) => clientGiven.includes(label)), ...customClientGiven]
  const unlessSaid = volatileLabels.length > 0 ? DEFAULT_MAX_CLIENT_SERIES : DEFAULT_MAX_SERIES
  const said = settings.maxSeriesPerMetric
  const ofEndUsers = hasEndUser ? settings.maxEndUserSeries : undefined
  return {
    volatileLabels,
    maxSeries: Math.min(said ?? (ofEndUsers === undefined ? unlessSaid : Infinity), ofEndUsers ?? Infinity),
    idleAfterMs: hasEndUser ? (settings.endUserSeriesIdleMs ?? settings.seriesIdleMs) : settings.seriesIdleMs,
  }
}

function mapNames<Name extends string, Value>(
  definitions: Readonly<Record<Name, unknown>>,
  make: (name: Name, index: number) => Value,
): Record<Name, Value> {
  // Object.keys gives the names of a literal whose type lists them all.
  const names = Object.keys(definitions) as Name[]
  return Object.fromEntries(names.map((name, index) => [name, make(name, index)])) as Record<Name, Value>
}
