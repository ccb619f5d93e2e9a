/** A user as the management API shows it. */
import type { UserRow } from '../../storage/queries/principals-users.ts'
import { isoOf } from '../wire/fields.ts'
import { limitsOf } from '../wire/limits.ts'

const DETAIL_DEFAULTS = {
  object_permission: null,
  model_max_budget: {},
  model_spend: {},
  allowed_cache_controls: [],
}

export function userOnWire(row: UserRow) {
  return {
    ...DETAIL_DEFAULTS,
    ...row.details,
    user_id: row.user_id,
    user_alias: row.user_alias,
    user_email: row.user_email,
    user_role: row.user_role,
    ...limitsOf(row),
    models: row.models,
    teams: row.teams,
    organization_memberships: row.organization_memberships,
    sso_user_id: row.sso_user_id,
    metadata: row.metadata,
    created_at: isoOf(row.created_at),
    updated_at: isoOf(row.updated_at),
  }
}
