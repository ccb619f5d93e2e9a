/** Customers: end users that an administrator has a row for, and those who have only spent. */
import { sql, type Insertable, type Kysely, type Selectable, type Transaction, type Updateable } from 'kysely'
import type { Schema } from '../database.ts'
import type { CustomerTable } from '../schema/principals.ts'
import { MOST_ROWS } from './principals-budgets.ts'
import { spendOf, type SpendJson } from './spend-windows.ts'

type Sql = Kysely<Schema> | Transaction<Schema>

export type CustomerRow = Omit<
  Selectable<CustomerTable>,
  'created_at' | 'updated_at' | 'created_by' | 'updated_by'
> & {
  readonly spend: SpendJson | null
}

const COLUMNS = [
  'c.customer_id',
  'c.alias',
  'c.budget_id',
  'c.blocked',
  'c.allowed_model_region',
  'c.default_model',
] as const

function customers(database: Sql) {
  return database
    .selectFrom('sluice_customer as c')
    .select(COLUMNS)
    .select(spendOf('end_user', sql.ref('c.customer_id')).as('spend'))
}

export async function findCustomer(database: Sql, customerId: string): Promise<CustomerRow | undefined> {
  return await customers(database).where('c.customer_id', '=', customerId).executeTakeFirst()
}

export async function listBlockedCustomers(database: Sql): Promise<readonly CustomerRow[]> {
  return await customers(database)
    .where('c.blocked', '=', true)
    .orderBy('c.customer_id')
    .limit(MOST_ROWS)
    .execute()
}

/** Customers with a row, then end users who have spent and have none. */
export async function listCustomers(database: Sql): Promise<readonly CustomerRow[]> {
  const known = await customers(database).orderBy('c.customer_id').limit(MOST_ROWS).execute()
  const spenders = await database
    .selectFrom('sluice_spend_total as t')
    .select('t.scope_id')
    .where('t.scope', '=', 'end_user')
    .where(sql<boolean>`t.picodollars <> t.baseline`)
    .where(sql<boolean>`not exists (select from sluice_customer known where known.customer_id = t.scope_id)`)
    .select(spendOf('end_user', sql.ref('t.scope_id')).as('spend'))
    .orderBy('t.scope_id')
    .limit(MOST_ROWS - known.length)
    .execute()
  return [...known, ...spenders.map(({ scope_id: id, spend }) => customerWithoutRow(id, spend))]
}

/** An end user who has spent, and whom no administrator has a row for. */
export async function findSpender(database: Sql, customerId: string): Promise<CustomerRow | undefined> {
  const row = await database
    .selectFrom('sluice_spend_total as t')
    .select(spendOf('end_user', sql.ref('t.scope_id')).as('spend'))
    .where('t.scope', '=', 'end_user')
    .where('t.scope_id', '=', customerId)
    .where(sql<boolean>`t.picodollars <> t.baseline`)
    .executeTakeFirst()
  return row === undefined ? undefined : customerWithoutRow(customerId, row.spend)
}

function customerWithoutRow(customerId: string, spend: SpendJson | null): CustomerRow {
  return {
    customer_id: customerId,
    alias: null,
    budget_id: null,
    blocked: false,
    allowed_model_region: null,
    default_model: null,
    spend,
  }
}

export async function insertCustomer(database: Sql, customer: Insertable<CustomerTable>): Promise<void> {
  await database.insertInto('sluice_customer').values(customer).execute()
}

/** Makes the row where there is none yet. */
export async function upsertCustomer(
  database: Sql,
  customerId: string,
  change: Updateable<CustomerTable>,
): Promise<void> {
  await database
    .insertInto('sluice_customer')
    .values({ ...change, customer_id: customerId })
    .onConflict((conflict) =>
      conflict.column('customer_id').doUpdateSet({ ...change, updated_at: sql`now()` }),
    )
    .execute()
}

/** Ids of the budgets that customers point at. */
export async function budgetsOfCustomers(
  database: Sql,
  customerIds: readonly string[],
): Promise<readonly string[]> {
  const rows = await database
    .selectFrom('sluice_customer')
    .select('budget_id')
    .distinct()
    .where('customer_id', '=', sql<string>`any(${customerIds}::text[])`)
    .execute()
  return rows.flatMap((row) => row.budget_id ?? [])
}

/** @returns the ids that had a row. */
export async function deleteCustomers(
  database: Sql,
  customerIds: readonly string[],
): Promise<readonly string[]> {
  const rows = await database
    .deleteFrom('sluice_customer')
    .where('customer_id', '=', sql<string>`any(${customerIds}::text[])`)
    .returning('customer_id')
    .execute()
  return rows.map((row) => row.customer_id)
}
