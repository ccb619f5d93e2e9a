/**
 * What counters, gauges and histograms have in common: a name, labels, and a bounded set of series.
 */
import { escapeLabelValue } from './label-value.ts'

/** Series a metric may have when neither its definition nor the configuration says otherwise. */
export const DEFAULT_MAX_SERIES = 10_000

/** The value of labels whose own value was given up to keep a metric bounded. */
export const OTHER = 'other'

/** How the values of several worker processes make one: counters and histograms are always added up. */
export type AcrossWorkers = 'sum' | 'max' | 'min'

export interface FamilyOptions {
  /** The full sample name; counters end in `_total`. */
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  /** How many series may be told apart. */
  readonly maxSeries?: number | undefined
  /** Labels whose values clients choose freely. They are the first to become `other` when the bound is met. */
  readonly volatileLabels?: readonly string[]
  /** Of a gauge. Default: `sum`. */
  readonly acrossWorkers?: AcrossWorkers
}

/** A series by its label values; `labelText` is `{a="1",b="2"}`, or empty without labels. */
export interface Series {
  readonly labelText: string
}

export abstract class Family<Child extends Series> {
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  readonly maxSeries: number
  readonly acrossWorkers: AcrossWorkers
  readonly #volatile: readonly boolean[]
  readonly #children = new Map<string, Child>()
  readonly #clean: (value: string) => string
  readonly #onOverflow: (metric: string) => void

  constructor(
    options: FamilyOptions,
    clean: (value: string) => string,
    onOverflow: (metric: string) => void,
  ) {
    this.name = options.name
    this.help = options.help
    this.labels = options.labels
    this.maxSeries = options.maxSeries ?? DEFAULT_MAX_SERIES
    this.acrossWorkers = options.acrossWorkers ?? 'sum'
    this.#volatile = options.labels.map((label) => options.volatileLabels?.includes(label) === true)
    this.#clean = clean
    this.#onOverflow = onOverflow
  }

  protected abstract create(labelText: string): Child

  /**
   * The series with these label values, in the order of `labels`. Past the bound it is the series whose volatile
   * labels are `other`, and past twice the bound the one whose labels are all `other`.
   */
  series(values: readonly string[]): Child {
    const cleaned = values.map(this.#clean)
    const known = this.#children.get(cleaned.join('\0'))
    if (known !== undefined) return known
    if (this.#children.size < this.maxSeries) return this.#make(cleaned)
    this.#onOverflow(this.name)
    const stable = cleaned.map((value, index) => (this.#volatile[index] === true ? OTHER : value))
    const folded = this.#children.get(stable.join('\0'))
    if (folded !== undefined) return folded
    const hasVolatile = this.#volatile.includes(true)
    if (hasVolatile && this.#children.size < 2 * this.maxSeries) return this.#make(stable)
    const everything = cleaned.map(() => OTHER)
    return this.#children.get(everything.join('\0')) ?? this.#make(everything)
  }

  children(): IterableIterator<Child> {
    return this.#children.values()
  }

  #make(values: readonly string[]): Child {
    const child = this.create(labelTextOf(this.labels, values))
    this.#children.set(values.join('\0'), child)
    return child
  }
}

/** `{a="1",b="2"}`, or nothing without labels. */
export function labelTextOf(labels: readonly string[], values: readonly string[]): string {
  const pairs = labels.map((label, index) => `${label}="${escapeLabelValue(values[index] ?? '')}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}
