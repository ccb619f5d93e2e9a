/**
 * What calls at a steady pace wait for a program, from where it was measured best: the section that measures all in turn,
 * and where a result has none, the main table.
 */
import { rowFigures } from './figures.ts'
import type { BenchResult } from './result.ts'
import { sectionFigures } from './section-figures.ts'
import { latency } from './sections/latency.ts'

export interface LatencyFigures {
  readonly addedP50Ms: number
  readonly addedP99Ms: number
  readonly cpuMicroseconds: number
}

/** @returns by the name of the row. */
export function latencyFigures(result: BenchResult): ReadonlyMap<string, LatencyFigures> {
  const section = result.sections.find(({ name }) => name === latency.name)
  const rows = section === undefined ? [] : sectionFigures(latency, section)
  return new Map([
    ...rowFigures(result).map(({ name, addedP50Ms, addedP99Ms }): readonly [string, LatencyFigures] => {
      return [name, { addedP50Ms, addedP99Ms, cpuMicroseconds: Number.NaN }]
    }),
    ...rows
      .filter(({ failure }) => failure === undefined)
      .map(({ name, cells }): readonly [string, LatencyFigures] => {
        const [addedP50Ms = Number.NaN, addedP99Ms = Number.NaN, cpuMicroseconds = Number.NaN] = cells
        return [name, { addedP50Ms, addedP99Ms, cpuMicroseconds }]
      }),
  ])
}
