/** The table of a chaos run, for the terminal and for docs/reliability.md. */
import { picodollars, toDecimal } from '../../src/money/picodollars.ts'
import type { Outcome, Scenario } from './scenario.ts'

export interface Played {
  readonly scenario: Scenario
  readonly outcome: Outcome
  readonly seconds: number
}

const HEAD = [
  'scenario',
  'calls',
  'failed',
  'spend difference USD',
  'added p99 ms',
  'recovered after s',
  'verdict',
]

export function verdictOf({ outcome }: Played): 'ok' | 'FAILED' {
  return outcome.faults.length === 0 ? 'ok' : 'FAILED'
}

function cellsOf(played: Played): readonly string[] {
  const { outcome, scenario } = played
  const estimated = outcome.estimatedRows === 0 ? '' : ` (${outcome.estimatedRows} estimated)`
  return [
    scenario.name,
    String(outcome.calls),
    String(outcome.failures),
    `${toDecimal(picodollars(outcome.differencePicodollars))}${estimated}`,
    figure(outcome.addedP99Ms, 0),
    figure(outcome.recoveryMs / 1_000, 1),
    verdictOf(played),
  ]
}

/** A dash for what was not measured. */
function figure(value: number, decimals: number): string {
  return Number.isFinite(value) ? value.toFixed(decimals) : '–'
}

/** Columns under one another; then the notes, and the faults of what failed. */
export function renderTable(all: readonly Played[]): string {
  const lines = [HEAD, ...all.map(cellsOf)]
  const widths = HEAD.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  const table = lines.map((line) =>
    line
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  )
  return [...table, '', ...all.flatMap(remarksOf)].join('\n')
}

const MAX_FAULTS_SHOWN = 20

/** Lines about one scenario. */
export function remarksOf({ scenario, outcome }: Played): readonly string[] {
  const shown = outcome.faults.slice(0, MAX_FAULTS_SHOWN)
  const hidden = outcome.faults.length - shown.length
  return [
    ...outcome.notes.map((note) => `${scenario.name}: ${note}`),
    ...shown.map((fault) => `${scenario.name}: FAULT ${fault}`),
    ...(hidden === 0 ? [] : [`${scenario.name}: and ${hidden} faults more`]),
  ]
}

/** @param earlier the table as it stands: the rows of scenarios that were not played now are kept. */
export function renderMarkdown(all: readonly Played[], order: readonly Scenario[], earlier: string): string {
  const head = [...HEAD, 'figures of its own']
  const rule = head.map((_, column) => (column === 0 || column >= HEAD.length - 1 ? '---' : '---:'))
  const rows = order.flatMap(({ name }) => {
    const played = all.find(({ scenario }) => scenario.name === name)
    if (played !== undefined) return [rowOf([...cellsOf(played), played.outcome.notes.join('; ')])]
    return earlier.split('\n').filter((line) => line.startsWith(`| ${name} |`))
  })
  return [rowOf(head), rowOf(rule), ...rows].join('\n')
}

function rowOf(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`
}
