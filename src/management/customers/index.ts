/** `/customer/*` and `/end_user/*`: end users as clients name them, with budgets of their own, blocked or not. */
import { z } from 'zod'
import { GatewayError } from '../../errors/gateway-error.ts'
import { calendarOf } from '../../identity/calendar.ts'
import { modelTotalsOf } from '../../storage/queries/principals-budgets.ts'
import {
  budgetsOfCustomers,
  deleteCustomers,
  findCustomer,
  findSpender,
  insertCustomer,
  listBlockedCustomers,
  listCustomers,
  upsertCustomer,
} from '../../storage/queries/principals-customers.ts'
import { findBudgets } from '../../storage/queries/principals-keys.ts'
import { forgetSpends, writeSpends } from '../../storage/queries/spend-windows.ts'
import { BUDGET_REFERENCE, referencedBudget } from '../budgets/budget-fields.ts'
import { commitChange, type ChangeContext } from '../commit-change.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { budget, flag, name } from '../wire/fields.ts'
import { openWindow } from '../wire/limits.ts'
import { customerOnWire, withBudgets } from './customer-row.ts'

const id = z.string({ error: 'expected the id of an end user' }).min(1).max(512)
const ids = z.object({
  user_ids: z.array(id, { error: 'expected a list of end user ids' }).min(1).max(1_000),
})

const customerInput = z.object({
  ...BUDGET_REFERENCE,
  user_id: id,
  alias: name,
  blocked: flag,
  allowed_model_region: z.enum(['eu', 'us'], { error: 'expected eu or us' }).nullish(),
  default_model: name,
  spend: budget,
})
type CustomerInput = z.output<typeof customerInput>

const infoQuery = z.object({ end_user_id: id })

export function customerRoutes(services: ManagementServices): readonly ManagementRoute[] {
  return ['/customer', '/end_user'].flatMap((prefix): readonly ManagementRoute[] => [
    { method: 'POST', path: `${prefix}/new`, handle: async (request) => await make(services, request) },
    { method: 'POST', path: `${prefix}/update`, handle: async (request) => await update(services, request) },
    { method: 'POST', path: `${prefix}/delete`, handle: async (request) => await remove(services, request) },
    { method: 'POST', path: `${prefix}/block`, handle: async (request) => await block(services, request) },
    {
      method: 'POST',
      path: `${prefix}/unblock`,
      handle: async (request) => await unblock(services, request),
    },
    { method: 'GET', path: `${prefix}/info`, handle: async (request) => await info(services, request) },
    {
      method: 'GET',
      path: `${prefix}/list`,
      handle: async () =>
        await withBudgets(services.database.sql, await listCustomers(services.database.sql)),
    },
  ])
}

async function make(services: ManagementServices, request: ManagementRequest) {
  const input = parseInput(customerInput, request.body ?? {})
  return await commitChange(services, async (context) => {
    const { transaction } = context
    if ((await findCustomer(transaction, input.user_id)) !== undefined) {
      throw new GatewayError('conflict', `Customer already exists, passed user_id=${input.user_id}.`, {
        param: 'user_id',
        status: 400,
      })
    }
    const madeBy = request.principal.facts.userId ?? null
    await insertCustomer(transaction, { customer_id: input.user_id, created_by: madeBy, updated_by: madeBy })
    return await write(services, context, input, request, null)
  })
}

async function update(services: ManagementServices, request: ManagementRequest) {
  const input = parseInput(customerInput, request.body ?? {})
  return await commitChange(services, async (context) => {
    const { transaction } = context
    const stored =
      (await findCustomer(transaction, input.user_id)) ?? (await findSpender(transaction, input.user_id))
    if (stored === undefined) throw customerNotFound(input.user_id)
    return await write(services, context, input, request, stored.budget_id)
  })
}

