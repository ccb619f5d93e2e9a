/** Teams and who belongs to them. */
import {
  sql,
  type Insertable,
  type Kysely,
  type Selectable,
  type SelectQueryBuilder,
  type Transaction,
  type Updateable,
} from 'kysely'
import type { Schema } from '../database.ts'
import type { TeamMembershipTable, TeamTable } from '../schema/principals.ts'
import { spendOf, type SpendJson } from './spend-windows.ts'

type Sql = Kysely<Schema> | Transaction<Schema>

export type TeamRow = Selectable<TeamTable> & { readonly spend: SpendJson | null }

export interface MemberRow extends Selectable<TeamMembershipTable> {
  readonly user_email: string | null
  readonly spend: SpendJson | null
}

/** One membership, with what the team lets its plain members do. */
export interface MembershipRow {
  readonly team_id: string
  readonly role: string
  readonly member_permissions: string[]
}

function teams(database: Sql) {
  return database
    .selectFrom('sluice_team as t')
    .selectAll('t')
    .select(spendOf('team', sql.ref('t.team_id')).as('spend'))
}

export async function findTeam(database: Sql, teamId: string): Promise<TeamRow | undefined> {
  return await teams(database).where('t.team_id', '=', teamId).executeTakeFirst()
}

export async function findTeams(database: Sql, teamIds: readonly string[]): Promise<readonly TeamRow[]> {
  return await teams(database)
    .where('t.team_id', '=', sql<string>`any(${teamIds}::text[])`)
    .orderBy('t.created_at')
    .orderBy('t.team_id')
    .execute()
}

export interface TeamFilter {
  /** Teams that all of these users belong to. */
  readonly memberIds: readonly string[]
  /** Teams of these organizations; undefined for all teams. */
  readonly organizationIds: readonly string[] | undefined
}

export async function listTeams(database: Sql, filter: TeamFilter): Promise<readonly TeamRow[]> {
  return await matching(teams(database), filter).orderBy('t.created_at').orderBy('t.team_id').execute()
}

/** The ids of what `listTeams` gives, in its order. */
export async function listTeamIds(database: Sql, filter: TeamFilter): Promise<readonly string[]> {
  const ids = database.selectFrom('sluice_team as t').select('t.team_id')
  const rows = await matching(ids, filter).orderBy('t.created_at').orderBy('t.team_id').execute()
  return rows.map((row) => row.team_id)
}

function matching<Output>(
  query: SelectQueryBuilder<Schema & { t: TeamTable }, 't', Output>,
  { memberIds, organizationIds }: TeamFilter,
): SelectQueryBuilder<Schema & { t: TeamTable }, 't', Output> {
  let matched = query
  if (organizationIds !== undefined) {
    matched = matched.where('t.organization_id', '=', sql<string>`any(${organizationIds}::text[])`)
  }
  for (const userId of memberIds) {
    matched = matched.where(
      sql<boolean>`exists (
        select from sluice_team_membership m where m.team_id = t.team_id and m.user_id = ${userId}
      )`,
    )
  }
  return matched
}

export async function findMembers(database: Sql, teamIds: readonly string[]): Promise<readonly MemberRow[]> {
  return await database
    .selectFrom('sluice_team_membership as m')
    .innerJoin('sluice_user as u', 'u.user_id', 'm.user_id')
    .where('m.team_id', '=', sql<string>`any(${teamIds}::text[])`)
    .selectAll('m')
    .select(['u.user_email', spendOf('team_member', sql`m.team_id || '::' || m.user_id`).as('spend')])
    .orderBy('m.created_at')
    .orderBy('m.user_id')
    .execute()
}

export async function findMemberships(database: Sql, userId: string): Promise<readonly MembershipRow[]> {
  return await database
    .selectFrom('sluice_team_membership as m')
    .innerJoin('sluice_team as t', 't.team_id', 'm.team_id')
    .where('m.user_id', '=', userId)
    .select(['m.team_id', 'm.role', 't.member_permissions'])
    .execute()
}

export async function insertTeam(database: Sql, team: Insertable<TeamTable>): Promise<void> {
  await database.insertInto('sluice_team').values(team).execute()
}

/** Adds members; one that belongs to the team already stays as it is. */
export async function insertMembers(
  database: Sql,
  members: readonly Insertable<TeamMembershipTable>[],
): Promise<void> {
  if (members.length === 0) return
  await database
    .insertInto('sluice_team_membership')
    .values(members)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

export async function updateTeam(
  database: Sql,
  teamId: string,
  change: Updateable<TeamTable>,
): Promise<void> {
  await database.updateTable('sluice_team').set(change).where('team_id', '=', teamId).execute()
}

/** Deletes teams with their memberships; keys of theirs must be gone before. */
export async function deleteTeams(database: Sql, teamIds: readonly string[]): Promise<void> {
  await database
    .deleteFrom('sluice_team')
    .where('team_id', '=', sql<string>`any(${teamIds}::text[])`)
    .execute()
}

export async function updateMember(
  database: Sql,
  teamId: string,
  userId: string,
  change: Updateable<TeamMembershipTable>,
): Promise<void> {
  await database
    .updateTable('sluice_team_membership')
    .set(change)
    .where('team_id', '=', teamId)
    .where('user_id', '=', userId)
    .execute()
}

/** Members of a team whose budget is the team's for all members, or none. */
export async function setMembersBudget(database: Sql, teamId: string, budgetId: string): Promise<void> {
  await database
    .updateTable('sluice_team_membership')
    .set({ budget_id: budgetId })
    .where('team_id', '=', teamId)
    .where('budget_id', 'is', null)
    .execute()
}

export async function deleteMember(database: Sql, teamId: string, userId: string): Promise<void> {
  await database
    .deleteFrom('sluice_team_membership')
    .where('team_id', '=', teamId)
    .where('user_id', '=', userId)
    .execute()
}
