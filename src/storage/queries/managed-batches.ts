/** Batches that the gateway has made at providers for clients, and what is known of their cost. */
import { sql, type Insertable, type Selectable, type Updateable } from 'kysely'
import type { Database } from '../database.ts'
import type { ManagedBatchTable } from '../schema/batches.ts'
import { afterRow, type Page } from './managed-pages.ts'

export type ManagedBatch = Selectable<ManagedBatchTable>

export async function insertBatch(database: Database, batch: Insertable<ManagedBatchTable>): Promise<void> {
  await database.sql.insertInto('sluice_managed_batch').values(batch).execute()
}

export async function findBatch(database: Database, batchId: string): Promise<ManagedBatch | undefined> {
  return await database.sql
    .selectFrom('sluice_managed_batch')
    .selectAll()
    .where('batch_id', '=', batchId)
    .executeTakeFirst()
}

export async function updateBatch(
  database: Database,
  batchId: string,
  changes: Updateable<ManagedBatchTable>,
): Promise<void> {
  await database.sql
    .updateTable('sluice_managed_batch')
    .set(changes)
    .where('batch_id', '=', batchId)
    .execute()
}

export async function deleteBatch(database: Database, batchId: string): Promise<void> {
  await database.sql.deleteFrom('sluice_managed_batch').where('batch_id', '=', batchId).execute()
}

export interface BatchFilter extends Page {
  readonly provider: string | undefined
  readonly modelGroup: string | undefined
}

/** One row more than the page's limit, when there are more. */
export async function listBatches(database: Database, filter: BatchFilter): Promise<readonly ManagedBatch[]> {
  const { owner, provider, modelGroup, after, limit, descending } = filter
  let query = database.sql
    .selectFrom('sluice_managed_batch')
    .selectAll()
    .where('provider_batch_id', 'is not', null)
  if (owner !== undefined) query = query.where('owner', '=', owner)
  if (provider !== undefined) query = query.where(sql`deployment ->> 'provider'`, '=', provider)
  if (modelGroup !== undefined) query = query.where(sql`deployment ->> 'modelGroup'`, '=', modelGroup)
  if (after !== undefined) query = query.where(afterRow('batch_id', after, descending))
  const direction = descending ? 'desc' : 'asc'
  return await query
    .orderBy('created_at', direction)
    .orderBy('batch_id', direction)
    .limit(limit + 1)
    .execute()
}

/** Whether a batch whose cost is not known yet reads from the file, or writes to it. */
export async function isFileNeeded(database: Database, fileId: string): Promise<boolean> {
  const row = await database.sql
    .selectFrom('sluice_managed_batch')
    .select('batch_id')
    .where('cost_state', '=', 'pending')
    .where((where) =>
      where.or([
        where('input_file_id', '=', fileId),
        where('output_file_id', '=', fileId),
        where('error_file_id', '=', fileId),
      ]),
    )
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

export interface PendingBatches {
  readonly count: number
  /** Those that were polled longest ago. */
  readonly next: readonly ManagedBatch[]
}

/** Batches whose cost is not known yet, made before `before`. */
export async function pendingBatches(
  database: Database,
  before: Date,
  limit: number,
): Promise<PendingBatches> {
  const pending = database.sql
    .selectFrom('sluice_managed_batch')
    .where('cost_state', '=', 'pending')
    .where((where) =>
      where.or([where('provider_batch_id', 'is not', null), where('created_at', '<', before)]),
    )
  const { count } = await pending
    .select((select) => select.fn.countAll().as('count'))
    .executeTakeFirstOrThrow()
  const next = await pending
    .selectAll()
    .orderBy('polled_at', (order) => order.asc().nullsFirst())
    .orderBy('batch_id')
    .limit(limit)
    .execute()
  return { count: Number(count), next }
}

/** Which of a deployment's batches the gateway has made, by the provider's ids. */
export async function knownProviderBatches(
  database: Database,
  modelId: string,
  providerBatchIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ id: string }>`
    select provider_batch_id as id from sluice_managed_batch
    where model_id = ${modelId} and provider_batch_id = any(${[...providerBatchIds]}::text[])`.execute(
    database.sql,
  )
  return new Set(rows.map(({ id }) => id))
}

/** Writes down when a batch's end was seen first. @returns that moment, of whichever process was first. */
export async function settleTimeOf(database: Database, batchId: string, now: Date): Promise<Date> {
  const { rows } = await sql<{ at: Date }>`
    update sluice_managed_batch set settled_at = coalesce(settled_at, ${now})
    where batch_id = ${batchId} returning settled_at as at`.execute(database.sql)
  return rows[0]?.at ?? now
}
