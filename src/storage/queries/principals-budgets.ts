/** Budgets that others point at: listed, changed, deleted, and who takes limits from them. */
import { sql, type Kysely, type Transaction } from 'kysely'
import type { Schema } from '../database.ts'
import type { BudgetRow } from './principals-keys.ts'
import type { ScopeName } from './spend-windows.ts'

type Sql = Kysely<Schema> | Transaction<Schema>

/** An answer's bound, for lists that the API gives whole. */
export const MOST_ROWS = 10_000

export async function listBudgets(database: Sql): Promise<readonly BudgetRow[]> {
  return await database
    .selectFrom('sluice_budget')
    .selectAll()
    .orderBy('created_at')
    .orderBy('budget_id')
    .limit(MOST_ROWS)
    .execute()
}

export async function deleteBudget(database: Sql, budgetId: string): Promise<void> {
  await database.deleteFrom('sluice_budget').where('budget_id', '=', budgetId).execute()
}

/** How many rows point at a budget; a team counts that gives it to its members. */
export async function countBudgetUses(database: Sql, budgetId: string): Promise<number> {
  const { rows } = await sql<{ uses: bigint }>`
    select (select count(*) from sluice_virtual_key where budget_id = ${budgetId})
      + (select count(*) from sluice_team_membership where budget_id = ${budgetId})
      + (select count(*) from sluice_organization where budget_id = ${budgetId})
      + (select count(*) from sluice_organization_membership where budget_id = ${budgetId})
      + (select count(*) from sluice_customer where budget_id = ${budgetId})
      + (select count(*) from sluice_tag where budget_id = ${budgetId})
      + (select count(*) from sluice_team where metadata ->> 'team_member_budget_id' = ${budgetId}) as uses
  `.execute(database)
  return Number(rows[0]?.uses ?? 0)
}

/** The totals of the models that budgets limit, within owners that take their limits from them. */
export async function modelTotalsOf(
  database: Sql,
  kind: 'end_user_model' | 'tag_model',
  ownerIds: readonly string[],
  budgetIds: readonly string[],
): Promise<readonly ScopeName[]> {
  const { rows } = await sql<ScopeName>`
    select s.scope as kind, s.scope_id as id
    from unnest(${ownerIds}::text[]) as owner (id)
    cross join (
      select distinct jsonb_object_keys(model_max_budget) as name from sluice_budget
      where budget_id = any(${budgetIds}::text[])
    ) as model
    join sluice_spend_total s on s.scope = ${kind} and s.scope_id = owner.id || '::' || model.name
  `.execute(database)
  return rows
}

/** The scopes whose budget windows are as long as this budget says. */
export async function scopesOfBudget(database: Sql, budgetId: string): Promise<readonly ScopeName[]> {
  const { rows } = await sql<ScopeName>`
    select 'key' as kind, key_hash as id from sluice_virtual_key
      where budget_id = ${budgetId} and budget_duration is null
    union all
    select 'team_member', team_id || '::' || user_id from sluice_team_membership where budget_id = ${budgetId}
    union all select 'organization', organization_id from sluice_organization where budget_id = ${budgetId}
    union all
    select 'organization_member', organization_id || '::' || user_id from sluice_organization_membership
      where budget_id = ${budgetId}
    union all select 'end_user', customer_id from sluice_customer where budget_id = ${budgetId}
    union all select 'tag', tag_name from sluice_tag where budget_id = ${budgetId}
  `.execute(database)
  return rows
}
