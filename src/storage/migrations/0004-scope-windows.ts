/** The open budget window of every scope beside its total; tags; more kinds of changes that processes hear of. */
import { sql } from 'kysely'
import type { Migration } from './migration.ts'

/** Tables that held the windows of their rows, and what each is called among the totals. */
const MOVED = [
  { table: 'sluice_virtual_key', scope: 'key', id: 'w.key_hash', duration: 'w.budget_duration' },
  { table: 'sluice_user', scope: 'user', id: 'w.user_id', duration: 'w.budget_duration' },
  { table: 'sluice_team', scope: 'team', id: 'w.team_id', duration: 'w.budget_duration' },
  { table: 'sluice_team_membership', scope: 'team_member', id: `w.team_id || '::' || w.user_id` },
  { table: 'sluice_organization', scope: 'organization', id: 'w.organization_id' },
  { table: 'sluice_customer', scope: 'end_user', id: 'w.customer_id' },
] as const

const SHARED_DURATION = '(select b.budget_duration from sluice_budget b where b.budget_id = w.budget_id)'

const STATEMENTS = [
  // What counts in the open window is picodollars - baseline. What calls that end after the window have cost stands
  // in `ahead` until the next window begins.
  `alter table sluice_spend_total
    add column baseline numeric(38, 0) not null default 0,
    add column ahead numeric(38, 0) not null default 0,
    add column window_duration text,
    add column window_started_at timestamptz,
    add column window_ends_at timestamptz`,
  `create index sluice_spend_total_window on sluice_spend_total (window_ends_at) where window_ends_at is not null`,
  ...MOVED.map(
    (moved) => `insert into sluice_spend_total as old
      (scope, scope_id, baseline, window_duration, window_ends_at)
    select '${moved.scope}', ${moved.id}, w.spend_baseline,
      ${'duration' in moved ? moved.duration : SHARED_DURATION}, w.budget_reset_at
    from ${moved.table} w where w.spend_baseline <> 0 or w.budget_reset_at is not null
    on conflict (scope, scope_id) do update set baseline = excluded.baseline,
      window_duration = excluded.window_duration, window_ends_at = excluded.window_ends_at`,
  ),
  ...MOVED.map(({ table }) => `alter table ${table} drop column spend_baseline, drop column budget_reset_at`),
  `create table sluice_tag (
    tag_name text primary key,
    description text,
    models text[] not null default '{}',
    budget_id text references sluice_budget on delete set null,
    created_at timestamptz not null default now(),
    created_by text,
    updated_at timestamptz not null default now(),
    updated_by text
  )`,
  `alter table sluice_principal_change drop constraint sluice_principal_change_subject_check`,
  `alter table sluice_principal_change add constraint sluice_principal_change_subject_check
    check (subject in ('key', 'user', 'team', 'organization', 'customer', 'tag', 'budget', 'all'))`,
  `create index sluice_virtual_key_budget on sluice_virtual_key (budget_id) where budget_id is not null`,
  `create index sluice_virtual_key_organization on sluice_virtual_key (organization_id)
    where organization_id is not null`,
]

export const scopeWindows: Migration = {
  id: '0004-scope-windows',
  // What stood in the rows stands among the totals now.
  oldestCompatible: '0004-scope-windows',
  async up(transaction) {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction)
  },
}
