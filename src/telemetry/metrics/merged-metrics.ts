/** The metrics of several processes as those of one: counts are added up, gauges by what they mean. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { ShownFamily, ShownMetrics } from './exposition.ts'
import { labelTextOf, OTHER, type AcrossWorkers } from './family.ts'
import type { Exemplar } from './histogram.ts'
import type { FamilySnapshot } from './snapshot.ts'

/** So many series are merged at a time, some milliseconds’ work. */
const ROWS_A_TURN = 1_000

export class MergedMetrics implements ShownMetrics {
  readonly #families = new Map<string, MergedFamily>()

  /** Adds the numbers of a process that lives. */
  add(snapshots: readonly FamilySnapshot[]): void {
    for (const snapshot of snapshots) this.#familyFor(snapshot).add(snapshot, Infinity)
  }

  /** As `add`, with the event loop going on between: calls do not wait for the series of many workers. */
  async addInTurns(snapshots: readonly FamilySnapshot[]): Promise<void> {
    let rows = 0
    for (const snapshot of snapshots) {
      this.add([snapshot])
      rows += snapshot.labelTexts.length
      if (rows < ROWS_A_TURN) continue
      rows = 0
      await nextTurn()
    }
  }

  /**
   * Keeps the counts of a process that is gone: they never fall for that. Its gauges are gone with it. Series beyond a
   * metric's bound become one whose labels are all `other`, for the processes of a year bring more and more of them.
   */
  addCounts(snapshots: readonly FamilySnapshot[]): void {
    for (const snapshot of snapshots) {
      if (snapshot.type !== 'gauge') this.#familyFor(snapshot).add(snapshot, snapshot.maxSeries)
    }
  }

  collect(): void {}

  async collectInTurns(): Promise<void> {}

  families(): readonly ShownFamily[] {
    return [...this.#families.values()]
      .map((family) => family.shown())
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  toSnapshots(): readonly FamilySnapshot[] {
    return [...this.#families.values()].map((family) => family.toSnapshot())
  }

  #familyFor(snapshot: FamilySnapshot): MergedFamily {
    let family = this.#families.get(snapshot.name)
    if (family === undefined) {
      family = new MergedFamily(snapshot)
      this.#families.set(snapshot.name, family)
    }
    return family
  }
}

class MergedFamily {
  readonly #first: FamilySnapshot
  readonly #width: number
  readonly #rows = new Map<string, Float64Array>()
  readonly #exemplars = new Map<string, Exemplar>()

  constructor(first: FamilySnapshot) {
    this.#first = first
    this.#width = widthOf(first)
  }

  /** Buckets that were changed between the starts of two processes cannot be added up: the first ones stay. */
  add(snapshot: FamilySnapshot, maxSeries: number): void {
    if (String(snapshot.bounds) !== String(this.#first.bounds)) return
    const merge = snapshot.type === 'gauge' ? MERGE[snapshot.acrossWorkers] : MERGE.sum
    for (const [index, labelText] of snapshot.labelTexts.entries()) {
      const numbers = snapshot.numbers.subarray(index * this.#width, (index + 1) * this.#width)
      const text = this.#rows.size < maxSeries ? labelText : this.#boundedText(labelText)
      this.#addRow(text, numbers, merge)
      const exemplar = snapshot.exemplars?.get(index)
      if (exemplar !== undefined && (this.#exemplars.get(text)?.atMs ?? 0) < exemplar.atMs)
        this.#exemplars.set(text, exemplar)
    }
  }

  shown(): ShownFamily {
    const { name, help, unit, bounds } = this.#first
    const rows = this.#rows
    switch (this.#first.type) {
      case 'counter':
        return { type: 'counter', name, help, unit, children: () => valuesOf(rows) }
      case 'gauge':
        return { type: 'gauge', name, help, children: () => valuesOf(rows) }
      case 'histogram':
        return { type: 'histogram', name, help, bounds, children: () => cellsOf(rows, this.#exemplars) }
    }
  }

  toSnapshot(): FamilySnapshot {
    const numbers = new Float64Array(this.#rows.size * this.#width)
    const labelTexts = [...this.#rows.keys()]
    const exemplars = new Map<number, Exemplar>()
    for (const [index, labelText] of labelTexts.entries()) {
      numbers.set(this.#rows.get(labelText) ?? [], index * this.#width)
      const exemplar = this.#exemplars.get(labelText)
      if (exemplar !== undefined) exemplars.set(index, exemplar)
    }
    return { ...this.#first, labelTexts, numbers, exemplars }
  }

  #boundedText(labelText: string): string {
    if (this.#rows.has(labelText)) return labelText
    const { labels } = this.#first
    return labelTextOf(
      labels,
      labels.map(() => OTHER),
    )
  }

  #addRow(labelText: string, numbers: Float64Array, merge: (a: number, b: number) => number): void {
    const row = this.#rows.get(labelText)
    if (row === undefined) {
      this.#rows.set(labelText, numbers.slice())
      return
    }
    for (let index = 0; index < row.length; index += 1) {
      row[index] = merge(row[index] ?? 0, numbers[index] ?? 0)
    }
  }
}

const MERGE: Readonly<Record<AcrossWorkers, (a: number, b: number) => number>> = {
  sum: (a, b) => a + b,
  max: Math.max,
  min: Math.min,
}

function widthOf({ type, bounds }: FamilySnapshot): number {
  return type === 'histogram' ? bounds.length + 2 : 1
}

function* valuesOf(rows: ReadonlyMap<string, Float64Array>) {
  for (const [labelText, row] of rows) yield { labelText, value: row[0] ?? 0 }
}

function* cellsOf(rows: ReadonlyMap<string, Float64Array>, exemplars: ReadonlyMap<string, Exemplar>) {
  for (const [labelText, cells] of rows) yield { labelText, cells, exemplar: exemplars.get(labelText) }
}
