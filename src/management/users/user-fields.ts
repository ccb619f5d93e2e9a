/** What a user may be made of: the fields of `/user/new` and `/user/update`. */
import { z } from 'zod'
import type { Transaction } from 'kysely'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Calendar } from '../../identity/calendar.ts'
import { ROLES } from '../../identity/principal.ts'
import type { Schema } from '../../storage/database.ts'
import type { UserRow } from '../../storage/queries/principals-users.ts'
import { writeSpends, type WindowChange } from '../../storage/queries/spend-windows.ts'
import { mergeMembers, name, names, object, openMembers } from '../wire/fields.ts'
import { LIMIT_FIELDS, limitColumns, openWindow, type LimitChange } from '../wire/limits.ts'
import { expiryMoment, MODEL_LIMIT_FIELDS, TEMPORARY_FIELDS } from '../wire/model-limits.ts'

/** Kept inside `metadata`, as with keys. */
const USER_METADATA_FIELDS = [
  'tags',
  'guardrails',
  'policies',
  'prompts',
  'model_rpm_limit',
  'model_tpm_limit',
  'temp_budget_increase',
  'temp_budget_expiry',
] as const

/** Kept beside the user and given back. */
const USER_DETAIL_FIELDS = [
  'object_permission',
  'model_max_budget',
  'allowed_cache_controls',
  'config',
] as const

const email = name.refine((text) => text === null || text === undefined || /^[^\s@]+@[^\s@]+$/.test(text), {
  message: 'expected an e-mail address',
})

export const USER_FIELDS = {
  ...LIMIT_FIELDS,
  ...MODEL_LIMIT_FIELDS,
  ...TEMPORARY_FIELDS,
  user_email: email,
  user_alias: name,
  user_role: z.enum(ROLES, { error: `expected one of ${ROLES.join(', ')}` }).nullish(),
  sso_user_id: name,
  models: names,
  metadata: object,
}

const userInput = z.object(USER_FIELDS)
export type UserInput = z.output<typeof userInput>

export interface UserChange extends LimitChange {
  user_email?: string | null
  user_alias?: string | null
  user_role?: string
  sso_user_id?: string | null
  models?: string[]
  metadata?: string
  details?: string
}

/** Columns for the fields that were sent; null clears. */
export function userColumns(
  input: UserInput,
  body: unknown,
  stored: UserRow | undefined,
  nowMs: number,
): UserChange {
  const change: UserChange = limitColumns(input)
  if (input.user_email !== undefined) change.user_email = input.user_email
  if (input.user_alias !== undefined) change.user_alias = input.user_alias
  if (input.user_role !== undefined && input.user_role !== null) change.user_role = input.user_role
  if (input.sso_user_id !== undefined) change.sso_user_id = input.sso_user_id
  if (input.models !== undefined) change.models = input.models ?? []
  const inMetadata = new Map(openMembers(body, USER_METADATA_FIELDS))
  const { temp_budget_expiry: expiry } = input
  if (expiry !== undefined) inMetadata.set('temp_budget_expiry', expiryMoment(expiry, nowMs))
  if (input.metadata !== undefined || inMetadata.size > 0) {
    const base = input.metadata === undefined ? (stored?.metadata ?? {}) : (input.metadata ?? {})
    change.metadata = JSON.stringify(mergeMembers(base, inMetadata))
  }
  const details = openMembers(body, USER_DETAIL_FIELDS)
  if (details.size > 0) change.details = JSON.stringify(mergeMembers(stored?.details ?? {}, details))
  return change
}

/**
 * Opens the window of the user's budget, and sets the spend, where the request says so.
 *
 * @param further windows that the same transaction opens.
 */
export async function writeUserSpend(
  transaction: Transaction<Schema>,
  userId: string,
  input: UserInput,
  { nowMs, calendar }: { readonly nowMs: number; readonly calendar: Calendar },
  further: readonly WindowChange[] = [],
): Promise<void> {
  const scope = { kind: 'user', id: userId }
  const { spend, budget_duration: duration } = input
  await writeSpends(
    transaction,
    typeof spend === 'bigint' ? [{ ...scope, spent: spend }] : [],
    duration === undefined
      ? further
      : [...further, { ...scope, window: openWindow(duration?.text, nowMs, calendar) }],
    nowMs,
  )
}

export function userNotFound(userId: string): GatewayError {
  return new GatewayError('not_found', `User ${userId} not found.`, { param: 'user_id' })
}
