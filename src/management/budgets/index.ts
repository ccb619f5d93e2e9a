/** `/budget/*`: limits that keys, members, organizations, customers and tags share by pointing at them. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { GatewayError } from '../../errors/gateway-error.ts'
import { calendarOf } from '../../identity/calendar.ts'
import { deleteBudget, listBudgets, scopesOfBudget } from '../../storage/queries/principals-budgets.ts'
import { findBudgets, insertBudget, updateBudget } from '../../storage/queries/principals-keys.ts'
import { writeSpends } from '../../storage/queries/spend-windows.ts'
import { commitChange, type ChangeContext } from '../commit-change.ts'
import { budgetOnWire } from '../keys/key-row.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { name } from '../wire/fields.ts'
import { openWindow } from '../wire/limits.ts'
import { BUDGET_LIMITS, budgetColumns } from './budget-fields.ts'

const id = z.string({ error: 'expected the id of a budget' }).min(1).max(512)

const newInput = z.object({ ...BUDGET_LIMITS, budget_id: name })
const updateInput = z.object({ ...BUDGET_LIMITS, budget_id: id })
const infoInput = z.object({ budgets: z.array(id, { error: 'expected a list of budget ids' }).max(1_000) })
const deleteInput = z.object({ id })
const settingsQuery = z.object({ budget_id: id })

export function budgetRoutes(services: ManagementServices): readonly ManagementRoute[] {
  const { database } = services
  return [
    { method: 'POST', path: '/budget/new', handle: async (request) => await newBudget(services, request) },
    {
      method: 'POST',
      path: '/budget/update',
      handle: async (request) => await changeBudget(services, request),
    },
    { method: 'POST', path: '/budget/delete', handle: async (request) => await remove(services, request) },
    {
      method: 'POST',
      path: '/budget/info',
      handle: async ({ body }) =>
        (await findBudgets(database.sql, parseInput(infoInput, body ?? {}).budgets)).map(budgetOnWire),
    },
    {
      method: 'GET',
      path: '/budget/list',
      handle: async () => (await listBudgets(database.sql)).map(budgetOnWire),
    },
    { method: 'GET', path: '/budget/settings', handle: async (request) => await settings(services, request) },
  ]
}

async function newBudget(services: ManagementServices, { principal, body }: ManagementRequest) {
  const input = parseInput(newInput, body ?? {})
  const budgetId = input.budget_id ?? randomUUID()
  const madeBy = principal.facts.userId ?? null
  return await commitChange(services, async ({ transaction }) => {
    await insertBudget(transaction, {
      ...budgetColumns(input, body),
      budget_id: budgetId,
      created_by: madeBy,
      updated_by: madeBy,
    })
    return await shownBudget(transaction, budgetId)
  })
}

async function changeBudget(services: ManagementServices, { principal, body }: ManagementRequest) {
  const input = parseInput(updateInput, body ?? {})
  return await commitChange(services, async ({ transaction, announce }) => {
    await shownBudget(transaction, input.budget_id)
    await updateBudget(transaction, input.budget_id, {
      ...budgetColumns(input, body),
      updated_by: principal.facts.userId ?? null,
    })
    if (input.budget_duration !== undefined) {
      await writeWindows(services, transaction, input.budget_id, input.budget_duration?.text ?? null)
    }
    announce({ subject: 'budget', id: input.budget_id })
    return await shownBudget(transaction, input.budget_id)
  })
}

/** What pointed at the budget has no limits from it any more. */
async function remove(services: ManagementServices, { body }: ManagementRequest) {
  const { id: budgetId } = parseInput(deleteInput, body ?? {})
  return await commitChange(services, async ({ transaction, announce }) => {
    const shown = await shownBudget(transaction, budgetId)
    await writeWindows(services, transaction, budgetId, null)
    await deleteBudget(transaction, budgetId)
    announce({ subject: 'budget', id: budgetId })
    return shown
  })
}

/** Windows of all that take their length from the budget. */
async function writeWindows(
  { clock, config }: ManagementServices,
  transaction: ChangeContext['transaction'],
  budgetId: string,
  duration: string | null,
): Promise<void> {
  const nowMs = clock()
  const window = openWindow(duration, nowMs, calendarOf(config.litellm_settings))
  const scopes = await scopesOfBudget(transaction, budgetId)
  await writeSpends(
    transaction,
    [],
    scopes.map((scope) => ({ ...scope, window })),
    nowMs,
  )
}

async function shownBudget(transaction: ChangeContext['transaction'], budgetId: string) {
  const [row] = await findBudgets(transaction, [budgetId])
  if (row === undefined) throw budgetNotFound(budgetId)
  return budgetOnWire(row)
}

function budgetNotFound(budgetId: string): GatewayError {
  return new GatewayError('not_found', `Budget not found: ${budgetId}.`, { param: 'budget_id' })
}

/** The fields of a budget as a form shows them. */
const FORM = [
  ['max_budget', 'Float', 'What may be spent in a window, in USD.'],
  ['soft_budget', 'Float', 'Crossing it is reported, in USD.'],
  ['budget_duration', 'String', 'After which time the budget begins anew, e.g. 30d.'],
  ['tpm_limit', 'Integer', 'Tokens a minute.'],
  ['rpm_limit', 'Integer', 'Requests a minute.'],
  ['max_parallel_requests', 'Integer', 'Calls at a time.'],
] as const

async function settings({ database }: ManagementServices, { query }: ManagementRequest) {
  const { budget_id: budgetId } = parseInput(settingsQuery, query)
  const [row] = await findBudgets(database.sql, [budgetId])
  if (row === undefined) throw budgetNotFound(budgetId)
  const shown = budgetOnWire(row)
  return FORM.map(([field, type, description]) => ({
    field_name: field,
    field_type: type,
    field_description: description,
    field_value: shown[field],
    stored_in_db: shown[field] !== null,
    field_default_value: null,
  }))
}
