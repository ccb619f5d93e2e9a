/** Gauges: values that go up and down, set when they change or read when they are asked for. */
import { Family, type Series } from './family.ts'

export class Gauge implements Series {
  readonly labelText: string
  /** The last scrape that `setAt` was called for. */
  scrape = 0
  #value = 0
  #read: (() => number) | undefined

  constructor(labelText: string) {
    this.labelText = labelText
  }

  /** A reader that throws gives NaN, so that one room at fault does not take the whole page away. */
  get value(): number {
    if (this.#read === undefined) return this.#value
    try {
      return this.#read()
    } catch {
      return Number.NaN
    }
  }

  set(value: number): void {
    this.#value = value
  }

  /** As `set`, for a gauge that is shown only by the scrapes that set it: see `GaugeFamily.retainSetAt`. */
  setAt(scrape: number, value: number): void {
    this.#value = value
    // Two scrapes may go on at the same time.
    if (scrape > this.scrape) this.scrape = scrape
  }

  add(amount: number): void {
    this.#value += amount
  }

  /** From now on the value is what `read` gives at the time of a scrape. It must be cheap. */
  readFrom(read: () => number): void {
    this.#read = read
  }
}

export class GaugeFamily extends Family<Gauge> {
  readonly type = 'gauge'

  /**
   * Drops the series that neither this scrape nor a later one has set.
   * @returns how many: whoever holds a series has to ask for it again.
   */
  retainSetAt(scrape: number): number {
    return this.retain((gauge) => gauge.scrape >= scrape)
  }

  protected override create(labelText: string): Gauge {
    return new Gauge(labelText)
  }

  protected override dropped(): void {}

  protected override activityOf(child: Gauge): number {
    return child.value
  }
}
