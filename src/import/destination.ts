/** Where rows are written: a page is a transaction, so that a run that dies leaves whole pages behind. */
import { sql, type Transaction } from 'kysely'
import type { Database, Schema } from '../storage/database.ts'
import { migrate, migrateWithin, schemaState } from '../storage/migrate.ts'

export interface Destination {
  /** True when nothing stays. */
  readonly dryRun: boolean
  page<Result>(work: (transaction: Transaction<Schema>) => Promise<Result>): Promise<Result>
}

/** Any constant will do, as long as every version of Sluice takes the same one. */
const LOCK_KEY = 7_305_126_412n

/** Of imports that run at once one writes at a time: each sees what the others have taken. */
async function takeTurn(transaction: Transaction<Schema>): Promise<void> {
  await sql`select pg_advisory_xact_lock(${LOCK_KEY})`.execute(transaction)
}

/** Brings the schema up to date, and does the work. */
export async function writing<Result>(
  database: Database,
  work: (destination: Destination) => Promise<Result>,
): Promise<Result> {
  if ((await schemaState(database)) === 'behind') await migrate(database)
  return await work({
    dryRun: false,
    page: async (each) =>
      await database.sql.transaction().execute(async (transaction) => {
        await takeTurn(transaction)
        return await each(transaction)
      }),
  })
}

class RolledBack extends Error {}

/** Does all of it, the steps of the schema too, in one transaction that is rolled back. */
export async function tryingOut<Result>(
  database: Database,
  work: (destination: Destination) => Promise<Result>,
): Promise<Result> {
  let result: { readonly value: Result } | undefined
  try {
    await database.sql.transaction().execute(async (transaction) => {
      // It waits for each page of the other database, which may take its time.
      await sql`set local idle_in_transaction_session_timeout = 0`.execute(transaction)
      await migrateWithin(transaction)
      await takeTurn(transaction)
      result = { value: await work({ dryRun: true, page: async (each) => await each(transaction) }) }
      throw new RolledBack()
    })
  } catch (error) {
    if (!(error instanceof RolledBack)) throw error
  }
  if (result === undefined) throw new Error('a transaction was rolled back before its end')
  return result.value
}

/** Does a part of a transaction; if it fails, the rest goes on as if it had not begun. @throws what the part throws. */
export async function attempt<Result>(
  transaction: Transaction<Schema>,
  part: () => Promise<Result>,
): Promise<Result> {
  await sql`savepoint part`.execute(transaction)
  try {
    const result = await part()
    await sql`release savepoint part`.execute(transaction)
    return result
  } catch (error) {
    await sql`rollback to savepoint part`.execute(transaction)
    throw error
  }
}
