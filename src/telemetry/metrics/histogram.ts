/**
 * Histograms. All series of one metric keep their numbers in one Float64Array, a row each: the count of every bucket
 * (not cumulated), then the sum.
 */
import { Family, type FamilyContext, type FamilyOptions, type Series } from './family.ts'

const FIRST_ROWS = 4

/** A call that was counted in a histogram, by its trace. */
export interface Exemplar {
  /** 32 hex digits. */
  readonly traceId: string
  readonly value: number
  /** Epoch milliseconds. */
  readonly atMs: number
}

export class Histogram implements Series, Exemplar {
  readonly labelText: string
  /** Of the exemplar; empty while there is none. */
  traceId = ''
  value = 0
  atMs = 0
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

  /** As `observe`, and remembers the call as the exemplar. */
  observeTraced(value: number, traceId: string, atMs: number): void {
    this.#family.observe(this.#row, value)
    this.traceId = traceId
    this.value = value
    this.atMs = atMs
  }

  get row(): number {
    return this.#row
  }

  /** The last traced call that was counted. */
  get exemplar(): Exemplar | undefined {
    return this.traceId === '' ? undefined : this
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
  /** Rows of series that were dropped. */
  readonly #free: number[] = []

  constructor(options: FamilyOptions, bounds: readonly number[], context: FamilyContext) {
    super(options, context)
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

  override get heldBytes(): number {
    return super.heldBytes + this.#cells.byteLength
  }

  protected override create(labelText: string): Histogram {
    const free = this.#free.pop()
    if (free !== undefined) return new Histogram(this, labelText, free)
    const row = this.#rows
    this.#rows += 1
    if (this.#rows * this.#width > this.#cells.length) this.#grow()
    return new Histogram(this, labelText, row)
  }

  protected override dropped(child: Histogram): void {
    this.row(child.row).fill(0)
    this.#free.push(child.row)
  }

  /** How often it was counted. */
  protected override activityOf(child: Histogram): number {
    const cells = child.cells
    let count = 0
    for (let bucket = 0; bucket < this.#width - 1; bucket += 1) count += cells[bucket] ?? 0
    return count
  }

  #grow(): void {
    const larger = new Float64Array(this.#cells.length * 2)
    larger.set(this.#cells)
    this.#cells = larger
  }
}
