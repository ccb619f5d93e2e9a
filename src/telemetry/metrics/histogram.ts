/**
 * Histograms. All series of one metric keep their numbers in one Float64Array, a row each: the count of every bucket
 * (not cumulated), then the sum.
 */
import { Family, type FamilyOptions, type Series } from './family.ts'

const FIRST_ROWS = 4

export class Histogram implements Series {
  readonly labelText: string
  readonly #family: HistogramFamily
  readonly #row: number

  constructor(family: HistogramFamily, labelText: string, row: number) {
    this.#family = family
    this.labelText = labelText
    this.#row = row
  }

  observe(value: number): void {
    this.#family.observe(this.#row, value)
  }

  /** The counts of the buckets, infinity last, and then the sum. Valid until the next series is made. */
  get cells(): Float64Array {
    return this.#family.row(this.#row)
  }
}

export class HistogramFamily extends Family<Histogram> {
  readonly type = 'histogram'
  readonly bounds: readonly number[]
  readonly #width: number
  #cells: Float64Array
  #rows = 0

  constructor(
    options: FamilyOptions,
    bounds: readonly number[],
    clean: (value: string) => string,
    onOverflow: (metric: string) => void,
  ) {
    super(options, clean, onOverflow)
    if (
      !bounds.every(
        (bound, index) => Number.isFinite(bound) && (index === 0 || bound > (bounds[index - 1] ?? 0)),
      )
    ) {
      throw new RangeError(`buckets of ${options.name}: expected finite numbers in ascending order`)
    }
    this.bounds = bounds
    this.#width = bounds.length + 2
    this.#cells = new Float64Array(FIRST_ROWS * this.#width)
    if (options.labels.length === 0) this.series([])
  }

  observe(row: number, value: number): void {
    const bounds = this.bounds
    let bucket = 0
    while (bucket < bounds.length && value > (bounds[bucket] ?? Infinity)) bucket += 1
    const start = row * this.#width
    const sum = start + this.#width - 1
    this.#cells[start + bucket] = (this.#cells[start + bucket] ?? 0) + 1
    this.#cells[sum] = (this.#cells[sum] ?? 0) + value
  }

  row(row: number): Float64Array {
    return this.#cells.subarray(row * this.#width, (row + 1) * this.#width)
  }

  protected override create(labelText: string): Histogram {
    const row = this.#rows
    this.#rows += 1
    if (this.#rows * this.#width > this.#cells.length) this.#grow()
    return new Histogram(this, labelText, row)
  }

  #grow(): void {
    const larger = new Float64Array(this.#cells.length * 2)
    larger.set(this.#cells)
    this.#cells = larger
  }
}
