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
    { ...COST, title: 'goes into it', against: { row: 'base', as: 'quotient' } },
  ],
}

function round(cpuMicrosecondsPerCall: number): SectionRound {
  return {
    small: {
      kind: 'closed-loop',
      calls: 10,
      callsPerSecond: 1,
      failures: 1,
      cpuMicrosecondsPerCall,
      servers: 1,
      busiestMicrosecondsPerOwnCall: 0,
    },
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
    [20, 1, 0, 1],
    [40, 2, 20, 0.5],
  ])
})

test('of a column that says so the least of the rounds is taken', () => {
  const section: Section = { ...SECTION, columns: [{ ...COST, take: 'least' }] }
  const rows = [row('base', [round(30), round(10), {}, round(20)]), row('failed', [])]
  const figures = sectionFigures(section, { name: 'test', date: '2026-11-23', rows })
  expect(figures.map(({ cells }) => cells)).toEqual([[10], [NaN]])
})

test('a round without the measure, and a row that it is compared with and that failed, leave the other figures', () => {
  const base = row('base', [], 'it is not there')
  const other = row('other', [round(20), {}, round(40)])
  expect(cellsOf(base, other)).toEqual([
    [NaN, NaN, NaN, NaN],
    [30, NaN, NaN, NaN],
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

test('a curve says in words what its last row costs of its first', () => {
  const curve = SECTIONS.find(({ name }) => name === 'deployments')
  const at = (cpuMicrosecondsPerCall: number): SectionRound => ({
    steady: {
      kind: 'open-loop',
      calls: 10,
      p50Ms: 1,
      p99Ms: 1,
      maxMs: 1,
      failures: 0,
      cpuMicrosecondsPerCall,
    },
  })
  const rows = [row('sluice-deployments-2', [at(100)]), row('sluice-deployments-2000', [at(104)])]
  const figures = sectionFigures(curve!, { name: 'deployments', date: '2026-11-23', rows })
  expect(curve?.conclusion?.(figures)).toBe(
    'From “Title of sluice-deployments-2” to “Title of sluice-deployments-2000”, the cost of a call is 1.04 times what it was.',
  )
  expect(curve?.conclusion?.(figures.slice(0, 1))).toBeUndefined()
})

test('workers scale by what each of them takes for a call of its own', () => {
  const section = SECTIONS.find(({ name }) => name === 'workers')
  const at = (servers: number, busiestMicrosecondsPerOwnCall: number): SectionRound => ({
    small: {
      kind: 'closed-loop',
      calls: 10,
      callsPerSecond: 1,
      failures: 0,
      cpuMicrosecondsPerCall: busiestMicrosecondsPerOwnCall,
      servers,
      busiestMicrosecondsPerOwnCall,
    },
  })
  const rows = [
    row('sluice', [at(1, 100)]),
    row('sluice-workers-one-core', [at(2, 128)]),
    row('sluice-workers', [at(2, 102)]),
  ]
  const figures = sectionFigures(section!, { name: 'workers', date: '2026-11-23', rows })
  expect(section?.conclusion?.(figures)).toBe(
    'Two workers serve 1.96 times what one process does, by CPU a call, each on a core of its own, and 1.56 times where ' +
      'they share one core and its caches.',
  )
  const redis = sectionFigures(section!, {
    name: 'workers',
    date: '2026-11-23',
    rows: [...rows, row('sluice-redis', [at(1, 120)]), row('sluice-workers-redis', [at(2, 128)])],
  })
  expect(section?.conclusion?.(redis)).toContain(
    'With Redis, two on a core each serve 1.88 times what one does with Redis.',
  )
})
