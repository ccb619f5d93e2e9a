/**
 * What a call of 1 KB costs, from where it was measured best: the section that measures all rows in turn, and where a
 * result has none, the main table.
 */
import { rowFigures } from './figures.ts'
import { reference } from './reference.ts'
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

const UNKNOWN: CallFigures = {
  microseconds: Number.NaN,
  calmestMicroseconds: Number.NaN,
  multiple: Number.NaN,
}

/** @returns what is known of each row, by its name: what the section lacks is of the main table. */
export function callFigures(result: BenchResult): ReadonlyMap<string, CallFigures> {
  const all = new Map(ofMainTable(result))
  const section = result.sections.find(({ name }) => name === calls.name)
  if (section === undefined) return all
  for (const { name, cells } of sectionFigures(calls, section)) {
    const { microseconds, multiple } = all.get(name) ?? UNKNOWN
    const [ofSection = Number.NaN, calmestMicroseconds = Number.NaN, multipleOfSection = Number.NaN] = cells
    all.set(name, {
      microseconds: Number.isNaN(ofSection) ? microseconds : ofSection,
      calmestMicroseconds,
      multiple: Number.isNaN(multipleOfSection) ? multiple : multipleOfSection,
    })
  }
  return all
}

/** Those with Redis are not in the main table. */
function* ofMainTable(result: BenchResult): Generator<readonly [string, CallFigures]> {
  const rows = rowFigures(result)
  const section = result.sections.find(({ name }) => name === forms.name)
  for (const { name, cells } of section === undefined ? [] : sectionFigures(forms, section))
    yield [name, { ...UNKNOWN, microseconds: cells[0] ?? Number.NaN }]
  const relay = rows.find(({ name }) => name === reference.name)?.chat1kMicroseconds ?? Number.NaN
  for (const { name, chat1kMicroseconds: microseconds } of rows)
    yield [name, { ...UNKNOWN, microseconds, multiple: microseconds / relay }]
}
