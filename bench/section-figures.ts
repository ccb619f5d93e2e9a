/** The figures of a section's table: medians over its rounds, or the least of them; each round compared within itself. */
import type { SectionResult, SectionRound, SectionRow } from './result.ts'
import type { Section, SectionColumn } from './section.ts'
import { median } from './statistics.ts'

export interface SectionFigures {
  readonly name: string
  readonly title: string
  readonly settings: string
  readonly failure: string | undefined
  /** One a column; NaN for what was not measured. */
  readonly cells: readonly number[]
  /** Calls that were not answered with 200. */
  readonly failures: number
}

export function sectionFigures(section: Section, result: SectionResult): SectionFigures[] {
  return result.rows.map((row) => ({
    name: row.name,
    title: row.title,
    settings: row.settings,
    failure: row.failure,
    cells: section.columns.map((column) => cellOf(column, row, result.rows)),
    failures: row.rounds
      .flatMap((round) => Object.values(round))
      .reduce((sum, { failures }) => sum + failures, 0),
  }))
}

function cellOf({ of, against, take }: SectionColumn, row: SectionRow, rows: readonly SectionRow[]): number {
  const reference = rows.find(({ name }) => name === against?.row)
  const values = row.rounds.map((round, index) => {
    if (against === undefined) return of(round)
    const other: SectionRound = reference?.rounds[index] ?? {}
    return compared(of(round), of(other), against.as)
  })
  const known = values.filter((value) => !Number.isNaN(value))
  return take === 'least' && known.length > 0 ? Math.min(...known) : median(known)
}

function compared(value: number, other: number, as: NonNullable<SectionColumn['against']>['as']): number {
  switch (as) {
    case 'multiple':
      return value / other
    case 'difference':
      return value - other
    case 'quotient':
      return other / value
  }
}
