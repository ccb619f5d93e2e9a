/** Takes rows page by page: mapped, written with their spend, and counted. */
import { sql, type Transaction } from 'kysely'
import type { Schema } from '../storage/database.ts'
import { sqlState } from '../storage/partitions.ts'
import { announceChanges } from '../storage/queries/principals.ts'
import { writeImportedRows, type ImportTarget, type RowOutcome } from '../storage/queries/imported-rows.ts'
import { addForeignSpends, lockKnownSpends, type ForeignSpend } from '../storage/queries/imported-spend.ts'
import { attempt, type Destination } from './destination.ts'
import { mergeSpend } from './merge-spend.ts'
import type { RowKind, TakenRow } from './row-kind.ts'
import { readPages } from './source.ts'
import type { TableColumns } from './source-schema.ts'
import { TableTally, type TableReport } from './tally.ts'

/** Told of each page that has been written. */
export type Progress = (name: string, rows: number) => void

export interface TakingParts {
  readonly source: Transaction<Schema>
  readonly tables: TableColumns
  readonly destination: Destination
  readonly spend: TableTally
  readonly progress: Progress
}

export async function takeRows(kind: RowKind, parts: TakingParts): Promise<TableReport> {
  const tally = new TableTally(kind.name)
  for await (const page of readPages(parts.source, parts.tables, kind.table, kind.key)) {
    const rows: TakenRow[] = []
    const spends: ForeignSpend[] = []
    for (const mapped of page.map((row) => kind.map(row))) {
      if ('row' in mapped) rows.push(mapped)
      else {
        tally.leave(mapped.label, mapped.left)
        if (mapped.spend !== undefined) spends.push(mapped.spend)
      }
    }
    await parts.destination.page(
      async (transaction) => await writePage(transaction, kind.target, rows, spends, tally, parts.spend),
    )
    parts.progress(kind.name, tally.read)
  }
  return tally.report()
}

/** Writes rows and what they have spent, in the caller's transaction. */
export async function writePage(
  transaction: Transaction<Schema>,
  target: ImportTarget,
  rows: readonly TakenRow[],
  furtherSpends: readonly ForeignSpend[],
  tally: TableTally,
  spendTally: TableTally,
): Promise<void> {
  const judged = await writeOrSplit(transaction, target, await withoutCollisions(transaction, target, rows))
  const spends: ForeignSpend[] = [...furtherSpends]
  for (const { row, outcome } of judged) {
    if (typeof outcome === 'object') tally.leave(row.label, outcome.refused)
    else {
      tally.judge(row.label, outcome, row.notes)
      if (row.spend !== undefined && COUNTS_ON.has(outcome)) spends.push(row.spend)
    }
  }
  const added = await addSpends(transaction, spends, spendTally)
  const isWritten = judged.some(({ outcome }) => outcome === 'new' || outcome === 'changed')
  // Processes that run already may know a key as unknown, or a budget as it was.
  if (isWritten || added) await announceChanges(transaction, [{ subject: 'all', id: 'import' }])
}

/** Rows that were imported, now or before: what the source says of their spend is taken. */
const COUNTS_ON: ReadonlySet<RowOutcome> = new Set<RowOutcome>(['new', 'changed', 'same', 'edited'])

interface Judged {
  readonly row: TakenRow
  readonly outcome: RowOutcome | { readonly refused: string }
}

/** A row that the database refuses must not hold up the others: halves are tried until it stands alone. */
async function writeOrSplit(
  transaction: Transaction<Schema>,
  target: ImportTarget,
  rows: readonly TakenRow[],
): Promise<readonly Judged[]> {
  if (rows.length === 0) return []
  try {
    const outcomes = await attempt(
      transaction,
      async () =>
        await writeImportedRows(
          transaction,
          target,
          rows.map(({ row }) => row),
        ),
    )
    return rows.map((row, position) => ({ row, outcome: outcomes[position] ?? 'same' }))
  } catch (error) {
    const reason = reasonOf(error)
    if (reason === undefined) throw error
    const [first] = rows
    if (rows.length === 1 && first !== undefined) return [{ row: first, outcome: { refused: reason } }]
    const middle = rows.length >>> 1
    return [
      ...(await writeOrSplit(transaction, target, rows.slice(0, middle))),
      ...(await writeOrSplit(transaction, target, rows.slice(middle))),
    ]
  }
}

/** Why the database refuses a row; undefined when the row is not to blame. Values are not repeated. */
function reasonOf(error: unknown): string | undefined {
  const state = sqlState(error) ?? ''
  const constraint = error instanceof Error && 'constraint' in error ? String(error.constraint) : state
  if (state === '23503') return `points at a row that is not here (${constraint})`
  if (state === '23505') return `has what another row here has already (${constraint})`
  return state.startsWith('22') || state.startsWith('23')
    ? `is refused by the database (${constraint})`
    : undefined
}

/** Columns whose values are unique here, in which case or not, beside the key. */
const UNIQUE: Readonly<Record<string, readonly { readonly column: string; readonly caseless: boolean }[]>> = {
  user: [
    { column: 'user_email', caseless: true },
    { column: 'sso_user_id', caseless: false },
  ],
  key: [{ column: 'key_alias', caseless: false }],
}

/** Takes from rows what a row here has already that is not one of them: the row comes without it. */
async function withoutCollisions(
  transaction: Transaction<Schema>,
  target: ImportTarget,
  rows: readonly TakenRow[],
): Promise<readonly TakenRow[]> {
  let result = rows
  for (const { column, caseless } of UNIQUE[target.kind] ?? []) {
    const [key = ''] = target.key
    const fold = (value: unknown): string => (caseless ? String(value).toLowerCase() : String(value))
    const values = result.flatMap(({ row }) => (typeof row[column] === 'string' ? [fold(row[column])] : []))
    const here = caseless ? sql`lower(${sql.ref(column)})` : sql.ref(column)
    const { rows: owners } = await sql<{ value: string; owner: string }>`
      select ${here} as value, ${sql.ref(key)} as owner from ${sql.table(target.table)}
      where ${here} = any(${values}::text[])`.execute(transaction)
    const ownerOf = new Map(owners.map(({ value, owner }) => [value, owner]))
    result = result.map((taken) => {
      const value = taken.row[column]
      const owner = typeof value === 'string' ? ownerOf.get(fold(value)) : undefined
      if (owner === undefined || owner === taken.row[key]) return taken
      const note = `${column}: another row here has it; left empty`
      return { ...taken, row: { ...taken.row, [column]: null }, notes: [...taken.notes, note] }
    })
  }
  return result
}

/** @returns whether an amount or a window was written. */
async function addSpends(
  transaction: Transaction<Schema>,
  spends: readonly ForeignSpend[],
  tally: TableTally,
): Promise<boolean> {
  if (spends.length === 0) return false
  const known = await lockKnownSpends(transaction, spends)
  const changes = spends.flatMap((source, position) => {
    const here = known[position]
    const addition = here === undefined ? undefined : mergeSpend(source, here)
    if (here === undefined || addition === undefined) {
      tally.add({ same: 1 })
      return []
    }
    tally.add(here.before === undefined ? { new: 1 } : { changed: 1 })
    return [{ source, addition }]
  })
  await addForeignSpends(transaction, changes)
  return changes.length > 0
}
