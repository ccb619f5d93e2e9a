/** Virtual keys: read with their total, written, listed, deleted with a copy kept. */
import { sql, type Insertable, type Kysely, type Selectable, type Transaction, type Updateable } from 'kysely'
import type { Schema } from '../database.ts'
import type { BudgetTable, VirtualKeyTable } from '../schema/principals.ts'
import { spendOf, spentInWindow, type SpendJson } from './spend-windows.ts'

type Sql = Kysely<Schema> | Transaction<Schema>

export type KeyRow = Selectable<VirtualKeyTable> & { readonly spend: SpendJson | null }
export type BudgetRow = Selectable<BudgetTable>

export interface KeyFilter {
  readonly keyHash?: string | undefined
  readonly userId?: string | undefined
  readonly teamId?: string | undefined
  readonly organizationId?: string | undefined
  /** A part of the alias, in any case. */
  readonly aliasPart?: string | undefined
  /** Keys of these owners or these teams only; undefined for all. */
  readonly visibleTo?:
    | { readonly userId: string | undefined; readonly teamIds: readonly string[] }
    | undefined
}

export const KEY_SORTS = ['created_at', 'updated_at', 'key_alias', 'key_name', 'expires_at', 'spend'] as const
export type KeySort = (typeof KEY_SORTS)[number]

export interface KeyPage {
  readonly offset: number
  readonly limit: number
  readonly sort: KeySort
  readonly descending: boolean
}

function keys(database: Sql) {
  return database
    .selectFrom('sluice_virtual_key as k')
    .selectAll('k')
    .select(spendOf('key', sql.ref('k.key_hash')).as('spend'))
}

export async function findKey(database: Sql, keyHash: string): Promise<KeyRow | undefined> {
  return await keys(database).where('k.key_hash', '=', keyHash).executeTakeFirst()
}

/** As `findKey`, and holds the row until the transaction ends. */
export async function lockKey(database: Transaction<Schema>, keyHash: string): Promise<KeyRow | undefined> {
  return await keys(database).where('k.key_hash', '=', keyHash).forUpdate('k').executeTakeFirst()
}

export async function findKeysByAlias(database: Sql, aliases: readonly string[]): Promise<readonly KeyRow[]> {
  return await keys(database)
    .where('k.key_alias', '=', sql<string>`any(${aliases}::text[])`)
    .execute()
}

export async function findKeysByHash(database: Sql, hashes: readonly string[]): Promise<readonly KeyRow[]> {
  return await keys(database)
    .where('k.key_hash', '=', sql<string>`any(${hashes}::text[])`)
    .execute()
}

export async function findKeysOf(
  database: Sql,
  owner: { readonly userIds?: readonly string[]; readonly teamIds?: readonly string[] },
): Promise<readonly KeyRow[]> {
  return await keys(database)
    .where((where) =>
      where.or([
        where('k.user_id', '=', sql<string>`any(${owner.userIds ?? []}::text[])`),
        where('k.team_id', '=', sql<string>`any(${owner.teamIds ?? []}::text[])`),
      ]),
    )
    .orderBy('k.created_at')
    .orderBy('k.key_hash')
    .execute()
}

/** One page of keys, and how many there are in all. */
export async function listKeys(database: Sql, filter: KeyFilter, page: KeyPage) {
  let query = database.selectFrom('sluice_virtual_key as k')
  if (filter.keyHash !== undefined) query = query.where('k.key_hash', '=', filter.keyHash)
  if (filter.userId !== undefined) query = query.where('k.user_id', '=', filter.userId)
  if (filter.teamId !== undefined) query = query.where('k.team_id', '=', filter.teamId)
  if (filter.organizationId !== undefined)
    query = query.where('k.organization_id', '=', filter.organizationId)
  if (filter.aliasPart !== undefined) {
    query = query.where(sql<boolean>`position(lower(${filter.aliasPart}) in lower(k.key_alias)) > 0`)
  }
  const { visibleTo } = filter
  if (visibleTo !== undefined) {
    query = query.where((where) =>
      where.or([
        ...(visibleTo.userId === undefined ? [] : [where('k.user_id', '=', visibleTo.userId)]),
        where('k.team_id', '=', sql<string>`any(${visibleTo.teamIds}::text[])`),
      ]),
    )
  }
  const order =
    page.sort === 'spend' ? spentInWindow('key', sql.ref('k.key_hash')) : sql.ref(`k.${page.sort}`)
  const rows = await query
    .selectAll('k')
    .select(spendOf('key', sql.ref('k.key_hash')).as('spend'))
    .orderBy(order, (direction) =>
      page.descending ? direction.desc().nullsLast() : direction.asc().nullsLast(),
    )
    .orderBy('k.key_hash')
    .limit(page.limit)
    .offset(page.offset)
    .execute()
  const { count } = await query.select(sql<bigint>`count(*)`.as('count')).executeTakeFirstOrThrow()
  return { rows, count: Number(count) }
}

export async function insertKey(database: Sql, key: Insertable<VirtualKeyTable>): Promise<void> {
  await database.insertInto('sluice_virtual_key').values(key).execute()
}

export async function updateKey(
  database: Sql,
  keyHash: string,
  change: Updateable<VirtualKeyTable>,
): Promise<void> {
  await database.updateTable('sluice_virtual_key').set(change).where('key_hash', '=', keyHash).execute()
}

/** Deletes keys and keeps a copy of each, with who deleted it. */
export async function deleteKeys(
  database: Sql,
  hashes: readonly string[],
  deletedBy: { readonly userId: string | undefined; readonly keyHash: string },
): Promise<void> {
  await sql`
    with gone as (delete from sluice_virtual_key where key_hash = any(${hashes}::text[]) returning *)
    insert into sluice_deleted_key (key_hash, row, deleted_by, deleted_by_key_hash)
    select key_hash, to_jsonb(gone), ${deletedBy.userId ?? null}::text, ${deletedBy.keyHash}::text from gone
  `.execute(database)
}

export async function findBudgets(
  database: Sql,
  budgetIds: readonly string[],
): Promise<readonly BudgetRow[]> {
  if (budgetIds.length === 0) return []
  return await database
    .selectFrom('sluice_budget')
    .selectAll()
    .where('budget_id', '=', sql<string>`any(${budgetIds}::text[])`)
    .execute()
}

export async function insertBudget(database: Sql, budget: Insertable<BudgetTable>): Promise<void> {
  await database.insertInto('sluice_budget').values(budget).execute()
}

export async function updateBudget(
  database: Sql,
  budgetId: string,
  change: Updateable<BudgetTable>,
): Promise<void> {
  await database
    .updateTable('sluice_budget')
    .set({ ...change, updated_at: sql`now()` })
    .where('budget_id', '=', budgetId)
    .execute()
}

export async function organizationExists(database: Sql, organizationId: string): Promise<boolean> {
  const row = await database
    .selectFrom('sluice_organization')
    .select('organization_id')
    .where('organization_id', '=', organizationId)
    .executeTakeFirst()
  return row !== undefined
}
