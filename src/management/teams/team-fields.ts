/** What a team may be made of: the fields of `/team/new` and `/team/update`. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Transaction } from 'kysely'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Schema } from '../../storage/database.ts'
import {
  insertBudget,
  organizationExists,
  updateBudget,
  type BudgetRow,
} from '../../storage/queries/principals-keys.ts'
import type { TeamRow } from '../../storage/queries/principals-teams.ts'
import { METADATA_FIELDS } from '../keys/key-fields.ts'
import {
  budget,
  budgetDuration,
  flag,
  limit,
  mergeMembers,
  name,
  nameMap,
  names,
  object,
  openMembers,
} from '../wire/fields.ts'
import { LIMIT_FIELDS, limitColumns, type LimitChange } from '../wire/limits.ts'
import { expiryMoment, MODEL_LIMIT_FIELDS, TEMPORARY_FIELDS, WINDOW_FIELDS } from '../wire/model-limits.ts'

/** Kept beside the team and given back. */
const DETAIL_FIELDS = [
  'router_settings',
  'object_permission',
  'access_group_ids',
  'default_team_member_models',
  'budget_limits',
  'model_max_budget',
  'secret_manager_settings',
  'team_member_key_duration',
  'enforced_file_expires_after',
  'enforced_batch_output_expires_after',
  'allowed_vector_store_indexes',
] as const

export const TEAM_FIELDS = {
  ...LIMIT_FIELDS,
  ...MODEL_LIMIT_FIELDS,
  ...WINDOW_FIELDS,
  ...TEMPORARY_FIELDS,
  team_alias: name,
  organization_id: name,
  models: names,
  model_aliases: nameMap,
  metadata: object,
  blocked: flag,
  team_member_permissions: names,
  team_member_budget: budget,
  team_member_budget_duration: budgetDuration,
  team_member_rpm_limit: limit,
  team_member_tpm_limit: limit,
}

const teamInput = z.object(TEAM_FIELDS)
export type TeamInput = z.output<typeof teamInput>

export interface TeamChange extends LimitChange {
  team_alias?: string | null
  organization_id?: string | null
  models?: string[]
  model_aliases?: string
  blocked?: boolean
  member_permissions?: string[]
  metadata?: string
  details?: string
}

/**
 * Columns for the fields that were sent; null clears.
 *
 * @param memberBudgetId the budget that each member gets, if it is new.
 */
export function teamColumns(
  input: TeamInput,
  body: unknown,
  stored: TeamRow | undefined,
  memberBudgetId: string | undefined,
  nowMs: number,
): TeamChange {
  const change: TeamChange = limitColumns(input)
  if (input.team_alias !== undefined) change.team_alias = input.team_alias
  if (input.organization_id !== undefined) change.organization_id = input.organization_id
  if (input.models !== undefined) change.models = input.models ?? []
  if (input.model_aliases !== undefined) change.model_aliases = JSON.stringify(input.model_aliases ?? {})
  if (input.blocked !== undefined) change.blocked = input.blocked ?? false
  if (Array.isArray(input.team_member_permissions)) change.member_permissions = input.team_member_permissions
  const metadata = metadataOf(input, body, stored, memberBudgetId, nowMs)
  if (metadata !== undefined) change.metadata = JSON.stringify(metadata)
  const details = openMembers(body, DETAIL_FIELDS)
  if (details.size > 0) change.details = JSON.stringify(mergeMembers(stored?.details ?? {}, details))
  return change
}

/** Metadata is replaced when it is sent; what has a meaning is merged into it. */
function metadataOf(
  input: TeamInput,
  body: unknown,
  stored: TeamRow | undefined,
  memberBudgetId: string | undefined,
  nowMs: number,
): Record<string, unknown> | undefined {
  const merged = new Map(openMembers(body, METADATA_FIELDS))
  const { temp_budget_expiry: expiry, metadata } = input
  if (expiry !== undefined) merged.set('temp_budget_expiry', expiryMoment(expiry, nowMs))
  const budgetId = memberBudgetId ?? stored?.metadata['team_member_budget_id']
  if (budgetId !== undefined) merged.set('team_member_budget_id', budgetId)
  if (metadata === undefined && merged.size === 0) return undefined
  return mergeMembers(metadata === undefined ? (stored?.metadata ?? {}) : (metadata ?? {}), merged)
}

/**
 * Makes or changes the budget that each member of the team gets: shared as a definition, each member spends its own.
 *
 * @returns its id; undefined when the request says nothing of it.
 */
export async function writeMemberBudget(
  transaction: Transaction<Schema>,
  input: TeamInput,
  known: BudgetRow | undefined,
  madeBy: string | undefined,
): Promise<string | undefined> {
  const change = {
    ...(input.team_member_budget === undefined ? {} : { max_budget: input.team_member_budget }),
    ...(input.team_member_budget_duration === undefined
      ? {}
      : { budget_duration: input.team_member_budget_duration?.text ?? null }),
    ...(input.team_member_rpm_limit === undefined ? {} : { rpm_limit: input.team_member_rpm_limit }),
    ...(input.team_member_tpm_limit === undefined ? {} : { tpm_limit: input.team_member_tpm_limit }),
  }
  const values = Object.values(change)
  if (known !== undefined) {
    if (values.length > 0) {
      await updateBudget(transaction, known.budget_id, { ...change, updated_by: madeBy ?? null })
    }
    return known.budget_id
  }
  if (values.every((value) => value === null)) return undefined
  const budgetId = randomUUID()
  await insertBudget(transaction, {
    budget_id: budgetId,
    ...change,
    created_by: madeBy ?? null,
    updated_by: madeBy ?? null,
  })
  return budgetId
}

/** @throws GatewayError `bad_request` when the organization does not exist. */
export async function requireOrganization(
  transaction: Transaction<Schema>,
  organizationId: string | null | undefined,
): Promise<void> {
  if (typeof organizationId !== 'string' || (await organizationExists(transaction, organizationId))) return
  throw new GatewayError('bad_request', `Organization not found: ${organizationId}.`, {
    param: 'organization_id',
  })
}
