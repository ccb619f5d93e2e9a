/** Gauges: values that go up and down, set when they change or read when they are asked for. */
import { Family, type Series } from './family.ts'

export class Gauge implements Series {
  readonly labelText: string
  #value = 0
  #read: (() => number) | undefined

  constructor(labelText: string) {
    this.labelText = labelText
  }

  get value(): number {
    return this.#read === undefined ? this.#value : this.#read()
  }

  set(value: number): void {
    this.#value = value
  }

  add(amount: number): void {
    this.#value += amount
  }

  /** From now on the value is what `read` gives at the time of a scrape. It must be cheap and must not throw. */
  readFrom(read: () => number): void {
    this.#read = read
  }
}

export class GaugeFamily extends Family<Gauge> {
  readonly type = 'gauge'

  protected override create(labelText: string): Gauge {
    return new Gauge(labelText)
  }
}
