/** Everything about callers in one query, and what changed in other processes. */
import { sql, type Kysely, type RawBuilder, type Transaction } from 'kysely'
import type { Schema } from '../database.ts'
import { spendOf, spendsOf } from './spend-windows.ts'

type Sql = Kysely<Schema> | Transaction<Schema>

/** Team and user in the id of a `team_member` total. */
export function teamMemberScopeId(teamId: string, userId: string): string {
  return `${teamId}::${userId}`
}

/** Organization and user in the id of an `organization_member` total. */
export function organizationMemberScopeId(organizationId: string, userId: string): string {
  return `${organizationId}::${userId}`
}

/** Model group in the id of a `key_model`, `user_model`, … total, after the id of the key, the user, … */
export function modelScopeId(ownerId: string, modelGroup: string): string {
  return `${ownerId}::${modelGroup}`
}

/** Window in the id of a `key_window` or `team_window` total, after the key's hash or the team's id. */
export function windowScopeId(ownerId: string, duration: string): string {
  return `${ownerId}::${duration}`
}

/** Limits of a row as JSON: decimal text for picodollars. */
export interface LimitsJson {
  readonly max: string | null
  readonly soft: string | null
  readonly rpm: number | null
  readonly tpm: number | null
  readonly parallel: number | null
  /** After which time the budget begins anew, e.g. `30d`. */
  readonly duration: string | null
}

/** The limits of a row, those of a shared budget where the row itself has none. */
export function limitsOf(table: string, budget?: string): RawBuilder<LimitsJson> {
  const column = (name: string): string =>
    budget === undefined ? `${table}.${name}` : `coalesce(${table}.${name}, ${budget}.${name})`
  return sql<LimitsJson>`jsonb_build_object(
    'max', ${sql.raw(column('max_budget'))}::text, 'soft', ${sql.raw(column('soft_budget'))}::text,
    'rpm', ${sql.raw(column('rpm_limit'))}, 'tpm', ${sql.raw(column('tpm_limit'))},
    'parallel', ${sql.raw(column('max_parallel_requests'))}, 'duration', ${sql.raw(column('budget_duration'))})`
}

type JsonObject = Record<string, unknown>

const MEMBER_ID = sql`k.team_id || '::' || k.user_id`
const ORGANIZATION_MEMBER_ID = sql`om.organization_id || '::' || om.user_id`

/** `model_max_budget` of the key, or of its shared budget. */
const KEY_MODEL_BUDGETS = sql<JsonObject | null>`coalesce(
  nullif(k.details -> 'model_max_budget', '{}'), nullif(kb.model_max_budget, '{}')
)`
const USER_MODEL_BUDGETS = sql<JsonObject | null>`nullif(u.details -> 'model_max_budget', '{}')`
const TEAM_MODEL_BUDGETS = sql<JsonObject | null>`nullif(t.details -> 'model_max_budget', '{}')`
const MEMBER_MODEL_BUDGETS = modelBudgetsOf('mb')
const ORGANIZATION_MODEL_BUDGETS = modelBudgetsOf('ob')
const ORGANIZATION_MEMBER_MODEL_BUDGETS = modelBudgetsOf('omb')

/** `model_max_budget` of a budget's row. */
export function modelBudgetsOf(budget: string): RawBuilder<JsonObject | null> {
  return sql<JsonObject | null>`nullif(${sql.raw(budget)}.model_max_budget, '{}')`
}

/** Ids of the totals of the models that an owner limits. */
export function modelScopeIds(
  ownerId: RawBuilder<unknown>,
  budgets: RawBuilder<unknown>,
): RawBuilder<unknown> {
  return sql`array(
    select ${ownerId} || '::' || model
    from jsonb_object_keys(case when jsonb_typeof(${budgets}) = 'object' then ${budgets} end) as model
  )`
}

const KEY_WINDOWS = sql<unknown>`k.details -> 'budget_limits'`
const TEAM_WINDOWS = sql<unknown>`t.details -> 'budget_limits'`

function windowScopeIds(ownerId: RawBuilder<unknown>, windows: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`array(
    select ${ownerId} || '::' || (part ->> 'budget_duration')
    from jsonb_array_elements(case when jsonb_typeof(${windows}) = 'array' then ${windows} end) as part
  )`
}

/**
 * Keys with their user, team, membership, organization, their limits and what they have spent: one statement, most of
 * whose cost is that of planning it, so that a hundred keys take little more than one.
 *
 * @returns those that exist, in no order.
 */
