/** Members of organizations, with what they have spent in them. */
import { sql, type Insertable, type Kysely, type Selectable, type Transaction, type Updateable } from 'kysely'
import type { Schema } from '../database.ts'
import type { OrganizationMembershipTable } from '../schema/principals.ts'
import { spendOf, type SpendJson } from './spend-windows.ts'

type Sql = Kysely<Schema> | Transaction<Schema>

export type OrganizationMemberRow = Selectable<OrganizationMembershipTable> & {
  readonly user_email: string | null
  readonly spend: SpendJson | null
}

export async function findOrganizationMembers(
  database: Sql,
  organizationIds: readonly string[],
): Promise<readonly OrganizationMemberRow[]> {
  return await database
    .selectFrom('sluice_organization_membership as m')
    .innerJoin('sluice_user as u', 'u.user_id', 'm.user_id')
    .where('m.organization_id', '=', sql<string>`any(${organizationIds}::text[])`)
    .selectAll('m')
    .select([
      'u.user_email',
      spendOf('organization_member', sql`m.organization_id || '::' || m.user_id`).as('spend'),
    ])
    .orderBy('m.organization_id')
    .orderBy('m.created_at')
    .orderBy('m.user_id')
    .execute()
}

export async function insertOrganizationMember(
  database: Sql,
  member: Insertable<OrganizationMembershipTable>,
): Promise<void> {
  await database.insertInto('sluice_organization_membership').values(member).execute()
}

export async function updateOrganizationMember(
  database: Sql,
  organizationId: string,
  userId: string,
  change: Updateable<OrganizationMembershipTable>,
): Promise<void> {
  await database
    .updateTable('sluice_organization_membership')
    .set({ ...change, updated_at: sql`now()` })
    .where('organization_id', '=', organizationId)
    .where('user_id', '=', userId)
    .execute()
}

export async function deleteOrganizationMember(
  database: Sql,
  organizationId: string,
  userId: string,
): Promise<void> {
  await database
    .deleteFrom('sluice_organization_membership')
    .where('organization_id', '=', organizationId)
    .where('user_id', '=', userId)
    .execute()
}