async function write(
  { clock, config }: ManagementServices,
  { transaction, announce }: ChangeContext,
  input: CustomerInput,
  { principal, body }: ManagementRequest,
  storedBudget: string | null,
) {
  const nowMs = clock()
  const madeBy = principal.facts.userId
  const budgetId = await referencedBudget(transaction, input, body, storedBudget, madeBy)
  await upsertCustomer(transaction, input.user_id, {
    ...(input.alias === undefined ? {} : { alias: input.alias }),
    ...(input.blocked === undefined ? {} : { blocked: input.blocked ?? false }),
    ...(input.allowed_model_region === undefined ? {} : { allowed_model_region: input.allowed_model_region }),
    ...(input.default_model === undefined ? {} : { default_model: input.default_model }),
    ...(budgetId === undefined ? {} : { budget_id: budgetId }),
    updated_by: madeBy ?? null,
  })
  const [limits] = await findBudgets(transaction, [budgetId ?? storedBudget ?? ''])
  const scope = { kind: 'end_user', id: input.user_id }
  await writeSpends(
    transaction,
    typeof input.spend === 'bigint' ? [{ ...scope, spent: input.spend }] : [],
    budgetId === undefined
      ? []
      : [
          {
            ...scope,
            window: openWindow(limits?.budget_duration, nowMs, calendarOf(config.litellm_settings)),
          },
        ],
    nowMs,
  )
  announce({ subject: 'customer', id: input.user_id })
  const row = await findCustomer(transaction, input.user_id)
  if (row === undefined) throw customerNotFound(input.user_id)
  return customerOnWire(row, limits)
}

async function info({ database }: ManagementServices, { query }: ManagementRequest) {
  const { end_user_id: customerId } = parseInput(infoQuery, query)
  const row = (await findCustomer(database.sql, customerId)) ?? (await findSpender(database.sql, customerId))
  if (row === undefined) throw customerNotFound(customerId)
  const [shown] = await withBudgets(database.sql, [row])
  return Object.fromEntries(Object.entries(shown ?? {}).filter(([, value]) => value !== null))
}

async function remove(services: ManagementServices, { body }: ManagementRequest) {
  const { user_ids: customerIds } = parseInput(ids, body ?? {})
  return await commitChange(services, async ({ transaction, announce }) => {
    const { max_end_user_budget_id: ofOthers = '' } = services.config.litellm_settings
    const budgetIds = [...(await budgetsOfCustomers(transaction, customerIds)), ofOthers]
    const ofModels = await modelTotalsOf(transaction, 'end_user_model', customerIds, budgetIds)
    const deleted = new Set(await deleteCustomers(transaction, customerIds))
    for (const customerId of customerIds) {
      if ((await findSpender(transaction, customerId)) !== undefined) deleted.add(customerId)
    }
    if (deleted.size === 0) throw customerNotFound(customerIds.join(', '))
    const scopes = [...deleted].map((customerId) => ({ kind: 'end_user', id: customerId }))
    await forgetSpends(transaction, [...scopes, ...ofModels], services.clock())
    for (const customerId of deleted) announce({ subject: 'customer', id: customerId })
    return {
      deleted_customers: deleted.size,
      message: `Successfully deleted customers with ids: ${[...deleted].join(', ')}`,
    }
  })
}

async function block(services: ManagementServices, request: ManagementRequest) {
  const customerIds = await setBlocked(services, request, true)
  const rows = await Promise.all(
    customerIds.map(async (customerId) => await findCustomer(services.database.sql, customerId)),
  )
  return {
    blocked_users: await withBudgets(
      services.database.sql,
      rows.filter((row) => row !== undefined),
    ),
  }
}

/** Answers those who are blocked still. */
async function unblock(services: ManagementServices, request: ManagementRequest) {
  await setBlocked(services, request, false)
  const remaining = await listBlockedCustomers(services.database.sql)
  return { blocked_users: await withBudgets(services.database.sql, remaining) }
}

/** An end user without a row gets one: a block holds from its first call on. */
async function setBlocked(
  services: ManagementServices,
  { principal, body }: ManagementRequest,
  blocked: boolean,
): Promise<readonly string[]> {
  const { user_ids: customerIds } = parseInput(ids, body ?? {})
  return await commitChange(services, async ({ transaction, announce }) => {
    for (const customerId of customerIds.toSorted()) {
      await upsertCustomer(transaction, customerId, { blocked, updated_by: principal.facts.userId ?? null })
      announce({ subject: 'customer', id: customerId })
    }
    return customerIds
  })
}

function customerNotFound(customerId: string): GatewayError {
  return new GatewayError('not_found', `End User Id=${customerId} does not exist in db.`, {
    param: 'end_user_id',
  })
}
