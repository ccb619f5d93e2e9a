/**
 * The series of one kind of call: all metrics with the label values of one caller, deployment, model, client and
 * outcome. A series is looked up when it is first counted, and held from then on.
 */
import type { CallLabelValues } from './call-labels.ts'
import type { Counter, CounterFamily } from './counter.ts'
import type { CallFamily } from './families.ts'
import type { Gauge, GaugeFamily } from './gauge.ts'
import type { Histogram, HistogramFamily } from './histogram.ts'

export class CallSeries {
  readonly #labels: CallLabelValues
  readonly #counters: (Counter | undefined)[]
  readonly #histograms: (Histogram | undefined)[]
  #state: Gauge | undefined

  constructor(labels: CallLabelValues, counterCount: number, histogramCount: number) {
    this.#labels = labels
    this.#counters = Array.from({ length: counterCount })
    this.#histograms = Array.from({ length: histogramCount })
  }

  add(counter: CallFamily<CounterFamily>, amount: number): void {
    const series = this.#counters[counter.slot] ?? this.#findCounter(counter)
    series.add(amount)
  }

  observe(histogram: CallFamily<HistogramFamily>, value: number): void {
    const series = this.#histograms[histogram.slot] ?? this.#findHistogram(histogram)
    series.observe(value)
  }

  setState(gauge: CallFamily<GaugeFamily>, value: number): void {
    this.#state ??= gauge.family.series(this.#valuesFor(gauge))
    this.#state.set(value)
  }

  #findCounter(counter: CallFamily<CounterFamily>): Counter {
    const series = counter.family.series(this.#valuesFor(counter))
    this.#counters[counter.slot] = series
    return series
  }

  #findHistogram(histogram: CallFamily<HistogramFamily>): Histogram {
    const series = histogram.family.series(this.#valuesFor(histogram))
    this.#histograms[histogram.slot] = series
    return series
  }

  #valuesFor(family: Pick<CallFamily<unknown>, 'labels'>): string[] {
    return family.labels.map((label) => this.#labels[label])
  }
}