export async function findPrincipals(database: Sql, keyHashes: readonly string[]) {
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
    .leftJoin('sluice_organization_membership as om', (join) =>
      join.onRef('om.organization_id', '=', 'o.organization_id').onRef('om.user_id', '=', 'k.user_id'),
    )
    .leftJoin('sluice_budget as omb', 'omb.budget_id', 'om.budget_id')
    .where('k.key_hash', '=', sql<string>`any(${keyHashes}::text[])`)
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
      'u.user_id as known_user_id',
      'u.user_role',
      'u.user_email',
      'u.user_alias',
      'u.models as user_models',
      'u.metadata as user_metadata',
      't.team_alias',
      't.blocked as team_blocked',
      't.models as team_models',
      't.model_aliases as team_aliases',
      't.metadata as team_metadata',
      'm.user_id as member_user_id',
      'o.organization_id',
      'o.organization_alias',
      'o.models as organization_models',
      'o.metadata as organization_metadata',
      'om.user_id as organization_member_user_id',
    ])
    .select([
      limitsOf('k', 'kb').as('key_limits'),
      limitsOf('u').as('user_limits'),
      limitsOf('t').as('team_limits'),
      limitsOf('mb').as('member_limits'),
      limitsOf('ob').as('organization_limits'),
      limitsOf('omb').as('organization_member_limits'),
      spendOf('key', sql`k.key_hash`).as('key_spend'),
      spendOf('user', sql`k.user_id`).as('user_spend'),
      spendOf('team', sql`k.team_id`).as('team_spend'),
      spendOf('team_member', MEMBER_ID).as('member_spend'),
      spendOf('organization', sql`o.organization_id`).as('organization_spend'),
      spendOf('organization_member', ORGANIZATION_MEMBER_ID).as('organization_member_spend'),
      KEY_MODEL_BUDGETS.as('key_model_budgets'),
      USER_MODEL_BUDGETS.as('user_model_budgets'),
      TEAM_MODEL_BUDGETS.as('team_model_budgets'),
      MEMBER_MODEL_BUDGETS.as('member_model_budgets'),
      ORGANIZATION_MODEL_BUDGETS.as('organization_model_budgets'),
      ORGANIZATION_MEMBER_MODEL_BUDGETS.as('organization_member_model_budgets'),
      spendsOf('key_model', modelScopeIds(sql`k.key_hash`, KEY_MODEL_BUDGETS)).as('key_model_spends'),
      spendsOf('user_model', modelScopeIds(sql`k.user_id`, USER_MODEL_BUDGETS)).as('user_model_spends'),
      spendsOf('team_model', modelScopeIds(sql`k.team_id`, TEAM_MODEL_BUDGETS)).as('team_model_spends'),
      spendsOf('team_member_model', modelScopeIds(MEMBER_ID, MEMBER_MODEL_BUDGETS)).as('member_model_spends'),
      spendsOf('organization_model', modelScopeIds(sql`o.organization_id`, ORGANIZATION_MODEL_BUDGETS)).as(
        'organization_model_spends',
      ),
      spendsOf(
        'organization_member_model',
        modelScopeIds(ORGANIZATION_MEMBER_ID, ORGANIZATION_MEMBER_MODEL_BUDGETS),
      ).as('organization_member_model_spends'),
      KEY_WINDOWS.as('key_windows'),
      TEAM_WINDOWS.as('team_windows'),
      spendsOf('key_window', windowScopeIds(sql`k.key_hash`, KEY_WINDOWS)).as('key_window_spends'),
      spendsOf('team_window', windowScopeIds(sql`k.team_id`, TEAM_WINDOWS)).as('team_window_spends'),
      sql<unknown>`k.details -> 'allowed_cache_controls'`.as('allowed_cache_controls'),
    ])
    .execute()
}

export type PrincipalRow = Awaited<ReturnType<typeof findPrincipals>>[number]

/** `all` stands for everything that a process knows. */
export type ChangeSubject = 'key' | 'user' | 'team' | 'organization' | 'customer' | 'tag' | 'budget' | 'all'

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

/**
 * Changes newer than a time, and the database's clock now.
 * @param since of that clock, or how many milliseconds before now.
 */
export async function readChanges(database: Sql, since: Date | number) {
  const from =
    since instanceof Date
      ? sql`${since}::timestamptz`
      : sql`now() - ${since}::float8 * interval '1 millisecond'`
  const { rows } = await sql<{ now: Date; changes: readonly ChangeRow[] | null }>`
    select clock_timestamp() as now, (
      select jsonb_agg(jsonb_build_object('id', change_id::text, 'subject', subject, 'subject_id', subject_id))
      from sluice_principal_change where changed_at > ${from}
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
