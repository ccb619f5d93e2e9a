/** Everything about a caller in one query, and what changed in other processes. */
import { sql, type Kysely, type Transaction } from 'kysely'
import type { Schema } from '../database.ts'
import { spendTotal } from './spend-total.ts'

type Sql = Kysely<Schema> | Transaction<Schema>

/** Team and user in the id of a `team_member` total. */
export function teamMemberScopeId(teamId: string, userId: string): string {
  return `${teamId}::${userId}`
}

/**
 * The key with its user, team, membership, organization, their budgets and their totals. Budgets of the own row go
 * before those of a shared budget.
 *
 * @returns undefined when no such key exists.
 */
export async function findPrincipal(database: Sql, keyHash: string) {
  return await database
    .selectFrom('sluice_virtual_key as k')
    .leftJoin('sluice_budget as kb', 'kb.budget_id', 'k.budget_id')
    .leftJoin('sluice_user as u', 'u.user_id', 'k.user_id')
    .leftJoin('sluice_team as t', 't.team_id', 'k.team_id')
    .leftJoin('sluice_team_membership as m', (join) =>
      join.onRef('m.team_id', '=', 'k.team_id').onRef('m.user_id', '=', 'k.user_id'),
    )
    .leftJoin('sluice_budget as mb', 'mb.budget_id', 'm.budget_id')
    .leftJoin('sluice_organization as o', (join) =>
      join.on('o.organization_id', '=', sql<string>`coalesce(k.organization_id, t.organization_id)`),
    )
    .leftJoin('sluice_budget as ob', 'ob.budget_id', 'o.budget_id')
    .where('k.key_hash', '=', keyHash)
    .select([
      'k.key_hash',
      'k.key_name',
      'k.key_alias',
      'k.user_id',
      'k.team_id',
      'k.models',
      'k.aliases',
      'k.allowed_routes',
      'k.expires_at',
      'k.blocked',
      'k.metadata',
      'k.spend_baseline as key_baseline',
      'k.budget_reset_at as key_reset_at',
      'u.user_id as known_user_id',
      'u.user_role',
      'u.user_email',
      'u.user_alias',
      'u.models as user_models',
      'u.max_budget as user_max_budget',
      'u.spend_baseline as user_baseline',
      'u.budget_reset_at as user_reset_at',
      't.team_alias',
      't.blocked as team_blocked',
      't.models as team_models',
      't.model_aliases as team_aliases',
      't.metadata as team_metadata',
      't.max_budget as team_max_budget',
      't.spend_baseline as team_baseline',
      't.budget_reset_at as team_reset_at',
      'm.user_id as member_user_id',
      'mb.max_budget as member_max_budget',
      'm.spend_baseline as member_baseline',
      'm.budget_reset_at as member_reset_at',
      'o.organization_id',
      'o.organization_alias',
      'ob.max_budget as organization_max_budget',
      'o.spend_baseline as organization_baseline',
      'o.budget_reset_at as organization_reset_at',
    ])
    .select([
      sql<bigint | null>`coalesce(k.max_budget, kb.max_budget)`.as('key_max_budget'),
      spendTotal('key', sql`k.key_hash`).as('key_total'),
      spendTotal('user', sql`k.user_id`).as('user_total'),
      spendTotal('team', sql`k.team_id`).as('team_total'),
      spendTotal('team_member', sql`k.team_id || '::' || k.user_id`).as('member_total'),
      spendTotal('organization', sql`o.organization_id`).as('organization_total'),
      sql<unknown>`k.details -> 'allowed_cache_controls'`.as('allowed_cache_controls'),
    ])
    .executeTakeFirst()
}

export type PrincipalRow = NonNullable<Awaited<ReturnType<typeof findPrincipal>>>

export type ChangeSubject = 'key' | 'user' | 'team'

export interface PrincipalChange {
  readonly subject: ChangeSubject
  readonly id: string
}

/** Writes down, in the transaction that makes a change, what every process must forget. */
export async function announceChanges(database: Sql, changes: readonly PrincipalChange[]): Promise<void> {
  if (changes.length === 0) return
  await database
    .insertInto('sluice_principal_change')
    .values(changes.map(({ subject, id }) => ({ subject, subject_id: id })))
    .execute()
}

/** Changes newer than a time of the database's clock, and that clock now. Without a time: the clock only. */
export async function readChanges(database: Sql, since: Date | undefined) {
  const { rows } = await sql<{ now: Date; changes: readonly ChangeRow[] | null }>`
    select clock_timestamp() as now, (
      select jsonb_agg(jsonb_build_object('id', change_id::text, 'subject', subject, 'subject_id', subject_id))
      from sluice_principal_change where changed_at > ${since ?? null}::timestamptz
    ) as changes`.execute(database)
  const row = rows[0]
  if (row === undefined) throw new Error('the database answered a select without a row')
  return { now: row.now, changes: row.changes ?? [] }
}

export interface ChangeRow {
  readonly id: string
  readonly subject: ChangeSubject
  readonly subject_id: string
}

/** Removes changes that every living process has seen. */
export async function pruneChanges(database: Sql, olderThan: Date): Promise<void> {
  await database.deleteFrom('sluice_principal_change').where('changed_at', '<', olderThan).execute()
}
