/** Customers and tags as the call path asks for them: who has limits, and what these are. */
import { sql, type Kysely } from 'kysely'
import type { Schema } from '../database.ts'
import { limitsOf, modelBudgetsOf, modelScopeIds, type LimitsJson } from './principals.ts'
import { spendOf, spendsOf, type SpendJson } from './spend-windows.ts'

/** Customers that are blocked or have a budget. */
export async function listLimitedCustomers(
  database: Kysely<Schema>,
  most: number,
): Promise<readonly string[]> {
  const rows = await database
    .selectFrom('sluice_customer')
    .select('customer_id')
    .where((where) => where.or([where('blocked', '=', true), where('budget_id', 'is not', null)]))
    .limit(most)
    .execute()
  return rows.map((row) => row.customer_id)
}

/** What a budget says. */
export interface BudgetLimits {
  /** Null without a budget. */
  readonly limits: LimitsJson | null
  /** `model_max_budget`. */
  readonly model_budgets: unknown
}

/** What is limited by a budget, and what was spent of it. */
interface Spent {
  readonly spend: SpendJson | null
  /** Of single models, by the ids of their totals. */
  readonly model_spends: Readonly<Record<string, SpendJson>> | null
}

export interface LimitedCustomer extends BudgetLimits, Spent {
  readonly blocked: boolean
  readonly alias: string | null
}

export async function findLimitedCustomer(
  database: Kysely<Schema>,
  customerId: string,
): Promise<LimitedCustomer | undefined> {
  return await database
    .selectFrom('sluice_customer as c')
    .leftJoin('sluice_budget as b', 'b.budget_id', 'c.budget_id')
    .where('c.customer_id', '=', customerId)
    .select([
      'c.blocked',
      'c.alias',
      sql<LimitsJson | null>`case when b.budget_id is not null then ${limitsOf('b')} end`.as('limits'),
      modelBudgetsOf('b').as('model_budgets'),
      spendOf('end_user', sql`c.customer_id`).as('spend'),
      spendsOf('end_user_model', modelScopeIds(sql`c.customer_id`, modelBudgetsOf('b'))).as('model_spends'),
    ])
    .executeTakeFirst()
}

/** Tags that have a budget. */
export async function listLimitedTags(database: Kysely<Schema>, most: number): Promise<readonly string[]> {
  const rows = await database
    .selectFrom('sluice_tag')
    .select('tag_name')
    .where('budget_id', 'is not', null)
    .limit(most)
    .execute()
  return rows.map((row) => row.tag_name)
}

export interface LimitedTag extends BudgetLimits, Spent {}

/** A tag, also one that has no row but for its spend. */
export async function findLimitedTag(database: Kysely<Schema>, tagName: string): Promise<LimitedTag> {
  const { rows } = await sql<LimitedTag>`
    select case when b.budget_id is not null then ${limitsOf('b')} end as limits,
      ${modelBudgetsOf('b')} as model_budgets, ${spendOf('tag', sql`asked.tag`)} as spend,
      ${spendsOf('tag_model', modelScopeIds(sql`asked.tag`, modelBudgetsOf('b')))} as model_spends
    from (select ${tagName}::text as tag) as asked
    left join sluice_tag t on t.tag_name = asked.tag
    left join sluice_budget b on b.budget_id = t.budget_id`.execute(database)
  return rows[0] ?? { limits: null, model_budgets: null, spend: null, model_spends: null }
}

export async function findBudgetLimits(
  database: Kysely<Schema>,
  budgetId: string,
): Promise<BudgetLimits | undefined> {
  return await database
    .selectFrom('sluice_budget as b')
    .select([limitsOf('b').as('limits'), modelBudgetsOf('b').as('model_budgets')])
    .where('b.budget_id', '=', budgetId)
    .executeTakeFirst()
}
