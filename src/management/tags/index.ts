/** `/tag/*`: tags of calls with a description and a budget of their own. */
import { z } from 'zod'
import { GatewayError } from '../../errors/gateway-error.ts'
import { calendarOf } from '../../identity/calendar.ts'
import { modelTotalsOf } from '../../storage/queries/principals-budgets.ts'
import { findBudgets, type BudgetRow } from '../../storage/queries/principals-keys.ts'
import {
  deleteTag,
  findTags,
  findTagsOfCalls,
  insertTag,
  listTags,
  updateTag,
  type TagRow,
} from '../../storage/queries/principals-tags.ts'
import { forgetSpends, writeSpends } from '../../storage/queries/spend-windows.ts'
import { BUDGET_REFERENCE, referencedBudget } from '../budgets/budget-fields.ts'
import { commitChange, type ChangeContext } from '../commit-change.ts'
import { budgetOnWire } from '../keys/key-row.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { isoOf, name, names } from '../wire/fields.ts'
import { openWindow, spendOnWire } from '../wire/limits.ts'
import { withoutEmpty } from '../wire/query.ts'

const tagName = z.string({ error: 'expected the name of a tag' }).trim().min(1).max(512)

const tagInput = z.object({ ...BUDGET_REFERENCE, name: tagName, description: name, models: names })
type TagInput = z.output<typeof tagInput>

const infoInput = z.object({
  names: z.array(tagName, { error: 'expected a list of tags' }).min(1).max(1_000),
})
const deleteInput = z.object({ name: tagName })
const day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/, 'expected a day such as 2026-01-31')
const listQuery = z.object({ start_date: day.optional(), end_date: day.optional() })

export function tagRoutes(services: ManagementServices): readonly ManagementRoute[] {
  return [
    { method: 'POST', path: '/tag/new', handle: async (request) => await make(services, request) },
    { method: 'POST', path: '/tag/update', handle: async (request) => await update(services, request) },
    { method: 'POST', path: '/tag/delete', handle: async (request) => await remove(services, request) },
    { method: 'POST', path: '/tag/info', handle: async (request) => await info(services, request) },
    { method: 'GET', path: '/tag/list', handle: async (request) => await list(services, request) },
  ]
}

async function make(services: ManagementServices, request: ManagementRequest) {
  const input = parseInput(tagInput, request.body ?? {})
  return await commitChange(services, async (context) => {
    const madeBy = request.principal.facts.userId ?? null
    await insertTag(context.transaction, { tag_name: input.name, created_by: madeBy, updated_by: madeBy })
    const tag = await write(services, context, input, request, null)
    return { message: `Tag ${input.name} created successfully`, tag }
  })
}

async function update(services: ManagementServices, request: ManagementRequest) {
  const input = parseInput(tagInput, request.body ?? {})
  return await commitChange(services, async (context) => {
    const [stored] = await findTags(context.transaction, [input.name])
    if (stored === undefined) throw tagsNotFound([input.name])
    const tag = await write(services, context, input, request, stored.budget_id)
    return { message: `Tag ${input.name} updated successfully`, tag }
  })
}

async function write(
  { clock, config }: ManagementServices,
  { transaction, announce }: ChangeContext,
  input: TagInput,
  { principal, body }: ManagementRequest,
  storedBudget: string | null,
) {
  const nowMs = clock()
  const madeBy = principal.facts.userId
  const budgetId = await referencedBudget(transaction, input, body, storedBudget, madeBy)
  await updateTag(transaction, input.name, {
    ...(input.description === undefined ? {} : { description: input.description }),
    ...(input.models === undefined ? {} : { models: input.models ?? [] }),
    ...(budgetId === undefined ? {} : { budget_id: budgetId }),
    updated_by: madeBy ?? null,
  })
  const [budget] = await findBudgets(transaction, [budgetId ?? storedBudget ?? ''])
  const window = openWindow(budget?.budget_duration, nowMs, calendarOf(config.litellm_settings))
  // The row among the totals is what has the tag's spend counted from now on.
  await writeSpends(transaction, [], [{ kind: 'tag', id: input.name, window }], nowMs)
  announce({ subject: 'tag', id: input.name })
  const [row] = await findTags(transaction, [input.name])
  if (row === undefined) throw tagsNotFound([input.name])
  return tagOnWire(row, budget)
}

async function info({ database }: ManagementServices, { body }: ManagementRequest) {
  const { names: asked } = parseInput(infoInput, body ?? {})
  const rows = await findTags(database.sql, asked)
  const missing = asked.filter((each) => !rows.some((row) => row.tag_name === each))
  if (missing.length > 0) throw tagsNotFound(missing)
  const shown = await withBudgets(database, rows)
  return Object.fromEntries(shown.map((tag) => [tag.name, tag]))
}

/** Tags with a row; with dates, also those that calls of these days have carried. */
async function list({ database }: ManagementServices, { query: raw }: ManagementRequest) {
  const query = parseInput(listQuery, withoutEmpty(raw))
  const stored = await withBudgets(database, await listTags(database.sql))
  if (query.start_date === undefined || query.end_date === undefined) return stored
  const used = await findTagsOfCalls(database.sql, query.start_date, query.end_date)
  const dynamic = used.map(({ tag, first_used: first, last_used: last }) => ({
    name: tag,
    description: 'Carried by calls; no row of its own.',
    models: null,
    model_info: null,
    created_at: isoOf(first),
    updated_at: isoOf(last),
    created_by: null,
  }))
  return [...stored, ...dynamic]
}

async function remove(services: ManagementServices, { body }: ManagementRequest) {
  const { name: asked } = parseInput(deleteInput, body ?? {})
  return await commitChange(services, async ({ transaction, announce }) => {
    const [stored] = await findTags(transaction, [asked])
    if (stored === undefined) throw tagsNotFound([asked])
    const ofModels = await modelTotalsOf(transaction, 'tag_model', [asked], [stored.budget_id ?? ''])
    await deleteTag(transaction, asked)
    await forgetSpends(transaction, [{ kind: 'tag', id: asked }, ...ofModels], services.clock())
    announce({ subject: 'tag', id: asked })
    return { message: `Tag ${asked} deleted successfully` }
  })
}

async function withBudgets(database: ManagementServices['database'], rows: readonly TagRow[]) {
  const ids = rows.flatMap((row) => (row.budget_id === null ? [] : [row.budget_id]))
  const budgets = new Map((await findBudgets(database.sql, ids)).map((budget) => [budget.budget_id, budget]))
  return rows.map((row) => tagOnWire(row, budgets.get(row.budget_id ?? '')))
}

function tagOnWire(row: TagRow, budget: BudgetRow | undefined) {
  return {
    name: row.tag_name,
    description: row.description,
    models: row.models,
    model_info: null,
    spend: spendOnWire(row.spend),
    budget_id: row.budget_id,
    litellm_budget_table: budget === undefined ? null : budgetOnWire(budget),
    created_at: isoOf(row.created_at),
    updated_at: isoOf(row.updated_at),
    created_by: row.created_by,
  }
}

function tagsNotFound(missing: readonly string[]): GatewayError {
  return new GatewayError('not_found', `Tags not found: ${JSON.stringify(missing)}.`, { param: 'name' })
}
