/**
 * What a caller may give to a key. The rule: no key is ever wider than the key that made or changed it, than its user
 * and than its team, so that no sequence of calls raises rights. Administrators give what they like, except that a key
 * which is itself restricted cannot hand out an administrator's rights.
 */
import { GatewayError } from '../../errors/gateway-error.ts'
import { areModelsWithin, NO_MODELS, TEAM_MODELS } from '../../identity/model-rights.ts'
import { areRoutesWithin } from '../../identity/route-rights.ts'
import type { KeyRow } from '../../storage/queries/principals-keys.ts'
import type { TeamRow } from '../../storage/queries/principals-teams.ts'
import type { AdminCaller, MemberCaller } from './caller.ts'
import { METADATA_FIELDS, type KeyChange } from './key-fields.ts'

/** Only an administrator sets these on a new key. */
const ADMIN_ONLY_NEW = [
  'key',
  'spend',
  'budget_id',
  'organization_id',
  'blocked',
  'config',
  'permissions',
  'router_settings',
  'object_permission',
  'agent_id',
  'project_id',
  'access_group_ids',
  'allowed_passthrough_routes',
  'allowed_vector_store_indexes',
  'disable_global_guardrails',
  'temp_budget_increase',
  'temp_budget_expiry',
] as const

/** On a key that exists these may be an administrator's restriction: its owner cannot lift it. */
const ADMIN_ONLY_CHANGED = [
  ...ADMIN_ONLY_NEW.filter((field) => field !== 'key'),
  'tags',
  'guardrails',
  'policies',
  'prompts',
  'model_rpm_limit',
  'model_tpm_limit',
  'rpm_limit_type',
  'tpm_limit_type',
  'enforced_params',
  'budget_limits',
  'model_max_budget',
  'allowed_cache_controls',
  'auto_rotate',
  'rotation_interval',
] as const

const LIMITS = ['max_budget', 'tpm_limit', 'rpm_limit', 'max_parallel_requests'] as const

/** Refuses fields that a caller may not send. Empty values of a new key say nothing, and dashboards send them. */
export function requireOwnFields(body: unknown, operation: 'generate' | 'update'): void {
  if (typeof body !== 'object' || body === null) return
  const reserved = operation === 'generate' ? ADMIN_ONLY_NEW : ADMIN_ONLY_CHANGED
  for (const [field, value] of Object.entries(body)) {
    if (!reserved.some((name) => name === field)) continue
    if (operation === 'generate' && isEmpty(value)) continue
    throw forbidden(`${field}: only an administrator may set this.`, field)
  }
}

function isEmpty(value: unknown): boolean {
  if (value === null || value === false || value === '' || value === 0) return true
  return typeof value === 'object' && Object.keys(value).length === 0
}

/** A new key of a caller who is no administrator: narrowed to the caller's own rights where the request is silent. */
export function narrowedNewKey(
  caller: MemberCaller,
  change: KeyChange,
  team: TeamRow | undefined,
): KeyChange {
  if (hasOwnLimits(caller.key)) {
    throw forbidden(
      'A key with limits of its own cannot make keys, for each would bring its limits anew. Use a key without, or ask an administrator.',
    )
  }
  refuseReservedMetadata(change.metadata)
  const child: KeyChange = {
    ...change,
    models: (change.models ?? []).length === 0 ? [...caller.key.models] : [...(change.models ?? [])],
    allowed_routes:
      (change.allowed_routes ?? []).length === 0
        ? [...caller.key.allowed_routes]
        : [...(change.allowed_routes ?? [])],
    expires_at: change.expires_at ?? caller.key.expires_at,
    organization_id: caller.key.organization_id,
  }
  requireWithinCaller(caller, child, team)
  return child
}

/** A change of a key by a caller who is no administrator. */
export function narrowedChange(
  caller: MemberCaller,
  change: KeyChange,
  stored: KeyRow,
  team: TeamRow | undefined,
): KeyChange {
  if (change.user_id !== undefined && change.user_id !== stored.user_id) {
    throw forbidden('user_id: only an administrator may give a key to another user.', 'user_id')
  }
  if (change.team_id !== undefined && change.team_id !== stored.team_id) {
    throw forbidden('team_id: only an administrator may move a key to another team.', 'team_id')
  }
  requireWithinCaller(caller, change, team)
  if (hasOwnLimits(caller.key)) requireNoRaise(change, stored)
  return keepReservedMetadata(change, stored)
}

