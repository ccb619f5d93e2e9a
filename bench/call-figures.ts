/**
 * What a call of 1 KB costs, from where it was measured best: the section that measures all rows in turn, and where a
 * result has none, the main table.
 */
import { rowFigures } from './figures.ts'
import type { BenchResult } from './result.ts'
import { sectionFigures } from './section-figures.ts'
import { calls } from './sections/calls.ts'
import { forms } from './sections/forms.ts'

export interface CallFigures {
  readonly microseconds: number
  /** In the half second in which it was least; NaN where that was not measured. */
  readonly calmestMicroseconds: number
  /** Of what the relay of node:http and undici takes; NaN where that is not there. */
  readonly multiple: number
}

/** @returns what is known of each row, by its name. */
export function callFigures(result: BenchResult): ReadonlyMap<string, CallFigures> {
  const section = result.sections.find(({ name }) => name === calls.name)
  if (section === undefined) return ofMainTable(result)
  return new Map(
    sectionFigures(calls, section).map(({ name, cells }) => {
      const [microseconds = Number.NaN, calmestMicroseconds = Number.NaN, multiple = Number.NaN] = cells
      return [name, { microseconds, calmestMicroseconds, multiple }]
    }),
  )
}

/** Those with Redis are not in the main table. */
function ofMainTable(result: BenchResult): ReadonlyMap<string, CallFigures> {
  const rows = rowFigures(result)
  const relay = rows.find(({ name }) => name === 'reference')?.chat1kMicroseconds ?? Number.NaN
  const section = result.sections.find(({ name }) => name === forms.name)
  const ofForms = section === undefined ? [] : sectionFigures(forms, section)
  return new Map([
    ...ofForms.map(({ name, cells: [cost = Number.NaN] }) => [name, costing(cost, Number.NaN)] as const),
    ...rows.map(({ name, chat1kMicroseconds: cost }) => [name, costing(cost, cost / relay)] as const),
  ])
}

function costing(microseconds: number, multiple: number): CallFigures {
  return { microseconds, calmestMicroseconds: Number.NaN, multiple }
}
