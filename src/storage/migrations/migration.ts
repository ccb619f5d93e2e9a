/** One step of the database's schema. */
import type { Transaction } from 'kysely'
import type { Schema } from '../database.ts'

/**
 * Steps are never changed once they are released; a change of the schema is a new step. `up` runs inside one
 * transaction with all other missing steps, one statement a call (the embedded database takes no more).
 */
export interface Migration {
  /** Four digits and a name, e.g. `0001-spend`: the order in which steps run. */
  readonly id: string
  /**
   * The id of the oldest step that a process must know to work after this one. Absent where the step only adds (tables,
   * columns that may be null or have a default, indexes): then every process that worked before goes on working, as a
   * rolling update needs it. A step that takes away or changes what processes use names itself here.
   */
  readonly oldestCompatible?: string
  up(sql: Transaction<Schema>): Promise<void>
}
