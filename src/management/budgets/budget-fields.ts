/** What a budget may be made of, and the budget of its own that a customer, a tag or an organization gets. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Transaction } from 'kysely'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Schema } from '../../storage/database.ts'
import { countBudgetUses } from '../../storage/queries/principals-budgets.ts'
import {
  findBudgets,
  insertBudget,
  updateBudget,
  type BudgetRow,
} from '../../storage/queries/principals-keys.ts'
import { name } from '../wire/fields.ts'
import { BUDGET_FIELDS, limitColumns, type LimitChange } from '../wire/limits.ts'
import { modelMaxBudget } from '../wire/model-limits.ts'

/** Limits that stand in a budget. */
export const BUDGET_LIMITS = { ...BUDGET_FIELDS, model_max_budget: modelMaxBudget }

/** The same, or a budget that has them. */
export const BUDGET_REFERENCE = { ...BUDGET_LIMITS, budget_id: name }

const limitsInput = z.object(BUDGET_LIMITS)
const referenceInput = z.object(BUDGET_REFERENCE)

export interface BudgetChange extends LimitChange {
  model_max_budget?: string
}

/**
 * Columns for the limits that were sent; null clears.
 *
 * @param body the request as it came: budgets of models are kept as they were written.
 */
export function budgetColumns(input: z.output<typeof limitsInput>, body: unknown): BudgetChange {
  const change: BudgetChange = limitColumns(input)
  if (input.model_max_budget === undefined || typeof body !== 'object' || body === null) return change
  const asSent = 'model_max_budget' in body ? body.model_max_budget : {}
  return { ...change, model_max_budget: JSON.stringify(asSent ?? {}) }
}

/**
 * The budget that a row points at after a request that names one, or gives limits, or neither. Limits that nobody else
 * shares are changed in place; of shared ones the row gets a copy.
 *
 * @param stored the budget that the row points at now.
 * @returns the id to store; undefined when the request changes nothing of it.
 * @throws GatewayError `bad_request` when there is no such budget, or both were sent.
 */
export async function referencedBudget(
  transaction: Transaction<Schema>,
  input: z.output<typeof referenceInput>,
  body: unknown,
  stored: string | null,
  madeBy: string | undefined,
): Promise<string | null | undefined> {
  const change = budgetColumns(input, body)
  const limits = Object.values(change).filter((value) => value !== null)
  if (typeof input.budget_id === 'string') {
    if (limits.length > 0) throw bothSent()
    await requireBudget(transaction, input.budget_id)
    return input.budget_id
  }
  if (stored === null) {
    return limits.length === 0 ? input.budget_id : await ownBudget(transaction, change, undefined, madeBy)
  }
  if (input.budget_id === null && limits.length === 0) return null
  if (Object.keys(change).length === 0) return undefined
  return await ownBudget(transaction, change, await requireBudget(transaction, stored), madeBy)
}

/**
 * Changes a budget of one row alone, or makes one like a shared one.
 *
 * @returns its id.
 */
export async function ownBudget(
  transaction: Transaction<Schema>,
  change: BudgetChange,
  stored: BudgetRow | undefined,
  madeBy: string | undefined,
): Promise<string> {
  if (stored !== undefined && (await countBudgetUses(transaction, stored.budget_id)) === 1) {
    await updateBudget(transaction, stored.budget_id, { ...change, updated_by: madeBy ?? null })
    return stored.budget_id
  }
  const budgetId = randomUUID()
  await insertBudget(transaction, {
    budget_id: budgetId,
    max_budget: stored?.max_budget ?? null,
    soft_budget: stored?.soft_budget ?? null,
    budget_duration: stored?.budget_duration ?? null,
    tpm_limit: stored?.tpm_limit ?? null,
    rpm_limit: stored?.rpm_limit ?? null,
    max_parallel_requests: stored?.max_parallel_requests ?? null,
    model_max_budget: JSON.stringify(stored?.model_max_budget ?? {}),
    ...change,
    created_by: madeBy ?? null,
    updated_by: madeBy ?? null,
  })
  return budgetId
}

/** @throws GatewayError `bad_request` when there is no such budget. */
export async function requireBudget(transaction: Transaction<Schema>, budgetId: string): Promise<BudgetRow> {
  const [budget] = await findBudgets(transaction, [budgetId])
  if (budget !== undefined) return budget
  throw new GatewayError('bad_request', `Budget not found: ${budgetId}.`, { param: 'budget_id' })
}

function bothSent(): GatewayError {
  return new GatewayError(
    'bad_request',
    'budget_id: send the id of a budget or limits such as max_budget, not both',
    {
      param: 'budget_id',
    },
  )
}
