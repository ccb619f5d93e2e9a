/** Members of organizations, and those that an import has kept with their users until now. */
import { sql } from 'kysely'
import type { Migration } from './migration.ts'

const STATEMENTS = [
  `create table sluice_organization_membership (
    organization_id text not null references sluice_organization on delete cascade,
    user_id text not null references sluice_user on delete cascade,
    role text not null check (role in ('org_admin', 'internal_user', 'internal_user_viewer')),
    budget_id text references sluice_budget on delete set null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (organization_id, user_id)
  )`,
  `create index sluice_organization_membership_user on sluice_organization_membership (user_id)`,
  `insert into sluice_organization_membership (organization_id, user_id, role, budget_id)
  select o.organization_id, u.user_id,
    case when kept ->> 'user_role' in ('org_admin', 'internal_user') then kept ->> 'user_role'
      else 'internal_user_viewer' end,
    b.budget_id
  from sluice_user u
  cross join lateral jsonb_array_elements(
    case when jsonb_typeof(u.details -> 'organization_memberships') = 'array'
      then u.details -> 'organization_memberships' end
  ) as kept
  join sluice_organization o on o.organization_id = kept ->> 'organization_id'
  left join sluice_budget b on b.budget_id = kept ->> 'budget_id'
  on conflict do nothing`,
]

export const organizationMembers: Migration = {
  id: '0008-organization-members',
  async up(transaction) {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction)
  },
}
