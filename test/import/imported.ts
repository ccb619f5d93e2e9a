/** An import in this process, as the command does it. */
import { openDatabase } from '../../src/storage/open-database.ts'
import type { EmbeddedOptions } from '../../src/storage/open-database.ts'
import { runImport, type ImportOptions } from '../../src/import/run-import.ts'
import type { ImportReport } from '../../src/import/report.ts'
import { withDefaultSchema } from '../../src/import/source.ts'
import { UTC_CALENDAR } from '../../src/identity/calendar.ts'

export const NOW_MS = Date.parse('2026-11-20T12:00:00Z')

export async function importInto(
  destination: string | EmbeddedOptions,
  sourceUrl: string,
  options: Partial<ImportOptions> = {},
): Promise<ImportReport> {
  await using stack = new AsyncDisposableStack()
  const source = await openDatabase({ url: withDefaultSchema(sourceUrl) })
  stack.defer(() => source.close())
  const here = await openDatabase(typeof destination === 'string' ? { url: destination } : destination)
  stack.defer(() => here.close())
  return await runImport(source, here, {
    dryRun: false,
    calls: undefined,
    models: undefined,
    saltKey: undefined,
    acceptedMigration: undefined,
    redact: (text) => text,
    calendar: UTC_CALENDAR,
    clock: () => NOW_MS,
    progress: () => undefined,
    ...options,
  })
}

/** `read new changed same skipped` of each table that had any row. */
export function countsOf(report: ImportReport): Readonly<Record<string, string>> {
  return Object.fromEntries(
    report.tables
      .filter((table) => table.read > 0)
      .map((table) => [
        table.name,
        `${table.read}: ${table.new} new, ${table.changed} changed, ${table.same} same, ${table.skipped} skipped`,
      ]),
  )
}

/** Every reason and note of a report, as one list. */
export function remarksOf(report: ImportReport): readonly string[] {
  return report.tables.flatMap(({ name, skippedBecause, adjusted }) =>
    [...skippedBecause, ...adjusted].map(
      ({ reason, examples }) => `${name}: ${examples.join(', ')}: ${reason}`,
    ),
  )
}
