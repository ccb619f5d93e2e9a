/** Organizations: read with what they have spent, written, listed, deleted with their teams and keys. */
import { sql, type Insertable, type Kysely, type Selectable, type Transaction, type Updateable } from 'kysely'
import type { Schema } from '../database.ts'
import type { OrganizationTable } from '../schema/principals.ts'
import { MOST_ROWS } from './principals-budgets.ts'
import { spendOf, type SpendJson } from './spend-windows.ts'

type Sql = Kysely<Schema> | Transaction<Schema>

export type OrganizationRow = Selectable<OrganizationTable> & { readonly spend: SpendJson | null }

export interface OrganizationFilter {
  readonly ids?: readonly string[] | undefined
  /** A part of the alias, in any case. */
  readonly aliasPart?: string | undefined
}

export async function listOrganizations(
  database: Sql,
  filter: OrganizationFilter,
): Promise<readonly OrganizationRow[]> {
  let query = database
    .selectFrom('sluice_organization as o')
    .selectAll('o')
    .select(spendOf('organization', sql.ref('o.organization_id')).as('spend'))
  if (filter.ids !== undefined) {
    query = query.where('o.organization_id', '=', sql<string>`any(${filter.ids}::text[])`)
  }
  if (filter.aliasPart !== undefined) {
    query = query.where(sql<boolean>`position(lower(${filter.aliasPart}) in lower(o.organization_alias)) > 0`)
  }
  return await query.orderBy('o.created_at').orderBy('o.organization_id').limit(MOST_ROWS).execute()
}

export async function insertOrganization(
  database: Sql,
  organization: Insertable<OrganizationTable>,
): Promise<void> {
  await database.insertInto('sluice_organization').values(organization).execute()
}

export async function updateOrganization(
  database: Sql,
  organizationId: string,
  change: Updateable<OrganizationTable>,
): Promise<void> {
  await database
    .updateTable('sluice_organization')
    .set({ ...change, updated_at: sql`now()` })
    .where('organization_id', '=', organizationId)
    .execute()
}

export async function deleteOrganizations(database: Sql, ids: readonly string[]): Promise<void> {
  await database
    .deleteFrom('sluice_organization')
    .where('organization_id', '=', sql<string>`any(${ids}::text[])`)
    .execute()
}

/** Hashes of the keys that belong to organizations themselves, whatever their teams. */
export async function findKeysOfOrganizations(
  database: Sql,
  ids: readonly string[],
): Promise<readonly string[]> {
  const rows = await database
    .selectFrom('sluice_virtual_key')
    .select('key_hash')
    .where('organization_id', '=', sql<string>`any(${ids}::text[])`)
    .execute()
  return rows.map((row) => row.key_hash)
}
