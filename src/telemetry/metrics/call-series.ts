/**
 * The series of one kind of call: all metrics with the label values of one caller, deployment, model, client and
 * outcome. A series is looked up when it is first counted, and held from then on.
 */
import type { CallFamily } from './call-families.ts'
import type { CallLabelValues } from './call-labels.ts'
import type { Counter, CounterFamily } from './counter.ts'
import { Gauge, type GaugeFamily } from './gauge.ts'
import type { Histogram, HistogramFamily } from './histogram.ts'

/** How many metrics of each type there are. */
export interface SeriesCounts {
  readonly counters: number
  readonly histograms: number
  readonly gauges: number
}

/** The trace that a call is an example of in the metrics. */
export interface ExampleTrace {
  readonly traceId: string
  /** Epoch milliseconds. */
  readonly atMs: number
}

export class CallSeries {
  readonly #labels: CallLabelValues
  readonly #counters: (Counter | undefined)[]
  readonly #histograms: (Histogram | undefined)[]
  readonly #gauges: (Gauge | undefined)[]

  /** @param labels fit to be shown: each is made so once, and not once a metric. */
  constructor(labels: CallLabelValues, counts: SeriesCounts) {
    this.#labels = labels
    this.#counters = Array<Counter | undefined>(counts.counters).fill(undefined)
    this.#histograms = Array<Histogram | undefined>(counts.histograms).fill(undefined)
    this.#gauges = Array<Gauge | undefined>(counts.gauges).fill(undefined)
  }

  add(counter: CallFamily<CounterFamily>, amount: number): void {
    const series = this.#counters[counter.slot] ?? this.#findCounter(counter)
    series.add(amount)
  }

  observe(histogram: CallFamily<HistogramFamily>, value: number, example: ExampleTrace | undefined): void {
    const series = this.#histograms[histogram.slot] ?? this.#findHistogram(histogram)
    if (example === undefined) series.observe(value)
    else series.observeTraced(value, example.traceId, example.atMs)
  }

  set(gauge: CallFamily<GaugeFamily>, value: number): void {
    const series = this.#gauges[gauge.slot] ?? this.#findGauge(gauge)
    series.set(value)
  }

  #findCounter(counter: CallFamily<CounterFamily>): Counter {
    const series = counter.family.seriesOfClean(this.#valuesFor(counter))
    this.#counters[counter.slot] = series
    return series
  }

  #findHistogram(histogram: CallFamily<HistogramFamily>): Histogram {
    const series = histogram.family.seriesOfClean(this.#valuesFor(histogram))
    this.#histograms[histogram.slot] = series
    return series
  }

  #findGauge(gauge: CallFamily<GaugeFamily>): Gauge {
    // A value past the bound is not shown: those of several deployments tell nothing together.
    const series = gauge.family.seriesWithinBound(this.#valuesFor(gauge)) ?? new Gauge('')
    this.#gauges[gauge.slot] = series
    return series
  }

  #valuesFor(family: Pick<CallFamily<unknown>, 'labels'>): string[] {
    return family.labels.map((label) => this.#labels[label] ?? '')
  }
}
