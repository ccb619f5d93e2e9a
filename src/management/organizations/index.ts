/** `/organization/*`: teams and keys together, under one budget. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { calendarOf } from '../../identity/calendar.ts'
import type { Principal } from '../../identity/principal.ts'
import { deleteKeys, findBudgets, findKeysOf } from '../../storage/queries/principals-keys.ts'
import {
  deleteOrganizations,
  findKeysOfOrganizations,
  insertOrganization,
  listOrganizations,
  updateOrganization,
  type OrganizationRow,
} from '../../storage/queries/principals-organizations.ts'
import { deleteTeams, listTeams } from '../../storage/queries/principals-teams.ts'
import { writeSpends } from '../../storage/queries/spend-windows.ts'
import { BUDGET_REFERENCE, referencedBudget } from '../budgets/budget-fields.ts'
import { commitChange, type ChangeContext } from '../commit-change.ts'
import { METADATA_FIELDS } from '../keys/key-fields.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { budget, mergeMembers, name, names, object, openMembers } from '../wire/fields.ts'
import { openWindow } from '../wire/limits.ts'
import { MODEL_LIMIT_FIELDS } from '../wire/model-limits.ts'
import { withoutEmpty } from '../wire/query.ts'
import { organizationMemberRoutes } from './members.ts'
import { organizationNotFound, organizationsOnWire, type ShownOrganization } from './organization-row.ts'

const id = z.string({ error: 'expected the id of an organization' }).min(1).max(512)
const FIELDS = { ...BUDGET_REFERENCE, ...MODEL_LIMIT_FIELDS, models: names, metadata: object, spend: budget }
const DETAIL_FIELDS = ['object_permission'] as const

const newInput = z.object({
  ...FIELDS,
  organization_id: name,
  organization_alias: z
    .string({ error: 'expected a name, which every organization has' })
    .trim()
    .min(1)
    .max(512),
})
const updateInput = z.object({ ...FIELDS, organization_id: id, organization_alias: name })
const deleteInput = z.object({
  organization_ids: z.array(id, { error: 'expected a list of organization ids' }).min(1).max(1_000),
})
const infoInput = z.object({
  organizations: z.array(id, { error: 'expected a list of organization ids' }).min(1).max(1_000),
})
const infoQuery = z.object({ organization_id: id })
const listQuery = z.object({ org_id: z.string().optional(), org_alias: z.string().optional() })

export function organizationRoutes(services: ManagementServices): readonly ManagementRoute[] {
  return [
    { method: 'POST', path: '/organization/new', handle: async (request) => await make(services, request) },
    {
      method: 'PATCH',
      path: '/organization/update',
      handle: async (request) => await update(services, request),
    },
    {
      method: 'DELETE',
      path: '/organization/delete',
      handle: async (request) => await remove(services, request),
    },
    {
      method: 'POST',
      path: '/organization/info',
      handle: async ({ principal, body }) =>
        await shown(services, principal, parseInput(infoInput, body ?? {}).organizations),
    },
    {
      method: 'GET',
      path: '/organization/info',
      handle: async ({ principal, query }) => {
        const [only] = await shown(services, principal, [parseInput(infoQuery, query).organization_id])
        return only
      },
    },
    { method: 'GET', path: '/organization/list', handle: async (request) => await list(services, request) },
    ...organizationMemberRoutes(services),
  ]
}

async function make(services: ManagementServices, request: ManagementRequest) {
  const { principal, body } = request
  const input = parseInput(newInput, body ?? {})
  const organizationId = input.organization_id ?? randomUUID()
  const madeBy = principal.facts.userId ?? null
  return await commitChange(services, async (context) => {
    await insertOrganization(context.transaction, {
      organization_id: organizationId,
      organization_alias: input.organization_alias,
      metadata: '{}',
      details: '{}',
      created_by: madeBy,
      updated_by: madeBy,
    })
    return await write(services, context, { ...input, organization_id: organizationId }, request)
  })
}

async function update(services: ManagementServices, request: ManagementRequest) {
  const input = parseInput(updateInput, request.body ?? {})
  return await commitChange(services, async (context) => await write(services, context, input, request))
}

async function write(
  { clock, config }: ManagementServices,
  { transaction, announce }: ChangeContext,
  input: z.output<typeof updateInput>,
  { principal, body }: ManagementRequest,
) {
  const { organization_id: organizationId } = input
  const nowMs = clock()
  const madeBy = principal.facts.userId
  const [stored] = await listOrganizations(transaction, { ids: [organizationId] })
  if (stored === undefined) throw organizationNotFound(organizationId)
  const budgetId = await referencedBudget(transaction, input, body, stored.budget_id, madeBy)
  await updateOrganization(transaction, organizationId, {
    ...(typeof input.organization_alias === 'string' ? { organization_alias: input.organization_alias } : {}),
    ...(input.models === undefined ? {} : { models: input.models ?? [] }),
    ...(budgetId === undefined ? {} : { budget_id: budgetId }),
    ...openColumns(input.metadata, body, stored),
    updated_by: madeBy ?? null,
  })
  const [limits] = await findBudgets(transaction, [budgetId ?? stored.budget_id ?? ''])
  const scope = { kind: 'organization', id: organizationId }
  const window = openWindow(limits?.budget_duration, nowMs, calendarOf(config.litellm_settings))
  await writeSpends(
    transaction,
    typeof input.spend === 'bigint' ? [{ ...scope, spent: input.spend }] : [],
    budgetId === undefined ? [] : [{ ...scope, window }],
    nowMs,
  )
  announce({ subject: 'organization', id: organizationId })
  const [organization] = await organizationsOnWire(
    transaction,
    await listOrganizations(transaction, { ids: [organizationId] }),
  )
  return organization
}

/** Metadata is replaced when it is sent; fields kept in it and beside it are merged. */
function openColumns(
  metadata: Readonly<Record<string, unknown>> | null | undefined,
  body: unknown,
  stored: OrganizationRow,
): { metadata?: string; details?: string } {
  const inMetadata = openMembers(body, METADATA_FIELDS)
  const details = openMembers(body, DETAIL_FIELDS)
  const base = metadata === undefined ? stored.metadata : (metadata ?? {})
  return {
    ...(metadata === undefined && inMetadata.size === 0
      ? {}
      : { metadata: JSON.stringify(mergeMembers(base, inMetadata)) }),
    ...(details.size === 0 ? {} : { details: JSON.stringify(mergeMembers(stored.details, details)) }),
  }
}

