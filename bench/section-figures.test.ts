import { expect, test } from 'vitest'
import type { SectionResult, SectionRound } from './result.ts'
import { callCost, multipleOf, type Section } from './section.ts'
import { sectionFigures } from './section-figures.ts'
import { SECTIONS } from './sections/index.ts'

const COST = callCost('CPU µs a call', 'small')

const SECTION: Section = {
  name: 'test',
  title: 'A section',
  about: 'For a test.',
  order: 'side by side',
  rounds: 3,
  targets: [],
  measures: [],
  columns: [
    COST,
    multipleOf('base', COST, '× base'),
    { ...COST, title: 'on top', against: { row: 'base', as: 'difference' } },
  ],
}

function round(cpuMicrosecondsPerCall: number): SectionRound {
  return {
    small: { kind: 'closed-loop', calls: 10, callsPerSecond: 1, failures: 1, cpuMicrosecondsPerCall },
  }
}

function row(name: string, rounds: SectionRound[], failure?: string): SectionResult['rows'][number] {
  return { name, title: `Title of ${name}`, settings: '', rounds, failure }
}

function cellsOf(...rows: SectionResult['rows'][number][]): readonly (readonly number[])[] {
  return sectionFigures(SECTION, { name: 'test', date: '2026-11-23', rows }).map(({ cells }) => cells)
}

test('rows are compared within a round, so that a machine that slows down changes no multiple', () => {
  const base = row('base', [round(10), round(100), round(20)])
  const other = row('other', [round(20), round(200), round(40)])
  expect(cellsOf(base, other)).toEqual([
    [20, 1, 0],
    [40, 2, 20],
  ])
})

test('a round without the measure, and a row that it is compared with and that failed, leave the other figures', () => {
  const base = row('base', [], 'it is not there')
  const other = row('other', [round(20), {}, round(40)])
  expect(cellsOf(base, other)).toEqual([
    [NaN, NaN, NaN],
    [30, NaN, NaN],
  ])
})

test('calls that failed are added up over all rounds', () => {
  const [figures] = sectionFigures(SECTION, {
    name: 'test',
    date: '2026-11-23',
    rows: [row('base', [round(1), round(2)])],
  })
  expect(figures?.failures).toBe(2)
})

test('what a column of a section is compared with is a row of it, and names are unique', () => {
  expect(new Set(SECTIONS.map(({ name }) => name)).size).toBe(SECTIONS.length)
  for (const { targets, columns } of SECTIONS) {
    const names = targets.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const { against } of columns) if (against !== undefined) expect(names).toContain(against.row)
  }
})
