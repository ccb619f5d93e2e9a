/** Files that the gateway keeps at providers for clients. */
import { sql, type Insertable, type Selectable } from 'kysely'
import type { Database } from '../database.ts'
import type { ManagedFileTable } from '../schema/batches.ts'
import { afterRow, type Page } from './managed-pages.ts'

export type ManagedFile = Selectable<ManagedFileTable>

/**
 * Writes a file down; of two processes that have found the same one at the provider, both get the row of the first.
 *
 * @returns the row that stands.
 */
export async function insertFile(
  database: Database,
  file: Insertable<ManagedFileTable>,
): Promise<ManagedFile> {
  return await database.sql
    .insertInto('sluice_managed_file')
    .values(file)
    .onConflict((conflict) =>
      conflict
        .columns(['model_id', 'provider_file_id'])
        .doUpdateSet({ bytes: sql<bigint>`greatest(sluice_managed_file.bytes, excluded.bytes)` }),
    )
    .returningAll()
    .executeTakeFirstOrThrow()
}

export async function findFile(database: Database, fileId: string): Promise<ManagedFile | undefined> {
  return await database.sql
    .selectFrom('sluice_managed_file')
    .selectAll()
    .where('file_id', '=', fileId)
    .executeTakeFirst()
}

export interface FileFilter extends Page {
  readonly purpose: string | undefined
  readonly provider: string | undefined
}

/** One row more than the page's limit, when there are more. */
export async function listFiles(database: Database, filter: FileFilter): Promise<readonly ManagedFile[]> {
  const { owner, purpose, provider, after, limit, descending } = filter
  let query = database.sql
    .selectFrom('sluice_managed_file')
    .selectAll()
    .where((where) => where.or([where('expires_at', 'is', null), where('expires_at', '>', sql<Date>`now()`)]))
  if (owner !== undefined) query = query.where('owner', '=', owner)
  if (purpose !== undefined) query = query.where('purpose', '=', purpose)
  if (provider !== undefined) query = query.where(sql`deployment ->> 'provider'`, '=', provider)
  if (after !== undefined) query = query.where(afterRow('file_id', after, descending))
  const direction = descending ? 'desc' : 'asc'
  return await query
    .orderBy('created_at', direction)
    .orderBy('file_id', direction)
    .limit(limit + 1)
    .execute()
}

export async function deleteFile(database: Database, fileId: string): Promise<void> {
  await database.sql.deleteFrom('sluice_managed_file').where('file_id', '=', fileId).execute()
}
