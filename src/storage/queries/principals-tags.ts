/** Tags that an administrator has a row for. */
import { sql, type Insertable, type Kysely, type Selectable, type Transaction, type Updateable } from 'kysely'
import type { Schema } from '../database.ts'
import type { TagTable } from '../schema/principals.ts'
import { MOST_ROWS } from './principals-budgets.ts'
import { spendOf, type SpendJson } from './spend-windows.ts'

type Sql = Kysely<Schema> | Transaction<Schema>

export type TagRow = Selectable<TagTable> & { readonly spend: SpendJson | null }

function tags(database: Sql) {
  return database
    .selectFrom('sluice_tag as t')
    .selectAll('t')
    .select(spendOf('tag', sql.ref('t.tag_name')).as('spend'))
}

export async function findTags(database: Sql, names: readonly string[]): Promise<readonly TagRow[]> {
  return await tags(database)
    .where('t.tag_name', '=', sql<string>`any(${names}::text[])`)
    .orderBy('t.tag_name')
    .execute()
}

export async function listTags(database: Sql): Promise<readonly TagRow[]> {
  return await tags(database).orderBy('t.tag_name').limit(MOST_ROWS).execute()
}

export async function insertTag(database: Sql, tag: Insertable<TagTable>): Promise<void> {
  await database.insertInto('sluice_tag').values(tag).execute()
}

export async function updateTag(database: Sql, name: string, change: Updateable<TagTable>): Promise<void> {
  await database
    .updateTable('sluice_tag')
    .set({ ...change, updated_at: sql`now()` })
    .where('tag_name', '=', name)
    .execute()
}

export async function deleteTag(database: Sql, name: string): Promise<void> {
  await database.deleteFrom('sluice_tag').where('tag_name', '=', name).execute()
}

/** Tags of calls of some days that have no row, with the first and the last time of each. Days are UTC, inclusive. */
export async function findTagsOfCalls(database: Sql, fromDay: string, toDay: string) {
  const { rows } = await sql<{ tag: string; first_used: Date; last_used: Date }>`
    select tag, min(started_at) as first_used, max(started_at) as last_used
    from sluice_call_log,
      jsonb_array_elements_text(case when jsonb_typeof(tags) = 'array' then tags end) as tag
    where started_at >= ${fromDay}::date and started_at < ${toDay}::date + 1
      and not exists (select from sluice_tag known where known.tag_name = tag)
    group by tag order by tag limit ${sql.lit(MOST_ROWS)}`.execute(database)
  return rows
}
