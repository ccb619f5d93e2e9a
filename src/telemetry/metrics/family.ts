/**
 * What counters, gauges and histograms have in common: a name, labels, and a bounded set of series.
 */
import { escapeLabelValue } from './label-value.ts'

/** Series a metric may have when neither its definition nor the configuration says otherwise. */
export const DEFAULT_MAX_SERIES = 10_000

/** The value of labels whose own value was given up to keep a metric bounded. */
export const OTHER = 'other'

/** What a series takes beside its labels: measured. */
const SERIES_BYTES = 150

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
  /** A series that has not changed for so long is dropped; undefined keeps it. */
  readonly idleAfterMs?: number | undefined
  /** Of a gauge. Default: `sum`. */
  readonly acrossWorkers?: AcrossWorkers
}

/** What all families of a registry share. */
export interface FamilyContext {
  /** Makes a label value fit to be shown. */
  readonly clean: (value: string) => string
  readonly onOverflow: (metric: string) => void
  /** False for a metric that the configuration takes out: it is counted nowhere. */
  readonly isShown: (metric: string) => boolean
  readonly isLabelShown: (metric: string, label: string) => boolean
}

/** A series by its label values; `labelText` is `{a="1",b="2"}`, or empty without labels. */
export interface Series {
  readonly labelText: string
}

interface Idle {
  readonly activity: number
  readonly sinceMs: number
}

export abstract class Family<Child extends Series> {
  readonly name: string
  readonly help: string
  /** Those that are shown. */
  readonly labels: readonly string[]
  readonly maxSeries: number
  readonly acrossWorkers: AcrossWorkers
  readonly isShown: boolean
  readonly #idleAfterMs: number | undefined
  /** Places of the labels that are shown, among those that values are given for; undefined when all are. */
  readonly #kept: readonly number[] | undefined
  readonly #volatile: readonly boolean[]
  readonly #hasVolatile: boolean
  readonly #othersKey: string
  readonly #children = new Map<string, Child>()
  /** Characters of the labels of all series. */
  #labelLength = 0
  /** By the key of a series: how active it was when it last changed. Only where idle series are dropped. */
  readonly #idle = new Map<string, Idle>()
  readonly #clean: (value: string) => string
  readonly #onOverflow: (metric: string) => void

  constructor(options: FamilyOptions, context: FamilyContext) {
    const { name, labels, volatileLabels = [] } = options
    this.name = name
    this.help = options.help
    this.isShown = context.isShown(name)
    this.labels = this.isShown ? labels.filter((label) => context.isLabelShown(name, label)) : []
    this.#kept =
      this.labels.length === labels.length ? undefined : this.labels.map((label) => labels.indexOf(label))
    this.maxSeries = options.maxSeries ?? DEFAULT_MAX_SERIES
    this.acrossWorkers = options.acrossWorkers ?? 'sum'
    this.#idleAfterMs = labels.length === 0 ? undefined : options.idleAfterMs
    this.#volatile = this.labels.map((label) => volatileLabels.includes(label))
    this.#hasVolatile = this.#volatile.includes(true)
    this.#othersKey = this.labels.map(() => OTHER).join('\0')
    this.#clean = context.clean
    this.#onOverflow = context.onOverflow
  }

  protected abstract create(labelText: string): Child

  /** Called when a series is dropped. */
  protected abstract dropped(child: Child): void

  /** A number that is another one when the series was counted since. */
  protected abstract activityOf(child: Child): number

  get size(): number {
    return this.#children.size
  }

  /** Memory of the series, from their number and the length of their labels, which each is found and shown by. */
  get heldBytes(): number {
    return this.#children.size * SERIES_BYTES + this.#labelLength * 2
  }

  /**
   * The series with these label values, in the order of the labels it was made with. Past the bound it is the series
   * whose volatile labels are `other`, and past twice the bound the one whose labels are all `other`.
   */
  series(values: readonly string[]): Child {
    return this.seriesOfClean(values.map(this.#clean))
  }

  /** As `series`, for values that are fit to be shown already. */
  seriesOfClean(values: readonly string[]): Child {
    const shown = this.#shown(values)
    const known = this.#children.get(shown.join('\0'))
    if (known !== undefined) return known
    if (this.#children.size < this.maxSeries) return this.#make(shown)
    this.#onOverflow(this.name)
    return this.#hasVolatile ? this.#folded(shown) : this.#ofOthers()
  }

  /** As `series`; undefined past the bound, for values that mean nothing when they are folded together. */
  seriesWithinBound(values: readonly string[]): Child | undefined {
    const cleaned = this.#shown(values).map(this.#clean)
    const known = this.#children.get(cleaned.join('\0'))
    if (known !== undefined) return known
    if (this.#children.size < this.maxSeries) return this.#make(cleaned)
    this.#onOverflow(this.name)
    return undefined
  }

  children(): IterableIterator<Child> {
    return this.#children.values()
  }

  /**
   * Drops the series that have not changed for the time that the family was made with.
   * @returns how many: whoever holds a series has to ask for it again.
   */
  dropIdle(nowMs: number): number {
    const idleAfterMs = this.#idleAfterMs
    if (idleAfterMs === undefined) return 0
    let count = 0
    for (const [key, child] of this.#children) {
      const activity = this.activityOf(child)
      const known = this.#idle.get(key)
      if (known?.activity !== activity) this.#idle.set(key, { activity, sinceMs: nowMs })
      else if (nowMs - known.sinceMs >= idleAfterMs) {
        this.#drop(key, child)
        count += 1
      }
    }
    return count
  }

  /**
   * Drops the series for which `keep` is false.
   * @returns how many: whoever holds a series has to ask for it again.
   */
  retain(keep: (child: Child) => boolean): number {
    let count = 0
    for (const [key, child] of this.#children) {
      if (keep(child)) continue
      this.#drop(key, child)
      count += 1
    }
    return count
  }

  #shown(values: readonly string[]): readonly string[] {
    return this.#kept === undefined ? values : this.#kept.map((place) => values[place] ?? '')
  }

  /** The series without its volatile labels. */
  #folded(shown: readonly string[]): Child {
    const stable = shown.map((value, index) => (this.#volatile[index] === true ? OTHER : value))
    const known = this.#children.get(stable.join('\0'))
    if (known !== undefined) return known
    return this.#children.size < 2 * this.maxSeries ? this.#make(stable) : this.#ofOthers()
  }

  /** The series of all that has no room. */
  #ofOthers(): Child {
    return this.#children.get(this.#othersKey) ?? this.#make(this.labels.map(() => OTHER))
  }

  #drop(key: string, child: Child): void {
    this.#children.delete(key)
    this.#idle.delete(key)
    this.#labelLength -= child.labelText.length
    this.dropped(child)
  }

  #make(values: readonly string[]): Child {
    const child = this.create(labelTextOf(this.labels, values))
    this.#children.set(values.join('\0'), child)
    this.#labelLength += child.labelText.length
    return child
  }
}

/** `{a="1",b="2"}`, or nothing without labels. */
export function labelTextOf(labels: readonly string[], values: readonly string[]): string {
  const pairs = labels.map((label, index) => `${label}="${escapeLabelValue(values[index] ?? '')}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}
