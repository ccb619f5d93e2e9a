/** Tables that remember what an import has taken from another gateway's database. */
import type { Generated } from 'kysely'

export interface ImportedRowTable {
  kind: string
  row_id: string
  /** Of the row as the source had it, so that a second import knows whether the source has changed. */
  source_digest: string
  /** Of the row as it was written here, so that a change that was made here is not overwritten. */
  written_digest: string
  imported_at: Generated<Date>
}

/** What the source said about a scope when it was read last; amounts are picodollars. */
export interface ImportedSpendTable {
  scope: string
  scope_id: string
  total: bigint
  spent: bigint
  window_duration: string | null
  window_ends_at: Date | null
  imported_at: Generated<Date>
}

export interface ImportTables {
  sluice_imported_row: ImportedRowTable
  sluice_imported_spend: ImportedSpendTable
}
