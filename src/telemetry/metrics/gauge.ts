/** Gauges: values that go up and down, set when they change or read when they are asked for. */
import { Family, type Series } from './family.ts'

export class Gauge implements Series {
  readonly labelText: string
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

  protected override create(labelText: string): Gauge {
    return new Gauge(labelText)
  }

  protected override dropped(): void {}

  protected override activityOf(child: Gauge): number {
    return child.value
  }
}
