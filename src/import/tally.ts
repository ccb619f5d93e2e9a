/** Counts what became of the rows of each kind, for the report. */
import type { RowOutcome } from '../storage/queries/imported-rows.ts'

/** How many names the report gives for one reason. */
const MOST_EXAMPLES = 5

export interface Reason {
  readonly reason: string
  readonly count: number
  /** Some of the rows, by id or alias. */
  readonly examples: readonly string[]
}

export interface TableReport {
  readonly name: string
  readonly read: number
  readonly new: number
  readonly changed: number
  readonly same: number
  readonly skipped: number
  readonly skippedBecause: readonly Reason[]
  /** What was taken, but is not as it was. */
  readonly adjusted: readonly Reason[]
}

/** Why a row that was judged so is not written. */
const SKIPPED: Readonly<Partial<Record<RowOutcome, string>>> = {
  present: 'is here already, and was not imported',
  edited: 'has changed in the source, but was changed here since its import',
  deleted: 'has changed in the source, but was deleted here since its import',
}

export class TableTally {
  readonly #name: string
  #read = 0
  readonly #written = { new: 0, changed: 0, same: 0 }
  readonly #skipped = new Map<string, { count: number; examples: string[] }>()
  readonly #adjusted = new Map<string, { count: number; examples: string[] }>()

  constructor(name: string) {
    this.#name = name
  }

  get read(): number {
    return this.#read
  }

  /** A row that is left where it is, and why. */
  leave(label: string, reason: string): void {
    this.#read += 1
    count(this.#skipped, reason, label)
  }

  /** A row that was not read one by one. */
  leaveMany(rows: number, reason: string): void {
    if (rows === 0) return
    this.#read += rows
    this.#skipped.set(reason, { count: rows, examples: [] })
  }

  judge(label: string, outcome: RowOutcome, notes: readonly string[]): void {
    const reason = SKIPPED[outcome]
    if (reason !== undefined) return this.leave(label, reason)
    this.add({ [outcome]: 1 })
    for (const note of new Set(notes)) count(this.#adjusted, note, label)
  }

  /** Rows that were judged together. */
  add(rows: { readonly new?: number; readonly changed?: number; readonly same?: number }): void {
    this.#written.new += rows.new ?? 0
    this.#written.changed += rows.changed ?? 0
    this.#written.same += rows.same ?? 0
    this.#read += (rows.new ?? 0) + (rows.changed ?? 0) + (rows.same ?? 0)
  }

  report(): TableReport {
    const skippedBecause = reasons(this.#skipped)
    return {
      name: this.#name,
      read: this.#read,
      ...this.#written,
      skipped: skippedBecause.reduce((sum, { count: rows }) => sum + rows, 0),
      skippedBecause,
      adjusted: reasons(this.#adjusted),
    }
  }
}

function count(
  reasonsSoFar: Map<string, { count: number; examples: string[] }>,
  reason: string,
  label: string,
): void {
  const known = reasonsSoFar.get(reason) ?? { count: 0, examples: [] }
  known.count += 1
  if (known.examples.length < MOST_EXAMPLES) known.examples.push(label)
  reasonsSoFar.set(reason, known)
}

function reasons(counted: ReadonlyMap<string, { count: number; examples: string[] }>): readonly Reason[] {
  return [...counted].map(([reason, { count: rows, examples }]) => ({ reason, count: rows, examples }))
}
