/**
 * Tables of users, keys, teams, budgets, customers and tags. Amounts are picodollars; what each has spent, and the open
 * window of its budget, stand in `sluice_spend_total`.
 */
import type { ColumnType, Generated } from 'kysely'

/** Reads as parsed JSON; written as JSON text, for drivers differ in how they write arrays. */
export type JsonObjectColumn = ColumnType<Record<string, unknown>, string | undefined, string>
type CreatedAt = ColumnType<Date, Date | undefined, never>
type UpdatedAt = ColumnType<Date, Date | undefined, Date>

/** Limits that users, keys, teams and budgets share; null is unlimited. */
export interface LimitColumns {
  /** Picodollars, never negative. */
  max_budget: bigint | null
  /** Picodollars; crossing it is only reported. */
  soft_budget: bigint | null
  /** `30d`, `1mo`, …: after each window spend begins at zero. */
  budget_duration: string | null
  tpm_limit: bigint | null
  rpm_limit: bigint | null
  max_parallel_requests: bigint | null
}

/** Accepted members of the wire format that nothing in Sluice reads yet: they are kept and given back. */
interface OpenColumns {
  metadata: JsonObjectColumn
  details: JsonObjectColumn
}

interface AuditColumns {
  created_at: CreatedAt
  created_by: string | null
  updated_at: UpdatedAt
  updated_by: string | null
}

export interface UserTable extends LimitColumns, OpenColumns, AuditColumns {
  user_id: string
  user_alias: string | null
  user_email: string | null
  user_role: string
  sso_user_id: string | null
  models: Generated<string[]>
}

export interface VirtualKeyTable extends LimitColumns, OpenColumns, AuditColumns {
  /** Lowercase hex SHA-256 of the raw key with its `sk-`; the raw key is stored nowhere. */
  key_hash: string
  /** `sk-...` and the last four characters. */
  key_name: string
  key_alias: string | null
  user_id: string | null
  team_id: string | null
  organization_id: string | null
  budget_id: string | null
  models: Generated<string[]>
  /** Model name that the key may call → model group that it stands for. */
  aliases: JsonObjectColumn
  allowed_routes: Generated<string[]>
  expires_at: Date | null
  blocked: Generated<boolean>
}

export interface TeamTable extends LimitColumns, OpenColumns, AuditColumns {
  team_id: string
  team_alias: string | null
  organization_id: string | null
  models: Generated<string[]>
  model_aliases: JsonObjectColumn
  blocked: Generated<boolean>
  /** Management routes that plain members may use on the team's keys, e.g. `/key/generate`. */
  member_permissions: Generated<string[]>
}

export interface TeamMembershipTable {
  team_id: string
  user_id: string
  /** `admin` or `user`. */
  role: string
  budget_id: string | null
  created_at: CreatedAt
}

export interface OrganizationTable extends OpenColumns, AuditColumns {
  organization_id: string
  organization_alias: string
  budget_id: string | null
  models: Generated<string[]>
}

export interface OrganizationMembershipTable {
  organization_id: string
  user_id: string
  /** `org_admin`, `internal_user` or `internal_user_viewer`. */
  role: string
  budget_id: string | null
  created_at: CreatedAt
  updated_at: CreatedAt
}

export interface BudgetTable extends LimitColumns, AuditColumns {
  budget_id: string
  model_max_budget: JsonObjectColumn
}

/** End users, as clients name them in `user`. */
export interface CustomerTable extends AuditColumns {
  customer_id: string
  alias: string | null
  budget_id: string | null
  blocked: Generated<boolean>
  allowed_model_region: string | null
  default_model: string | null
}

export interface TagTable extends AuditColumns {
  tag_name: string
  description: string | null
  models: Generated<string[]>
  budget_id: string | null
}

export interface DeletedKeyTable {
  key_hash: string
  /** The key's row as it was. */
  row: JsonObjectColumn
  deleted_at: CreatedAt
  deleted_by: string | null
  deleted_by_key_hash: string | null
}

/** What other processes must forget: read by each of them every second, kept for minutes. */
export interface PrincipalChangeTable {
  change_id: Generated<bigint>
  /** `key`, `user`, `team`, `organization`, `customer`, `tag`, `budget` or `all`. */
  subject: string
  subject_id: string
  changed_at: CreatedAt
}

export interface PrincipalTables {
  sluice_user: UserTable
  sluice_virtual_key: VirtualKeyTable
  sluice_team: TeamTable
  sluice_team_membership: TeamMembershipTable
  sluice_organization: OrganizationTable
  sluice_organization_membership: OrganizationMembershipTable
  sluice_budget: BudgetTable
  sluice_customer: CustomerTable
  sluice_tag: TagTable
  sluice_deleted_key: DeletedKeyTable
  sluice_principal_change: PrincipalChangeTable
}
