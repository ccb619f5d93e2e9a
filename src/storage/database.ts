/**
 * The database as the rest of Sluice sees it: one Kysely instance, the same SQL on PostgreSQL 15 and newer and on the
 * embedded PGlite (PostgreSQL in a worker thread). Both return `bigint` and `numeric` as bigint, `timestamptz` as Date,
 * `jsonb` parsed. A `numeric` is a sum of integers, exactly; a query that brings fractions casts them to `float8`.
 */
import type { Kysely } from 'kysely'
import type { Listening } from './listen.ts'
import type { AlertTables } from './schema/alerts.ts'
import type { BatchTables } from './schema/batches.ts'
import type { ImportTables } from './schema/imports.ts'
import type { PrincipalTables } from './schema/principals.ts'
import type { SpendTables } from './schema/spend.ts'

export interface Schema extends AlertTables, BatchTables, ImportTables, PrincipalTables, SpendTables {}

export type DatabaseKind = 'postgresql' | 'embedded'

export interface Database {
  readonly kind: DatabaseKind
  readonly sql: Kysely<Schema>
  /**
   * The same database for what cannot wait for long: a statement that gets no answer in this time is given up, and its
   * connection with it. Absent where no answer can get lost. It is closed with the other.
   */
  readonly within?: (answerMs: number) => Database
  /** False while the last try to reach the database failed. */
  readonly reachable: boolean
  /**
   * Hears notifications of other processes, until it is closed; absent where there are none. `onNotice` is also told
   * when some may have been missed.
   */
  readonly listen?: (channel: string, onNotice: () => void) => Listening
  close(): Promise<void>
}
