/** `/organization/member_add`, `member_update` and `member_delete`: who belongs to an organization, and what each may spend. */
import { z } from 'zod'
import type { Transaction } from 'kysely'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Schema } from '../../storage/database.ts'
import { findBudgets } from '../../storage/queries/principals-keys.ts'
import {
  deleteOrganizationMember,
  findOrganizationMembers,
  insertOrganizationMember,
  updateOrganizationMember,
  type OrganizationMemberRow,
} from '../../storage/queries/principals-organization-members.ts'
import { listOrganizations } from '../../storage/queries/principals-organizations.ts'
import { findUsers } from '../../storage/queries/principals-users.ts'
import { organizationMemberScopeId } from '../../storage/queries/principals.ts'
import { alignWindows } from '../../storage/queries/spend-windows.ts'
import { ownBudget } from '../budgets/budget-fields.ts'
import { commitChange } from '../commit-change.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { findMemberUserId, insertMemberUser } from '../teams/membership.ts'
import { userOnWire } from '../users/user-row.ts'
import { budget, name } from '../wire/fields.ts'
import { organizationMembersOnWire, organizationNotFound } from './organization-row.ts'

const ROLES = ['org_admin', 'internal_user', 'internal_user_viewer'] as const
const role = z.enum(ROLES, { error: `expected one of ${ROLES.join(', ')}` })

const organizationId = z.string({ error: 'expected the id of an organization' }).min(1).max(512)
const MEMBER_EXPECTED = 'expected a member with user_id or user_email'
const member = z
  .object({ role: role.default('internal_user'), user_id: name, user_email: name })
  .refine((each) => typeof each.user_id === 'string' || typeof each.user_email === 'string', MEMBER_EXPECTED)
type Member = z.output<typeof member>

const addInput = z.object({
  organization_id: organizationId,
  member: z.union([member.transform((each) => [each]), z.array(member).min(1).max(1_000)], {
    error: `${MEMBER_EXPECTED}, or a list of them`,
  }),
  max_budget_in_organization: budget,
})

const named = { organization_id: organizationId, user_id: name, user_email: name }
const updateInput = z.object({ ...named, role: role.nullish(), max_budget_in_organization: budget })
const deleteInput = z.object(named)

export function organizationMemberRoutes(services: ManagementServices): readonly ManagementRoute[] {
  return [
    {
      method: 'POST',
      path: '/organization/member_add',
      handle: async (request) => await add(services, request),
    },
    {
      method: 'PATCH',
      path: '/organization/member_update',
      handle: async (request) => await update(services, request),
    },
    {
      method: 'DELETE',
      path: '/organization/member_delete',
      handle: async (request) => await remove(services, request),
    },
  ]
}

async function add(services: ManagementServices, { principal, body }: ManagementRequest) {
  const input = parseInput(addInput, body ?? {})
  const { organization_id: id, max_budget_in_organization: maxBudget } = input
  const madeBy = principal.facts.userId
  return await commitChange(services, async ({ transaction, announce }) => {
    await requireOrganization(transaction, id)
    const present = await findOrganizationMembers(transaction, [id])
    const added = new Set<string>()
    for (const each of input.member) {
      const userId = await userIdOf(transaction, each)
      if (added.has(userId) || present.some((known) => known.user_id === userId)) throw memberAlready(userId)
      await insertOrganizationMember(transaction, {
        organization_id: id,
        user_id: userId,
        role: each.role,
        budget_id: await changedBudget(transaction, maxBudget, null, madeBy),
      })
      announce({ subject: 'user', id: userId })
      added.add(userId)
    }
    // The rows among the totals are what has the members' spend counted from now on.
    await alignWindows(
      transaction,
      [...added].map((userId) => ({
        kind: 'organization_member',
        id: organizationMemberScopeId(id, userId),
        window: null,
      })),
    )
    announce({ subject: 'organization', id })
    const members = await organizationMembersOnWire(transaction, [id])
    return {
      organization_id: id,
      updated_users: (await findUsers(transaction, [...added])).map(userOnWire),
      updated_organization_memberships: members.filter((each) => added.has(each.user_id)),
    }
  })
}

/** A member that nobody knows yet becomes a user, with no more rights than the membership has. */
async function userIdOf(transaction: Transaction<Schema>, each: Member): Promise<string> {
  const known = await findMemberUserId(transaction, each)
  if (known !== undefined) return known
  const userRole = each.role === 'internal_user_viewer' ? each.role : 'internal_user'
  return await insertMemberUser(transaction, each, userRole)
}

async function update(services: ManagementServices, { principal, body }: ManagementRequest) {
  const input = parseInput(updateInput, body ?? {})
  const { organization_id: id, max_budget_in_organization: maxBudget } = input
  return await commitChange(services, async ({ transaction, announce }) => {
    const known = await requireMember(transaction, input)
    const madeBy = principal.facts.userId
    await updateOrganizationMember(transaction, id, known.user_id, {
      budget_id: await changedBudget(transaction, maxBudget, known.budget_id, madeBy),
      ...(typeof input.role === 'string' ? { role: input.role } : {}),
    })
    announce({ subject: 'organization', id })
    return await shownMember(transaction, id, known.user_id)
  })
}

/** The member's keys stay, and count for the organization as before. */
async function remove(services: ManagementServices, { body }: ManagementRequest) {
  const input = parseInput(deleteInput, body ?? {})
  const { organization_id: id } = input
  return await commitChange(services, async ({ transaction, announce }) => {
    const { user_id: userId } = await requireMember(transaction, input)
    const shown = await shownMember(transaction, id, userId)
    await deleteOrganizationMember(transaction, id, userId)
    announce({ subject: 'organization', id })
    return shown
  })
}

/** The budget of a member after a request: one of its own, once it differs from what others share. */
async function changedBudget(
  transaction: Transaction<Schema>,
  maxBudget: bigint | null | undefined,
  stored: string | null,
  madeBy: string | undefined,
): Promise<string | null> {
  if (maxBudget === undefined || (maxBudget === null && stored === null)) return stored
  const [budgetRow] = stored === null ? [] : await findBudgets(transaction, [stored])
  return await ownBudget(transaction, { max_budget: maxBudget }, budgetRow, madeBy)
}

async function shownMember(transaction: Transaction<Schema>, id: string, userId: string) {
  const members = await organizationMembersOnWire(transaction, [id])
  return members.find((each) => each.user_id === userId)
}

/** @throws GatewayError `not_found`. */
async function requireMember(
  transaction: Transaction<Schema>,
  input: z.output<typeof deleteInput>,
): Promise<OrganizationMemberRow> {
  await requireOrganization(transaction, input.organization_id)
  const userId = await findMemberUserId(transaction, input)
  const members = await findOrganizationMembers(transaction, [input.organization_id])
  const known = members.find((each) => each.user_id === userId)
  if (known !== undefined) return known
  const asked = input.user_id ?? input.user_email ?? ''
  throw new GatewayError('not_found', `User ${asked} is not a member of the organization.`, {
    param: 'user_id',
  })
}

async function requireOrganization(transaction: Transaction<Schema>, id: string): Promise<void> {
  const rows = await listOrganizations(transaction, { ids: [id] })
  if (rows.length === 0) throw organizationNotFound(id)
}

function memberAlready(userId: string): GatewayError {
  return new GatewayError('bad_request', `User ${userId} is a member of the organization already.`, {
    param: 'member',
  })
}
