/** The ledger's tables: totals per scope. */
import { sql } from 'kysely'
import type { Migration } from './migration.ts'

const STATEMENTS = [
  `create table sluice_spend_total (
    scope text not null,
    scope_id text not null,
    picodollars bigint not null default 0,
    primary key (scope, scope_id)
  )`,
]

export const spend: Migration = {
  id: '0001-spend',
  async up(transaction) {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction)
  },
}
