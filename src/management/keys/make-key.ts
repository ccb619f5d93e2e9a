/** Makes a new key: a random raw key that is shown once, and the row that knows its hash only. */
import { randomBytes } from 'node:crypto'
import type { Transaction } from 'kysely'
import { GatewayError } from '../../errors/gateway-error.ts'
import { hashCredential } from '../../identity/credential.ts'
import type { Calendar } from '../../identity/calendar.ts'
import type { Schema } from '../../storage/database.ts'
import {
  findBudgets,
  findKey,
  insertKey,
  organizationExists,
  type BudgetRow,
} from '../../storage/queries/principals-keys.ts'
import { writeSpends } from '../../storage/queries/spend-windows.ts'
import { openWindow } from '../wire/limits.ts'
import { keyColumns, type KeyChange } from './key-fields.ts'
import { keyOnWire } from './key-row.ts'

const MIN_CUSTOM_KEY_LENGTH = 8
const MAX_CUSTOM_KEY_LENGTH = 512

/** `sk-` and 16 random bytes in base64url: 22 characters. */
export function randomKey(): string {
  return `sk-${randomBytes(16).toString('base64url')}`
}

/** A key that the caller has chosen. @throws GatewayError `bad_request` when clients could not send it or use it. */
export function requireUsableKey(key: string): void {
  if (!/^sk-[\x21-\x7e]+$/.test(key)) {
    throw new GatewayError('bad_request', "key: expected text that starts with 'sk-', without spaces", {
      param: 'key',
    })
  }
  if (key.length < MIN_CUSTOM_KEY_LENGTH || key.length > MAX_CUSTOM_KEY_LENGTH) {
    throw new GatewayError(
      'bad_request',
      `key: expected ${MIN_CUSTOM_KEY_LENGTH} to ${MAX_CUSTOM_KEY_LENGTH} characters`,
      { param: 'key' },
    )
  }
}

export interface MakingContext {
  readonly madeBy: string | undefined
  readonly nowMs: number
  readonly calendar: Calendar
  /** What counts as spent from the start, in picodollars; undefined or null for nothing. */
  readonly spent?: bigint | null | undefined
}

/** Writes the key. @returns the answer of `/key/generate`: the only time that the raw key is shown. */
export async function makeKey(
  transaction: Transaction<Schema>,
  rawKey: string,
  change: KeyChange,
  context: MakingContext,
) {
  const keyHash = hashCredential(rawKey)
  const budget = await requireReferences(transaction, change)
  const madeBy = context.madeBy ?? null
  await insertKey(transaction, {
    key_hash: keyHash,
    key_name: `sk-...${rawKey.slice(-4)}`,
    ...keyColumns(change),
    created_by: madeBy,
    updated_by: madeBy,
  })
  const duration = change.budget_duration ?? budget?.budget_duration
  await writeKeySpend(transaction, keyHash, duration, context)
  const row = await findKey(transaction, keyHash)
  if (row === undefined) throw new Error('a key that was just written is not there')
  return { ...keyOnWire(row, budget), key: rawKey, token_id: keyHash }
}

/** @throws GatewayError when the key would point at a budget or an organization that does not exist. */
export async function requireReferences(
  transaction: Transaction<Schema>,
  change: KeyChange,
): Promise<BudgetRow | undefined> {
  const { budget_id: budgetId, organization_id: organizationId } = change
  if (typeof organizationId === 'string' && !(await organizationExists(transaction, organizationId))) {
    throw new GatewayError('bad_request', `Organization not found: ${organizationId}.`, {
      param: 'organization_id',
    })
  }
  if (typeof budgetId !== 'string') return undefined
  const [budget] = await findBudgets(transaction, [budgetId])
  if (budget === undefined) {
    throw new GatewayError('bad_request', `Budget not found: ${budgetId}.`, { param: 'budget_id' })
  }
  return budget
}

/** Opens the key's window, and sets its spend where that was asked for. */
export async function writeKeySpend(
  transaction: Transaction<Schema>,
  keyHash: string,
  duration: string | null | undefined,
  { nowMs, calendar, spent }: Omit<MakingContext, 'madeBy'>,
): Promise<void> {
  const scope = { kind: 'key', id: keyHash }
  await writeSpends(
    transaction,
    typeof spent === 'bigint' ? [{ ...scope, spent }] : [],
    [{ ...scope, window: openWindow(duration, nowMs, calendar) }],
    nowMs,
  )
}
