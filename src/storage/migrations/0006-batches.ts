/** Files and batches at providers, with their owners; leases on work that one process does for all. */
import { sql } from 'kysely'
import type { Migration } from './migration.ts'

const STATEMENTS = [
  `create table sluice_managed_file (
    file_id text primary key,
    owner text not null,
    provider_file_id text not null,
    model_id text not null,
    deployment jsonb not null,
    purpose text not null,
    filename text not null,
    bytes bigint not null,
    created_at timestamptz not null,
    expires_at timestamptz,
    unique (model_id, provider_file_id)
  )`,
  `create index sluice_managed_file_owner on sluice_managed_file (owner, created_at, file_id)`,
  `create table sluice_managed_batch (
    batch_id text primary key,
    owner text not null,
    caller jsonb not null,
    end_user text,
    tags jsonb not null,
    provider_batch_id text,
    model_id text not null,
    deployment jsonb not null,
    endpoint text not null,
    status text not null,
    input_file_id text not null,
    output_file_id text,
    error_file_id text,
    batch_object jsonb not null,
    created_at timestamptz not null,
    completed_at timestamptz,
    cost_state text not null default 'pending' check (cost_state in ('pending', 'booked', 'none', 'stale')),
    settled_at timestamptz,
    picodollars numeric(38, 0),
    polled_at timestamptz,
    unique (model_id, provider_batch_id)
  )`,
  `create index sluice_managed_batch_owner on sluice_managed_batch (owner, created_at, batch_id)`,
  `create index sluice_managed_batch_pending on sluice_managed_batch (polled_at nulls first)
    where cost_state = 'pending'`,
  `create table sluice_lease (
    name text primary key,
    holder text not null,
    expires_at timestamptz not null,
    begun_at timestamptz not null default now()
  )`,
]

export const batches: Migration = {
  id: '0006-batches',
  async up(transaction) {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction)
  },
}
