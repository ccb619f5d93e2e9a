/**
 * What calls at a steady pace wait for a program, from where it was measured best: the section that measures all in turn,
 * and where a result has none, the main table.
 */
import { rowFigures } from './figures.ts'
import type { BenchResult } from './result.ts'
import { sectionFigures } from './section-figures.ts'
import { latency } from './sections/latency.ts'
import { sluice } from './sluice-targets.ts'

export interface LatencyFigures {
  readonly addedP50Ms: number
  readonly addedP99Ms: number
  /** User and system time of all threads, a call; NaN where only the main table has the row. */
  readonly cpuMicroseconds: number
}

/** @returns by the name of the row, all of one run: a row that failed in it is not there. */
export function latencyFigures(result: BenchResult): ReadonlyMap<string, LatencyFigures> {
  const inTurn = ofSection(result)
  return inTurn.has(sluice.name) ? inTurn : ofMainTable(result)
}

function ofSection(result: BenchResult): ReadonlyMap<string, LatencyFigures> {
  const section = result.sections.find(({ name }) => name === latency.name)
  const rows = section === undefined ? [] : sectionFigures(latency, section)
  return new Map(
    rows
      .map(({ name, cells }): readonly [string, LatencyFigures] => {
        const [addedP50Ms = Number.NaN, addedP99Ms = Number.NaN, cpuMicroseconds = Number.NaN] = cells
        return [name, { addedP50Ms, addedP99Ms, cpuMicroseconds }]
      })
      .filter(([, { addedP50Ms, addedP99Ms }]) => Number.isFinite(addedP50Ms + addedP99Ms)),
  )
}

function ofMainTable(result: BenchResult): ReadonlyMap<string, LatencyFigures> {
  return new Map(
    rowFigures(result).map(({ name, addedP50Ms, addedP99Ms }) => [
      name,
      { addedP50Ms, addedP99Ms, cpuMicroseconds: Number.NaN },
    ]),
  )
}