function requireWithinCaller(caller: MemberCaller, change: KeyChange, team: TeamRow | undefined): void {
  const { models, allowed_routes: routes, expires_at: expiresAt } = change
  if (models !== undefined) requireModels(caller, models, team)
  if (routes !== undefined && !areRoutesWithin(routes, caller.key.allowed_routes)) {
    throw forbidden(
      `allowed_routes: this key may give only what it has: ${caller.key.allowed_routes.join(', ')}.`,
      'allowed_routes',
    )
  }
  if (expiresAt !== undefined && caller.key.expires_at !== null) {
    if (expiresAt === null || expiresAt > caller.key.expires_at) {
      throw forbidden(
        `duration: this key expires at ${caller.key.expires_at.toISOString()}, and so must what it makes.`,
        'duration',
      )
    }
  }
}

function requireModels(caller: MemberCaller, models: readonly string[], team: TeamRow | undefined): void {
  const { models: ownRules } = caller.key
  const own = spelledOut(ownRules, caller.key.team_id === null ? undefined : team)
  const asked = spelledOut(models, team)
  const defersMore = models.includes(TEAM_MODELS) && ownRules.length > 0 && !ownRules.includes(TEAM_MODELS)
  if (defersMore || !areModelsWithin(asked, own)) {
    throw forbidden(`models: this key may give only what it has: ${ownRules.join(', ')}.`, 'models')
  }
  const bound = team === undefined ? (caller.user?.models ?? []) : team.models
  // A key without a list may call what its user or its team may: that is asked at each call.
  if (asked.length === 0 || areModelsWithin(asked, bound)) return
  throw forbidden(
    `models: ${team === undefined ? 'the user' : 'the team'} may call only ${bound.join(', ')}.`,
    'models',
  )
}

/** The list with the team's own in the place of `all-team-models`: empty for all, as ever. */
function spelledOut(models: readonly string[], team: TeamRow | undefined): readonly string[] {
  if (!models.includes(TEAM_MODELS)) return models
  if (team?.models.length === 0) return []
  const named = models.flatMap((model) => (model === TEAM_MODELS ? (team?.models ?? []) : [model]))
  return named.length === 0 ? [NO_MODELS] : named
}

/** Limits and windows: more of the same from several keys is more than one key had. */
function hasOwnLimits(key: KeyRow): boolean {
  return (
    LIMITS.some((limit) => key[limit] !== null) ||
    key.budget_id !== null ||
    ['budget_limits', 'model_max_budget'].some((field) => !isEmpty(key.details[field] ?? null)) ||
    ['model_rpm_limit', 'model_tpm_limit'].some((field) => !isEmpty(key.metadata[field] ?? null))
  )
}

function requireNoRaise(change: KeyChange, stored: KeyRow): void {
  for (const limit of LIMITS) {
    const before = stored[limit]
    const after = change[limit]
    if (after === undefined || before === null) continue
    if (after === null || after > before) {
      throw forbidden(`${limit}: a key with limits of its own may lower limits, not raise them.`, limit)
    }
  }
  if (change.budget_duration !== undefined && change.budget_duration !== stored.budget_duration) {
    throw forbidden(
      'budget_duration: a key with limits of its own may not change budget windows.',
      'budget_duration',
    )
  }
}

function refuseReservedMetadata(metadata: KeyChange['metadata']): void {
  for (const field of ADMIN_ONLY_NEW) {
    const value = metadata?.[field]
    if (value === undefined || isEmpty(value)) continue
    throw forbidden(`metadata.${field}: only an administrator may set this.`, `metadata.${field}`)
  }
}

/** Metadata is replaced when it is sent; what has a meaning stays as it was stored. */
function keepReservedMetadata(change: KeyChange, stored: KeyRow): KeyChange {
  if (change.metadata === undefined) return change
  const free = Object.entries(change.metadata).filter(([field]) => !isReserved(field))
  const reserved = Object.entries(stored.metadata).filter(([field]) => isReserved(field))
  return { ...change, metadata: Object.fromEntries([...free, ...reserved]) }
}

function isReserved(field: string): boolean {
  return METADATA_FIELDS.some((name) => name === field)
}

/** @throws GatewayError when a restricted administrator's key would touch an administrator's key. */
export function requireGrantable(caller: AdminCaller, ownerRole: string | undefined): void {
  if (!caller.restricted || (ownerRole !== 'proxy_admin' && ownerRole !== 'proxy_admin_viewer')) return
  throw forbidden(
    "A key with allowed_routes cannot make or change an administrator's keys or users. Use a key without, or the master key.",
  )
}

export function forbidden(message: string, param?: string): GatewayError {
  return new GatewayError('route_forbidden', message, param === undefined ? {} : { param })
}