/** Deletes organizations with their teams and keys. */
async function remove(services: ManagementServices, { principal, body }: ManagementRequest) {
  const { organization_ids: ids } = parseInput(deleteInput, body ?? {})
  return await commitChange(services, async ({ transaction, announce }) => {
    const rows = await listOrganizations(transaction, { ids })
    const missing = ids.find((each) => !rows.some((row) => row.organization_id === each))
    if (missing !== undefined) throw organizationNotFound(missing)
    const answer = await organizationsOnWire(transaction, rows)
    const teams = await listTeams(transaction, { memberIds: [], organizationIds: ids })
    const teamIds = teams.map((team) => team.team_id)
    const ofTeams = await findKeysOf(transaction, { teamIds })
    const hashes = new Set([
      ...ofTeams.map((key) => key.key_hash),
      ...(await findKeysOfOrganizations(transaction, ids)),
    ])
    const { userId, keyHash } = principal.facts
    await deleteKeys(transaction, [...hashes], { userId, keyHash })
    await deleteTeams(transaction, teamIds)
    await deleteOrganizations(transaction, ids)
    for (const each of hashes) announce({ subject: 'key', id: each })
    for (const each of teamIds) announce({ subject: 'team', id: each })
    for (const each of ids) announce({ subject: 'organization', id: each })
    return answer
  })
}

async function shown({ database }: ManagementServices, principal: Principal, ids: readonly string[]) {
  const rows = await listOrganizations(database.sql, { ids })
  for (const organizationId of ids) {
    const known = rows.some((row) => row.organization_id === organizationId)
    if (!known || !maySee(principal, organizationId)) throw organizationNotFound(organizationId)
  }
  return (await organizationsOnWire(database.sql, rows)).map((each) => asSeenBy(principal, each))
}

async function list({ database }: ManagementServices, { principal, query: raw }: ManagementRequest) {
  const query = parseInput(listQuery, withoutEmpty(raw))
  const rows = await listOrganizations(database.sql, {
    ids: query.org_id === undefined ? undefined : [query.org_id],
    aliasPart: query.org_alias,
  })
  const visible = rows.filter((row) => maySee(principal, row.organization_id))
  return (await organizationsOnWire(database.sql, visible)).map((each) => asSeenBy(principal, each))
}

/** An organization is shown to administrators, and to those whose key belongs to it. */
function maySee(principal: Principal, organizationId: string): boolean {
  return seesAll(principal) || principal.facts.organizationId === organizationId
}

function seesAll({ role }: Principal): boolean {
  return role === 'proxy_admin' || role === 'proxy_admin_viewer'
}

/** Who else is a member, and what each may spend, is for those who administer the organization. */
function asSeenBy(principal: Principal, organization: ShownOrganization): ShownOrganization {
  const own = organization.members.filter((member) => member.user_id === principal.facts.userId)
  if (seesAll(principal) || own.some((member) => member.user_role === 'org_admin')) return organization
  return { ...organization, members: own }
}
