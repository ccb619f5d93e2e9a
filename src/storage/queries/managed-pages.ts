/** Pages of files and batches: in the order of their creation, from the row on that a client has seen last. */
import { sql, type RawBuilder } from 'kysely'

/** A row's place in the list. */
export interface RowPlace {
  readonly id: string
  readonly createdAt: Date
}

export interface Page {
  /** Undefined lists what every owner has. */
  readonly owner: string | undefined
  readonly after: RowPlace | undefined
  readonly limit: number
  readonly descending: boolean
}

export function afterRow(
  idColumn: 'file_id' | 'batch_id',
  { id, createdAt }: RowPlace,
  descending: boolean,
): RawBuilder<boolean> {
  const row = sql`(created_at, ${sql.ref(idColumn)})`
  return descending ? sql`${row} < (${createdAt}, ${id})` : sql`${row} > (${createdAt}, ${id})`
}
