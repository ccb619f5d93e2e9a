/** Which metrics and labels the configuration wants shown. */
import { declaredName, SELECTABLE_METRICS } from './metric-names.ts'

/** One entry of `prometheus_metrics_config`. */
export interface MetricGroup {
  /** By LiteLLM's names, with or without the `_total` of a counter. */
  readonly metrics: readonly string[]
  /** Undefined shows all labels. */
  readonly includeLabels: readonly string[] | undefined
}

export interface MetricFilterSettings {
  /** Undefined shows every metric. */
  readonly groups: readonly MetricGroup[] | undefined
  readonly excludedMetrics: readonly string[]
  readonly excludedLabels: readonly string[]
}

export const SHOW_EVERYTHING: MetricFilterSettings = {
  groups: undefined,
  excludedMetrics: [],
  excludedLabels: [],
}

export class MetricFilter {
  /** Labels by metric; undefined for a metric whose labels are all shown. */
  readonly #chosen: ReadonlyMap<string, ReadonlySet<string> | undefined> | undefined
  readonly #excludedMetrics: ReadonlySet<string>
  readonly #excludedLabels: ReadonlySet<string>

  constructor({ groups, excludedMetrics, excludedLabels }: MetricFilterSettings) {
    this.#chosen = groups === undefined ? undefined : chosenLabels(groups)
    this.#excludedMetrics = new Set(excludedMetrics.map(declaredName))
    this.#excludedLabels = new Set(excludedLabels)
  }

  /** @param metric its full sample name. */
  readonly isShown = (metric: string): boolean => {
    const name = declaredName(metric)
    if (this.#excludedMetrics.has(name)) return false
    return this.#chosen === undefined || !SELECTABLE_METRICS.has(metric) || this.#chosen.has(name)
  }

  readonly isLabelShown = (metric: string, label: string): boolean => {
    if (this.#excludedLabels.has(label)) return false
    const chosen = this.#chosen?.get(declaredName(metric))
    return chosen === undefined || chosen.has(label)
  }
}

/** Of a metric in several groups the last one with labels holds. */
function chosenLabels(groups: readonly MetricGroup[]): ReadonlyMap<string, ReadonlySet<string> | undefined> {
  const chosen = new Map<string, ReadonlySet<string> | undefined>()
  for (const { metrics, includeLabels } of groups) {
    for (const metric of metrics) {
      const name = declaredName(metric)
      chosen.set(name, includeLabels === undefined ? chosen.get(name) : new Set(includeLabels))
    }
  }
  return chosen
}
