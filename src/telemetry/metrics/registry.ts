/**
 * A registry of metrics made for a hot path: a series is found once by its label values, and then counted by a plain
 * addition. The number of series of each metric is bounded, whatever clients send as label values.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { cleanLabelValue } from './label-value.ts'
import { CounterFamily, type CounterOptions } from './counter.ts'
import { GaugeFamily } from './gauge.ts'
import { HistogramFamily } from './histogram.ts'
import type { FamilyContext, FamilyOptions } from './family.ts'
import { MetricFilter, SHOW_EVERYTHING } from './metric-filter.ts'

export type AnyFamily = CounterFamily | GaugeFamily | HistogramFamily

/** The counter that tells which metrics have met their bound. */
export const OVERFLOW: CounterOptions = {
  name: 'sluice_metric_overflow_total',
  help: 'How often a label set was folded into a series of the value other, by metric',
  labels: ['metric'],
}

export class MetricsRegistry {
  readonly #families = new Map<string, AnyFamily>()
  readonly #context: FamilyContext
  readonly #overflow: CounterFamily
  readonly #beforeScrape: (() => void)[] = []
  readonly #beforeScrapeInTurns: (() => Iterable<unknown>)[] = []

  /** @param redact applied to each label value once, when its series is made. */
  constructor(
    redact: (value: string) => string = (value) => value,
    filter: MetricFilter = new MetricFilter(SHOW_EVERYTHING),
  ) {
    this.#context = {
      clean: (value) => cleanLabelValue(redact(value)),
      onOverflow: (metric) => this.#overflow.seriesOfClean([metric]).add(1),
      isShown: filter.isShown,
      isLabelShown: filter.isLabelShown,
    }
    this.#overflow = this.counter(OVERFLOW)
  }

  /** A label value as it may be shown: redacted, bounded, printable. */
  clean(value: string): string {
    return this.#context.clean(value)
  }

  counter(options: CounterOptions): CounterFamily {
    return this.#add(new CounterFamily(options, this.#context))
  }

  gauge(options: FamilyOptions): GaugeFamily {
    return this.#add(new GaugeFamily(options, this.#context))
  }

  /** @param bounds upper bounds of the buckets, ascending, without infinity. */
  histogram(options: FamilyOptions, bounds: readonly number[]): HistogramFamily {
    return this.#add(new HistogramFamily(options, bounds, this.#context))
  }

  /** Calls `collect` at the start of each scrape, for metrics that have to be read together. */
  beforeScrape(collect: () => void): void {
    this.#beforeScrape.push(collect)
  }

  /** As `beforeScrape`, for what has much to read: it yields where calls may go on. */
  beforeScrapeInTurns(collect: () => Iterable<unknown>): void {
    this.#beforeScrapeInTurns.push(collect)
  }

  /** Brings the metrics that are read on demand up to date. */
  collect(): void {
    for (const collect of this.#beforeScrape) collect()
    for (const collect of this.#beforeScrapeInTurns) Array.from(collect())
  }

  /** As `collect`, with the event loop going on between the turns of what has much to read. */
  async collectInTurns(): Promise<void> {
    for (const collect of this.#beforeScrape) collect()
    for (const collect of this.#beforeScrapeInTurns) for (const _ of collect()) await nextTurn()
  }

  /** Memory of the series, as far as it is known from their number and their labels. */
  get heldBytes(): number {
    let bytes = 0
    for (const family of this.#families.values()) bytes += family.heldBytes
    return bytes
  }

  /** All metrics that are shown, in the order of their names. */
  families(): AnyFamily[] {
    const shown = [...this.#families.values()].filter((family) => family.isShown)
    return shown.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /**
   * Drops the series that have been idle for the time that their metric allows.
   * @returns how many: whoever holds a series has to ask for it again.
   */
  dropIdle(nowMs: number): number {
    let count = 0
    for (const family of this.#families.values()) count += family.dropIdle(nowMs)
    return count
  }

  #add<Family extends AnyFamily>(family: Family): Family {
    if (this.#families.has(family.name)) throw new Error(`metric ${family.name} is registered twice`)
    this.#families.set(family.name, family)
    return family
  }
}
