/** Brings the schema of a database up to this version of Sluice, safely with several processes at once. */
import { sql, type Transaction } from 'kysely'
import type { Database, Schema } from './database.ts'
import type { Migration } from './migrations/migration.ts'
import { MIGRATIONS } from './migrations/index.ts'

/** Any constant will do, as long as every version of Sluice takes the same one. */
const LOCK_KEY = 7_305_126_411n

/** The database has steps that this version of Sluice does not know. */
export class SchemaTooNewError extends Error {
  override readonly name = 'SchemaTooNewError'
}

/**
 * Runs the missing steps in one transaction, under a lock of that transaction, so that of several processes one
 * migrates and the others wait, also through PgBouncer in transaction mode.
 *
 * @returns the ids of the steps that ran; empty when the schema was up to date.
 * @throws SchemaTooNewError when the database was migrated by a newer version.
 */
export async function migrate(
  database: Database,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<readonly string[]> {
  return await database.sql.transaction().execute(async (transaction) => {
    await sql`select pg_advisory_xact_lock(${LOCK_KEY})`.execute(transaction)
    const done = await finishedSteps(transaction)
    refuseNewerSchema(done, migrations)
    const missing = migrations.filter((migration) => !done.includes(migration.id))
    for (const migration of missing) {
      await migration.up(transaction)
      await sql`insert into sluice_migration (id) values (${migration.id})`.execute(transaction)
    }
    return missing.map((migration) => migration.id)
  })
}

async function finishedSteps(transaction: Transaction<Schema>): Promise<readonly string[]> {
  await sql`create table if not exists sluice_migration (
    id text primary key,
    ran_at timestamptz not null default now()
  )`.execute(transaction)
  const { rows } = await sql<{ id: string }>`select id from sluice_migration order by id`.execute(transaction)
  return rows.map((row) => row.id)
}

function refuseNewerSchema(done: readonly string[], migrations: readonly Migration[]): void {
  const unknown = done.filter((id) => !migrations.some((migration) => migration.id === id))
  if (unknown.length === 0) return
  throw new SchemaTooNewError(
    `The database was migrated by a newer version of Sluice: this version does not know ${unknown.join(', ')}. ` +
      `Start that version, or restore a backup from before it.`,
  )
}
