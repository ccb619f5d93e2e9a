/** A key as the management API shows it. The raw key is not among it: nobody has it but its holder. */
import type { BudgetRow, KeyRow } from '../../storage/queries/principals-keys.ts'
import { isoOf } from '../wire/fields.ts'
import { budgetLimitsOf, limitsOf } from '../wire/limits.ts'
import { METADATA_FIELDS } from './key-fields.ts'

/** What clients expect to find in every key, where nothing was stored. */
const DETAIL_DEFAULTS = {
  config: {},
  permissions: {},
  router_settings: null,
  object_permission: null,
  object_permission_id: null,
  agent_id: null,
  project_id: null,
  budget_limits: null,
  model_spend: {},
  model_max_budget: {},
  allowed_cache_controls: [],
  access_group_ids: [],
  auto_rotate: false,
  rotation_interval: null,
  rotation_count: 0,
  last_rotation_at: null,
  key_rotation_at: null,
  last_active: null,
  soft_budget_cooldown: false,
}

/** All of a key's row, under its names on the wire; the members kept in metadata stand beside it too. */
export function keyOnWire(row: KeyRow, budget: BudgetRow | undefined) {
  const fromMetadata = METADATA_FIELDS.filter((field) => field in row.metadata)
  return {
    ...DETAIL_DEFAULTS,
    ...row.details,
    ...Object.fromEntries(fromMetadata.map((field) => [field, row.metadata[field]])),
    token: row.key_hash,
    key_name: row.key_name,
    key_alias: row.key_alias,
    ...limitsOf(row),
    expires: isoOf(row.expires_at),
    models: row.models,
    aliases: row.aliases,
    user_id: row.user_id,
    team_id: row.team_id,
    organization_id: row.organization_id,
    metadata: row.metadata,
    allowed_routes: row.allowed_routes,
    blocked: row.blocked,
    budget_id: row.budget_id,
    litellm_budget_table: budget === undefined ? null : budgetOnWire(budget),
    created_at: isoOf(row.created_at),
    created_by: row.created_by,
    updated_at: isoOf(row.updated_at),
    updated_by: row.updated_by,
  }
}

export function budgetOnWire(row: BudgetRow) {
  return {
    budget_id: row.budget_id,
    ...budgetLimitsOf(row),
    model_max_budget: row.model_max_budget,
    created_at: isoOf(row.created_at),
    created_by: row.created_by,
    updated_at: isoOf(row.updated_at),
    updated_by: row.updated_by,
  }
}
