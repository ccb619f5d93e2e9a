/** What an import has done, as data and as text for a terminal. No secret is in it: rows are named by id or alias. */
import type { Reason, TableReport } from './tally.ts'
import type { SourceIdentity } from './source.ts'

export interface NotTaken {
  readonly table: string
  readonly reason: string
}

export interface ImportReport {
  readonly dryRun: boolean
  readonly startedAt: string
  readonly endedAt: string
  readonly source: SourceIdentity & {
    readonly newestMigration: string | null
    /** Columns that this version does not know, and so has not taken. */
    readonly unknownColumns: readonly string[]
  }
  readonly tables: readonly TableReport[]
  /** Whether what was written stands in one schema with LiteLLM's tables, where LiteLLM may drop it. */
  readonly sharesSchema: boolean
  readonly notTaken: readonly NotTaken[]
  /** Files written. */
  readonly files: readonly string[]
}

const SHARED_SCHEMA =
  'the destination is the schema that LiteLLM uses, which drops tables that it does not know when it migrates: while ' +
  'LiteLLM may still be started there, give Sluice a schema of its own (DATABASE_SCHEMA=sluice, or ?schema=sluice)'

const COLUMNS = ['read', 'new', 'changed', 'same', 'skipped'] as const

export function reportText(report: ImportReport): string {
  const { source, tables } = report
  const width = Math.max(...tables.map(({ name }) => name.length))
  const row = (name: string, cells: readonly (string | number)[]): string =>
    `${name.padEnd(width)}${cells.map((cell) => String(cell).padStart(10)).join('')}\n`
  const reasons = tables.flatMap((table) => [
    ...table.skippedBecause.map((reason) => reasonText(`${table.name}, skipped`, reason)),
    ...table.adjusted.map((reason) => reasonText(`${table.name}, taken`, reason)),
  ])
  return [
    `From the LiteLLM database ${source.database}, schema ${source.schema}` +
      ` (PostgreSQL ${source.serverVersion}, newest migration: ${source.newestMigration ?? 'none told'}).\n\n`,
    row('', COLUMNS),
    ...tables.map((table) =>
      row(
        table.name,
        COLUMNS.map((column) => table[column]),
      ),
    ),
    ...section('Notes', reasons),
    ...section('Columns that are not known, and were not taken', source.unknownColumns),
    ...section(
      'Not taken',
      report.notTaken.map(({ table, reason }) => `${table}: ${reason}`),
    ),
    ...section('Files', report.files),
    ...section('Take care', report.sharesSchema ? [SHARED_SCHEMA] : []),
    report.dryRun ? '\nA dry run: nothing was written.\n' : '\nDone.\n',
  ].join('')
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [`\n${title}:\n`, ...lines.map((line) => `- ${line}\n`)]
}

function reasonText(subject: string, { reason, count, examples }: Reason): string {
  const more = count > examples.length && examples.length > 0 ? ', …' : ''
  return `${subject}: ${count} × ${reason}${examples.length === 0 ? '' : ` (${examples.join(', ')}${more})`}`
}
