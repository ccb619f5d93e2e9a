/** What becomes of a row of the source: a row here with its spend, or nothing and why. */
import type { ImportedRow, ImportTarget } from '../storage/queries/imported-rows.ts'
import type { ForeignSpend } from '../storage/queries/imported-spend.ts'
import type { SourceRow } from './source-row.ts'

export interface TakenRow {
  /** What it is called in the report: an id or an alias, never a secret. */
  readonly label: string
  readonly row: ImportedRow
  readonly spend?: ForeignSpend | undefined
  /** What is not as it was, in the words of the report. */
  readonly notes: readonly string[]
}

export interface LeftRow {
  readonly label: string
  readonly left: string
  /** Spend that goes elsewhere though the row does not come. */
  readonly spend?: ForeignSpend | undefined
}

export type MappedRow = TakenRow | LeftRow

/** Rows of one table of the source that become rows of one table here. */
export interface RowKind {
  /** As the report names them. */
  readonly name: string
  readonly table: string
  readonly key: readonly string[]
  readonly target: ImportTarget
  readonly map: (row: SourceRow) => MappedRow
}
