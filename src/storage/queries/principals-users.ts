/** Users: read with their total and their teams, written, listed, deleted. */
import { sql, type Insertable, type Kysely, type Selectable, type Transaction, type Updateable } from 'kysely'
import type { Schema } from '../database.ts'
import type { UserTable } from '../schema/principals.ts'
import { spendOf, spentInWindow, type SpendJson } from './spend-windows.ts'

type Sql = Kysely<Schema> | Transaction<Schema>

export type UserRow = Selectable<UserTable> & {
  readonly spend: SpendJson | null
  readonly teams: readonly string[]
  readonly organization_memberships: readonly UserMembership[]
}

/** Of an organization. */
export interface UserMembership {
  readonly organization_id: string
  readonly user_role: string
  readonly budget_id: string | null
}

export interface UserFilter {
  readonly roles?: readonly string[] | undefined
  readonly userIds?: readonly string[] | undefined
  readonly ssoUserIds?: readonly string[] | undefined
  /** A part of the address, in any case. */
  readonly emailPart?: string | undefined
  readonly teamId?: string | undefined
}

export const USER_SORTS = ['created_at', 'user_id', 'user_email', 'user_alias', 'user_role', 'spend'] as const
export type UserSort = (typeof USER_SORTS)[number]

export interface UserPage {
  readonly offset: number
  readonly limit: number
  readonly sort: UserSort
  readonly descending: boolean
}

const teamsOfUser = sql<readonly string[]>`array(
  select m.team_id from sluice_team_membership m where m.user_id = u.user_id order by m.team_id
)`

const organizationsOfUser = sql<readonly UserMembership[]>`coalesce((
  select jsonb_agg(jsonb_build_object(
    'organization_id', m.organization_id, 'user_role', m.role, 'budget_id', m.budget_id
  ) order by m.organization_id)
  from sluice_organization_membership m where m.user_id = u.user_id
), '[]')`

function users(database: Sql) {
  return database
    .selectFrom('sluice_user as u')
    .selectAll('u')
    .select([
      spendOf('user', sql.ref('u.user_id')).as('spend'),
      teamsOfUser.as('teams'),
      organizationsOfUser.as('organization_memberships'),
    ])
}

export async function findUser(database: Sql, userId: string): Promise<UserRow | undefined> {
  return await users(database).where('u.user_id', '=', userId).executeTakeFirst()
}

export async function findUsers(database: Sql, userIds: readonly string[]): Promise<readonly UserRow[]> {
  return await users(database).where('u.user_id', '=', anyOf(userIds)).orderBy('u.user_id').execute()
}

/** Addresses are the same in any case. */
export async function findUserByEmail(database: Sql, email: string): Promise<UserRow | undefined> {
  return await users(database)
    .where(sql<boolean>`lower(u.user_email) = lower(${email})`)
    .executeTakeFirst()
}

/** One page of users, and how many there are in all. */
export async function listUsers(database: Sql, filter: UserFilter, page: UserPage) {
  let query = database.selectFrom('sluice_user as u')
  if (filter.roles !== undefined) query = query.where('u.user_role', '=', anyOf(filter.roles))
  if (filter.userIds !== undefined) query = query.where('u.user_id', '=', anyOf(filter.userIds))
  if (filter.ssoUserIds !== undefined) query = query.where('u.sso_user_id', '=', anyOf(filter.ssoUserIds))
  if (filter.emailPart !== undefined) {
    query = query.where(sql<boolean>`position(lower(${filter.emailPart}) in lower(u.user_email)) > 0`)
  }
  if (filter.teamId !== undefined) {
    query = query.where(
      sql<boolean>`exists (
        select from sluice_team_membership m where m.user_id = u.user_id and m.team_id = ${filter.teamId}
      )`,
    )
  }
  const order =
    page.sort === 'spend' ? spentInWindow('user', sql.ref('u.user_id')) : sql.ref(`u.${page.sort}`)
  const rows = await query
    .selectAll('u')
    .select([
      spendOf('user', sql.ref('u.user_id')).as('spend'),
      teamsOfUser.as('teams'),
      organizationsOfUser.as('organization_memberships'),
      sql<bigint>`(select count(*) from sluice_virtual_key k where k.user_id = u.user_id)`.as('key_count'),
    ])
    .orderBy(order, (direction) =>
      page.descending ? direction.desc().nullsLast() : direction.asc().nullsLast(),
    )
    .orderBy('u.user_id')
    .limit(page.limit)
    .offset(page.offset)
    .execute()
  const { count } = await query.select(sql<bigint>`count(*)`.as('count')).executeTakeFirstOrThrow()
  return { rows, count: Number(count) }
}

function anyOf(values: readonly string[]) {
  return sql<string>`any(${values}::text[])`
}

export async function insertUser(database: Sql, user: Insertable<UserTable>): Promise<void> {
  await database.insertInto('sluice_user').values(user).execute()
}

export async function updateUser(
  database: Sql,
  userId: string,
  change: Updateable<UserTable>,
): Promise<void> {
  await database.updateTable('sluice_user').set(change).where('user_id', '=', userId).execute()
}

/** Deletes users with their memberships. @returns the ids that existed. */
export async function deleteUsers(database: Sql, userIds: readonly string[]): Promise<readonly string[]> {
  const rows = await database
    .deleteFrom('sluice_user')
    .where('user_id', '=', anyOf(userIds))
    .returning('user_id')
    .execute()
  return rows.map((row) => row.user_id)
}
