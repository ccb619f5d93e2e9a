/** Brings the schema of a database up to this version of Sluice, safely with several processes at once. */
import { sql, type Kysely, type Transaction } from 'kysely'
import type { Database, Schema } from './database.ts'
import type { Migration } from './migrations/migration.ts'
import { MIGRATIONS } from './migrations/index.ts'

/** Any constant will do, as long as every version of Sluice takes the same one. */
const LOCK_KEY = 7_305_126_411n

/** The database has steps that this version of Sluice does not know, and cannot work with. */
export class SchemaTooNewError extends Error {
  override readonly name = 'SchemaTooNewError'
}

/** The database lacks steps that this version of Sluice needs, and may not be migrated here. */
export class SchemaTooOldError extends Error {
  override readonly name = 'SchemaTooOldError'
}

/** A step that has run. */
interface FinishedStep {
  readonly id: string
  /** The oldest step that a process must know to work after this one; null where nobody wrote it down. */
  readonly oldest_compatible: string | null
}

/**
 * Whether the schema has all steps of this version. Steps of a newer version are no fault as long as they leave alone
 * what this version uses: so an old process goes on while a rolling update brings the new schema.
 *
 * @throws SchemaTooNewError when a newer version has changed what this one uses.
 */
export async function schemaState(
  database: Database,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<'current' | 'behind'> {
  const done = await readSteps(database.sql)
  refuseNewerSchema(done, migrations)
  return missingSteps(done, migrations).length === 0 ? 'current' : 'behind'
}

/** @throws SchemaTooOldError with both versions, when steps are missing. SchemaTooNewError as `schemaState`. */
export async function requireSchema(
  database: Database,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  if ((await schemaState(database, migrations)) === 'current') return
  const newest = (await readSteps(database.sql)).at(-1)?.id
  throw new SchemaTooOldError(
    `The database's schema ${newest === undefined ? 'has not been made yet' : `is at step ${newest}`}, and this ` +
      `version of Sluice needs step ${migrations.at(-1)?.id ?? ''}. Schema updates are switched off here ` +
      '(DISABLE_SCHEMA_UPDATE): run `sluice migrate` with the same database, or switch them on.',
  )
}

/**
 * Runs the missing steps in one transaction, under a lock of that transaction, so that of several processes one
 * migrates and the others wait, also through PgBouncer in transaction mode. A process that dies leaves nothing behind.
 *
 * @returns the ids of the steps that ran; empty when the schema was up to date.
 * @throws SchemaTooNewError as `schemaState`.
 */
export async function migrate(
  database: Database,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<readonly string[]> {
  return await database.sql
    .transaction()
    .execute(async (transaction) => await migrateWithin(transaction, migrations))
}

/** As `migrate`, in the caller's transaction: what only tries something out rolls the steps back with the rest. */
export async function migrateWithin(
  transaction: Transaction<Schema>,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<readonly string[]> {
  await sql`select pg_advisory_xact_lock(${LOCK_KEY})`.execute(transaction)
  await makeSchema(transaction)
  await makeStepTable(transaction)
  const done = await readSteps(transaction)
  refuseNewerSchema(done, migrations)
  const missing = missingSteps(done, migrations)
  for (const migration of missing) {
    await migration.up(transaction)
    await sql`insert into sluice_migration (id, oldest_compatible)
      values (${migration.id}, ${oldestCompatible(migration, migrations)})`.execute(transaction)
  }
  return missing.map((migration) => migration.id)
}

/** A step that only adds keeps compatible what was so before it. */
function oldestCompatible(step: Migration, migrations: readonly Migration[]): string {
  const until = migrations.slice(0, migrations.indexOf(step) + 1)
  return (
    until.findLast((one) => one.oldestCompatible !== undefined)?.oldestCompatible ?? until[0]?.id ?? step.id
  )
}

/** The schema that the URL names (`?schema=`), where nobody has made it yet. */
async function makeSchema(transaction: Transaction<Schema>): Promise<void> {
  const { rows } = await sql<{ present: string | null; wanted: string }>`
    select current_schema() as present, current_setting('search_path') as wanted`.execute(transaction)
  const [row] = rows
  if (row === undefined || row.present !== null || !/^[a-z_]\w*$/i.test(row.wanted)) return
  await sql`create schema if not exists ${sql.raw(row.wanted)}`.execute(transaction)
}

/**
 * Whether LiteLLM's tables stand in the schema of ours. When it brings its schema up to date it drops tables there that
 * it does not know.
 */
export async function sharesSchemaWithLitellm(database: Database): Promise<boolean> {
  const { rows } = await sql<{ shared: boolean }>`
    select exists (
      select from pg_class where relnamespace = current_schema()::regnamespace and relname = 'LiteLLM_VerificationToken'
    ) as shared`.execute(database.sql)
  return rows[0]?.shared === true
}

async function makeStepTable(transaction: Transaction<Schema>): Promise<void> {
  await sql`create table if not exists sluice_migration (
    id text primary key,
    ran_at timestamptz not null default now()
  )`.execute(transaction)
  await sql`alter table sluice_migration add column if not exists oldest_compatible text`.execute(transaction)
}

/** Reads also a table without the younger column, and none at all: who only checks may not be allowed to alter it. */
async function readSteps(database: Kysely<Schema>): Promise<readonly FinishedStep[]> {
  const { rows: tables } = await sql<{ is_there: boolean }>`
    select to_regclass('sluice_migration') is not null as is_there`.execute(database)
  if (tables[0]?.is_there !== true) return []
  const { rows } = await sql<FinishedStep>`
    select id, to_jsonb(step) ->> 'oldest_compatible' as oldest_compatible
    from sluice_migration step order by id`.execute(database)
  return rows
}

function missingSteps(done: readonly FinishedStep[], migrations: readonly Migration[]): readonly Migration[] {
  return migrations.filter((migration) => !done.some(({ id }) => id === migration.id))
}

function refuseNewerSchema(done: readonly FinishedStep[], migrations: readonly Migration[]): void {
  const newestKnown = migrations.at(-1)?.id ?? ''
  const incompatible = done.filter(
    ({ id, oldest_compatible: oldest }) =>
      !migrations.some((migration) => migration.id === id) && (oldest === null || oldest > newestKnown),
  )
  if (incompatible.length === 0) return
  throw new SchemaTooNewError(
    `The database was migrated by a newer version of Sluice: its schema is at step ${done.at(-1)?.id ?? ''}, and this ` +
      `version knows steps up to ${newestKnown} and cannot work after ${incompatible.map(({ id }) => id).join(', ')}. ` +
      'Start that version, or restore a backup from before it.',
  )
}
