/** Users, keys, teams, budgets, organizations and customers. */
import { sql } from 'kysely'
import type { Migration } from './migration.ts'

const LIMITS = `
    max_budget bigint check (max_budget >= 0),
    soft_budget bigint check (soft_budget >= 0),
    budget_duration text,
    tpm_limit bigint check (tpm_limit >= 0),
    rpm_limit bigint check (rpm_limit >= 0),
    max_parallel_requests bigint check (max_parallel_requests >= 0)`

const WINDOW = `
    spend_baseline numeric(38, 0) not null default 0,
    budget_reset_at timestamptz`

const OPEN = `
    metadata jsonb not null default '{}',
    details jsonb not null default '{}'`

const AUDIT = `
    created_at timestamptz not null default now(),
    created_by text,
    updated_at timestamptz not null default now(),
    updated_by text`

const STATEMENTS = [
  `create table sluice_budget (
    budget_id text primary key,
    model_max_budget jsonb not null default '{}',${LIMITS},${AUDIT}
  )`,
  `create table sluice_organization (
    organization_id text primary key,
    organization_alias text not null,
    budget_id text references sluice_budget on delete set null,
    models text[] not null default '{}',${WINDOW},${OPEN},${AUDIT}
  )`,
  `create table sluice_user (
    user_id text primary key,
    user_alias text,
    user_email text,
    user_role text not null
      check (user_role in ('proxy_admin', 'proxy_admin_viewer', 'internal_user', 'internal_user_viewer')),
    sso_user_id text unique,
    models text[] not null default '{}',${LIMITS},${WINDOW},${OPEN},${AUDIT}
  )`,
  `create unique index sluice_user_email on sluice_user (lower(user_email))`,
  `create table sluice_team (
    team_id text primary key,
    team_alias text,
    organization_id text references sluice_organization,
    models text[] not null default '{}',
    model_aliases jsonb not null default '{}',
    blocked boolean not null default false,
    member_permissions text[] not null default '{}',${LIMITS},${WINDOW},${OPEN},${AUDIT}
  )`,
  `create table sluice_team_membership (
    team_id text not null references sluice_team on delete cascade,
    user_id text not null references sluice_user on delete cascade,
    role text not null check (role in ('admin', 'user')),
    budget_id text references sluice_budget on delete set null,${WINDOW},
    created_at timestamptz not null default now(),
    primary key (team_id, user_id)
  )`,
  `create index sluice_team_membership_user on sluice_team_membership (user_id)`,
  `create table sluice_virtual_key (
    key_hash text primary key check (key_hash ~ '^[0-9a-f]{64}$'),
    key_name text not null,
    key_alias text unique,
    user_id text,
    team_id text references sluice_team,
    organization_id text references sluice_organization,
    budget_id text references sluice_budget on delete set null,
    models text[] not null default '{}',
    aliases jsonb not null default '{}',
    allowed_routes text[] not null default '{}',
    expires_at timestamptz,
    blocked boolean not null default false,${LIMITS},${WINDOW},${OPEN},${AUDIT}
  )`,
  `create index sluice_virtual_key_user on sluice_virtual_key (user_id)`,
  `create index sluice_virtual_key_team on sluice_virtual_key (team_id)`,
  `create index sluice_virtual_key_created on sluice_virtual_key (created_at, key_hash)`,
  `create table sluice_customer (
    customer_id text primary key,
    alias text,
    budget_id text references sluice_budget on delete set null,
    blocked boolean not null default false,
    allowed_model_region text,
    default_model text,${WINDOW},${AUDIT}
  )`,
  `create table sluice_deleted_key (
    key_hash text not null,
    row jsonb not null,
    deleted_at timestamptz not null default now(),
    deleted_by text,
    deleted_by_key_hash text,
    primary key (key_hash, deleted_at)
  )`,
  `create table sluice_principal_change (
    change_id bigint generated always as identity primary key,
    subject text not null check (subject in ('key', 'user', 'team')),
    subject_id text not null,
    changed_at timestamptz not null default clock_timestamp()
  )`,
  `create index sluice_principal_change_at on sluice_principal_change (changed_at)`,
]

export const principals: Migration = {
  id: '0002-principals',
  async up(transaction) {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction)
  },
}
