/** Customers and tags as the call path asks for them: who has limits, and what these are. */
import { sql, type Kysely } from 'kysely'
import type { Schema } from '../database.ts'
import { limitsOf, type LimitsJson } from './principals.ts'
import { spendOf, type SpendJson } from './spend-windows.ts'

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

export interface LimitedCustomer {
  readonly blocked: boolean
  readonly alias: string | null
  /** Null without a budget. */
  readonly limits: LimitsJson | null
  readonly spend: SpendJson | null
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
      spendOf('end_user', sql`c.customer_id`).as('spend'),
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

export interface LimitedTag {
  /** Null without a budget. */
  readonly limits: LimitsJson | null
  readonly spend: SpendJson | null
}

/** A tag, also one that has no row but for its spend. */
export async function findLimitedTag(database: Kysely<Schema>, tagName: string): Promise<LimitedTag> {
  const row = await database
    .selectNoFrom([
      sql<LimitsJson | null>`(
        select ${limitsOf('b')} from sluice_tag t join sluice_budget b on b.budget_id = t.budget_id
        where t.tag_name = ${tagName}
      )`.as('limits'),
      spendOf('tag', sql`${tagName}::text`).as('spend'),
    ])
    .executeTakeFirst()
  return row ?? { limits: null, spend: null }
}

export async function findBudgetLimits(
  database: Kysely<Schema>,
  budgetId: string,
): Promise<LimitsJson | undefined> {
  const row = await database
    .selectFrom('sluice_budget as b')
    .select(limitsOf('b').as('limits'))
    .where('b.budget_id', '=', budgetId)
    .executeTakeFirst()
  return row?.limits
}
