/** What a key may be made of: the fields of `/key/generate`, `/key/update` and the key part of `/user/new`. */
import { z } from 'zod'
import { addDuration } from '../../identity/duration.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { KeyRow } from '../../storage/queries/principals-keys.ts'
import { flag, lifetime, mergeMembers, name, nameMap, names, object, openMembers } from '../wire/fields.ts'
import { LIMIT_FIELDS, limitColumns, type LimitChange } from '../wire/limits.ts'
import { expiryMoment, MODEL_LIMIT_FIELDS, TEMPORARY_FIELDS, WINDOW_FIELDS } from '../wire/model-limits.ts'

/** Kept inside `metadata`, where LiteLLM's clients look for them. */
export const METADATA_FIELDS = [
  'tags',
  'guardrails',
  'policies',
  'prompts',
  'model_rpm_limit',
  'model_tpm_limit',
  'rpm_limit_type',
  'tpm_limit_type',
  'enforced_params',
  'allowed_passthrough_routes',
  'disable_global_guardrails',
  'temp_budget_increase',
  'temp_budget_expiry',
] as const

/** Kept beside the key and given back. */
export const DETAIL_FIELDS = [
  'config',
  'permissions',
  'router_settings',
  'object_permission',
  'agent_id',
  'project_id',
  'budget_limits',
  'model_max_budget',
  'allowed_cache_controls',
  'allowed_vector_store_indexes',
  'access_group_ids',
  'auto_rotate',
  'rotation_interval',
] as const

/** `key_type` is a word for a list of routes. */
const ROUTES_OF_TYPE = {
  llm_api: ['llm_api_routes'],
  management: ['management_routes'],
  read_only: ['info_routes'],
  default: [],
} as const

export const KEY_FIELDS = {
  ...LIMIT_FIELDS,
  ...MODEL_LIMIT_FIELDS,
  ...WINDOW_FIELDS,
  ...TEMPORARY_FIELDS,
  key_alias: name,
  duration: lifetime,
  models: names,
  aliases: nameMap,
  metadata: object,
  allowed_routes: names,
  key_type: z.enum(['llm_api', 'management', 'read_only', 'default']).nullish(),
  blocked: flag,
  budget_id: name,
  user_id: name,
  team_id: name,
  organization_id: name,
}

const keyInput = z.object(KEY_FIELDS)
export type KeyInput = z.output<typeof keyInput>

export interface KeyChange extends LimitChange {
  key_alias?: string | null
  models?: string[]
  aliases?: Readonly<Record<string, string>>
  allowed_routes?: string[]
  expires_at?: Date | null
  blocked?: boolean
  budget_id?: string | null
  user_id?: string | null
  team_id?: string | null
  organization_id?: string | null
  metadata?: Readonly<Record<string, unknown>>
  details?: Readonly<Record<string, unknown>>
}

/**
 * What a request changes: members for the fields that were sent.
 *
 * @param body the request as it came, for the fields that are kept unread.
 * @param stored the key as it is; undefined for a new one, where null is the same as absent.
 */
export function keyChange(
  input: KeyInput,
  body: unknown,
  stored: KeyRow | undefined,
  nowMs: number,
): KeyChange {
  return {
    ...limitColumns(input),
    ...namedMembers(input, nowMs),
    ...openFields(input, body, stored, nowMs),
  }
}

function namedMembers(input: KeyInput, nowMs: number): KeyChange {
  const change: KeyChange = {}
  if (input.key_alias !== undefined) change.key_alias = input.key_alias
  if (input.models !== undefined) change.models = input.models ?? []
  if (input.aliases !== undefined) change.aliases = input.aliases ?? {}
  if (input.blocked !== undefined) change.blocked = input.blocked ?? false
  if (input.budget_id !== undefined) change.budget_id = input.budget_id
  if (input.user_id !== undefined) change.user_id = input.user_id
  if (input.team_id !== undefined) change.team_id = input.team_id
  if (input.organization_id !== undefined) change.organization_id = input.organization_id
  const routes = allowedRoutes(input)
  if (routes !== undefined) change.allowed_routes = routes
  if (input.duration !== undefined) {
    change.expires_at = input.duration === null ? null : new Date(addDuration(nowMs, input.duration))
  }
  return change
}

/** An explicit list goes before the type; an empty one with a type gives way to it. */
function allowedRoutes(input: KeyInput): string[] | undefined {
  const type = input.key_type ?? undefined
  if (type !== undefined && (input.allowed_routes ?? []).length === 0) return [...ROUTES_OF_TYPE[type]]
  return input.allowed_routes === undefined ? undefined : (input.allowed_routes ?? [])
}

function openFields(input: KeyInput, body: unknown, stored: KeyRow | undefined, nowMs: number): KeyChange {
  const change: KeyChange = {}
  const inMetadata = new Map(openMembers(body, METADATA_FIELDS))
  const { temp_budget_expiry: expiry } = input
  if (expiry !== undefined) inMetadata.set('temp_budget_expiry', expiryMoment(expiry, nowMs))
  if (input.metadata !== undefined || inMetadata.size > 0) {
    const base = input.metadata === undefined ? (stored?.metadata ?? {}) : (input.metadata ?? {})
    change.metadata = mergeMembers(base, inMetadata)
  }
  const details = openMembers(body, DETAIL_FIELDS)
  if (details.size > 0) change.details = mergeMembers(stored?.details ?? {}, details)
  requireTagList(inMetadata.get('tags') ?? input.metadata?.['tags'])
  return change
}

/** Tags go onto each call's record, so that they must be what a record holds. */
function requireTagList(tags: unknown): void {
  if (tags === undefined || tags === null) return
  if (Array.isArray(tags) && tags.every((tag) => typeof tag === 'string')) return
  throw new GatewayError('bad_request', 'tags: expected a list of texts', { param: 'tags' })
}

/** The change as columns: JSON goes to the database as text. */
export function keyColumns({ aliases, metadata, details, ...change }: KeyChange) {
  return {
    ...change,
    ...(aliases === undefined ? {} : { aliases: JSON.stringify(aliases) }),
    ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
    ...(details === undefined ? {} : { details: JSON.stringify(details) }),
  }
}
