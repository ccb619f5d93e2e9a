/** What was taken over from another gateway's database: which rows and which spend, so that none is taken twice. */
import { sql } from 'kysely'
import type { Migration } from './migration.ts'

const STATEMENTS = [
  `create table sluice_imported_row (
    kind text not null,
    row_id text not null,
    source_digest text not null,
    written_digest text not null,
    imported_at timestamptz not null default now(),
    primary key (kind, row_id)
  )`,
  `create table sluice_imported_spend (
    scope text not null,
    scope_id text not null,
    total numeric(38, 0) not null,
    spent numeric(38, 0) not null,
    window_duration text,
    window_ends_at timestamptz,
    imported_at timestamptz not null default now(),
    primary key (scope, scope_id)
  )`,
]

export const imports: Migration = {
  id: '0007-imports',
  async up(transaction) {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction)
  },
}
