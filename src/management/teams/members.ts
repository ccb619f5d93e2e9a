/** `POST /team/member_add`, `/team/member_update` and `/team/member_delete`, for administrators of gateway or team. */
import { z } from 'zod'
import type { Transaction } from 'kysely'
import { GatewayError } from '../../errors/gateway-error.ts'
import { calendarOf } from '../../identity/calendar.ts'
import type { Principal } from '../../identity/principal.ts'
import type { Schema } from '../../storage/database.ts'
import { deleteKeys, findBudgets, findKeysOf } from '../../storage/queries/principals-keys.ts'
import {
  deleteMember,
  findMembers,
  findTeam,
  updateMember,
  type MemberRow,
  type TeamRow,
} from '../../storage/queries/principals-teams.ts'
import { findUsers } from '../../storage/queries/principals-users.ts'
import { teamMemberScopeId } from '../../storage/queries/principals.ts'
import { writeSpends, type WindowChange } from '../../storage/queries/spend-windows.ts'
import { ownBudget } from '../budgets/budget-fields.ts'
import { commitChange } from '../commit-change.ts'
import { isTeamAdmin, loadCaller, type Caller } from '../keys/caller.ts'
import { forbidden } from '../keys/key-rights.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { userOnWire } from '../users/user-row.ts'
import { budget, dollarsOf, limit, name, numberOf } from '../wire/fields.ts'
import { limitColumns, openWindow } from '../wire/limits.ts'
import {
  findMemberUserId,
  insertMemberUser,
  joinTeam,
  member,
  teamMemberBudget,
  teamNotFound,
  type Member,
  type MemberContext,
} from './membership.ts'
import { membershipOnWire } from './team-row.ts'
import { shownTeam } from './update.ts'

const teamId = z.string({ error: 'expected the id of a team' }).min(1).max(512)
const named = { team_id: teamId, user_id: name, user_email: name }

const addInput = z.object({
  team_id: teamId,
  member: z.union([member.transform((each) => [each]), z.array(member).min(1).max(1_000)], {
    error: 'expected a member with user_id or user_email, or a list of them',
  }),
  max_budget_in_team: budget,
})

const updateInput = z.object({
  ...named,
  role: z.enum(['admin', 'user']).nullish(),
  max_budget_in_team: budget,
  tpm_limit: limit,
  rpm_limit: limit,
})

const deleteInput = z.object(named)

export function teamMemberRoutes(services: ManagementServices): readonly ManagementRoute[] {
  return [
    { method: 'POST', path: '/team/member_add', handle: async (request) => await add(services, request) },
    {
      method: 'POST',
      path: '/team/member_update',
      handle: async (request) => await update(services, request),
    },
    {
      method: 'POST',
      path: '/team/member_delete',
      handle: async (request) => await remove(services, request),
    },
  ]
}

async function add(services: ManagementServices, { principal, body }: ManagementRequest) {
  const input = parseInput(addInput, body ?? {})
  const context = contextOf(services, principal)
  return await commitChange(services, async ({ transaction, announce }) => {
    const { team, caller } = await ledTeam(transaction, principal, input.team_id)
    const teamBudget = await teamMemberBudget(transaction, team)
    const present = await findMembers(transaction, [input.team_id])
    const windows = new Map<string, WindowChange>()
    for (const each of input.member) {
      const userId = await newMemberId(transaction, caller, each)
      if (windows.has(userId) || present.some((known) => known.user_id === userId))
        throw memberAlready(userId)
      const joining = {
        teamId: input.team_id,
        userId,
        role: each.role,
        teamBudget,
        maxBudget: input.max_budget_in_team,
      }
      windows.set(userId, await joinTeam(transaction, joining, context))
    }
    await writeSpends(transaction, [], [...windows.values()], context.nowMs)
    announce({ subject: 'team', id: input.team_id })
    const added = [...windows.keys()]
    return {
      ...(await shownTeam(transaction, input.team_id)),
      updated_users: (await findUsers(transaction, added)).map(userOnWire),
      updated_team_memberships: await memberships(transaction, input.team_id, added),
    }
  })
}

/** Unknown members become users: that is for administrators of the gateway. */
async function newMemberId(transaction: Transaction<Schema>, caller: Caller, each: Member): Promise<string> {
  const known = await findMemberUserId(transaction, each)
  if (known !== undefined) return known
  if (caller.kind === 'admin') return await insertMemberUser(transaction, each)
  throw forbidden(
    'member: only an administrator of the gateway may add someone who is no user yet.',
    'member',
  )
}

async function memberships(transaction: Transaction<Schema>, id: string, userIds: readonly string[]) {
  const rows = (await findMembers(transaction, [id])).filter((row) => userIds.includes(row.user_id))
  const ids = rows.flatMap((row) => (row.budget_id === null ? [] : [row.budget_id]))
  const budgets = new Map((await findBudgets(transaction, ids)).map((each) => [each.budget_id, each]))
  return rows.map((row) => membershipOnWire(row, budgets.get(row.budget_id ?? '')))
}

async function update(services: ManagementServices, { principal, body }: ManagementRequest) {
  const input = parseInput(updateInput, body ?? {})
  const context = contextOf(services, principal)
  return await commitChange(services, async ({ transaction, announce }) => {
    await ledTeam(transaction, principal, input.team_id)
    const known = await requireMember(transaction, input)
    const budgetId = await changedBudget(transaction, input, known, context)
    await updateMember(transaction, input.team_id, known.user_id, {
      budget_id: budgetId,
      ...(typeof input.role === 'string' ? { role: input.role } : {}),
    })
    announce({ subject: 'team', id: input.team_id })
    const [shown] = budgetId === null ? [] : await findBudgets(transaction, [budgetId])
    return {
      team_id: input.team_id,
      user_id: known.user_id,
      user_email: known.user_email,
      max_budget_in_team: dollarsOf(shown?.max_budget ?? null),
      tpm_limit: numberOf(shown?.tpm_limit ?? null),
      rpm_limit: numberOf(shown?.rpm_limit ?? null),
      allowed_models: [],
    }
  })
}

/** A member whose limits differ from the team's for all members has a budget of its own. */
async function changedBudget(
  transaction: Transaction<Schema>,
  input: z.output<typeof updateInput>,
  known: MemberRow,
  { madeBy, nowMs, calendar }: MemberContext,
): Promise<string | null> {
  const change = limitColumns({
    max_budget: input.max_budget_in_team,
    tpm_limit: input.tpm_limit,
    rpm_limit: input.rpm_limit,
  })
  if (Object.keys(change).length === 0) return known.budget_id
  const [stored] = known.budget_id === null ? [] : await findBudgets(transaction, [known.budget_id])
  const budgetId = await ownBudget(transaction, change, stored, madeBy)
  const window = openWindow(stored?.budget_duration, nowMs, calendar)
  const scope = { kind: 'team_member', id: teamMemberScopeId(input.team_id, known.user_id) }
  await writeSpends(transaction, [], [{ ...scope, window }], nowMs)
  return budgetId
}

/** A member that leaves loses the keys that it had in the team. */
async function remove(services: ManagementServices, { principal, body }: ManagementRequest) {
  const input = parseInput(deleteInput, body ?? {})
  return await commitChange(services, async ({ transaction, announce }) => {
    await ledTeam(transaction, principal, input.team_id)
    const { user_id: memberId } = await requireMember(transaction, input)
    const keys = (await findKeysOf(transaction, { teamIds: [input.team_id] })).filter(
      (key) => key.user_id === memberId,
    )
    const { userId, keyHash } = principal.facts
    await deleteKeys(
      transaction,
      keys.map((key) => key.key_hash),
      { userId, keyHash },
    )
    await deleteMember(transaction, input.team_id, memberId)
    for (const key of keys) announce({ subject: 'key', id: key.key_hash })
    announce({ subject: 'team', id: input.team_id })
    return await shownTeam(transaction, input.team_id)
  })
}

function contextOf(services: ManagementServices, principal: Principal): MemberContext {
  const calendar = calendarOf(services.config.litellm_settings)
  return { madeBy: principal.facts.userId, nowMs: services.clock(), calendar }
}

/**
 * The team, when the caller leads it: as an administrator of the gateway, or of the team by a key that reaches it.
 * @throws GatewayError `not_found` to those who are no members, `route_forbidden` to plain ones.
 */
export async function ledTeam(
  transaction: Transaction<Schema>,
  principal: Principal,
  id: string,
): Promise<{ readonly team: TeamRow; readonly caller: Caller }> {
  const team = await findTeam(transaction, id)
  const caller = await loadCaller(transaction, principal)
  if (team === undefined) throw teamNotFound(id)
  if (caller.kind === 'admin') return { team, caller }
  const reaches = caller.key.team_id === null || caller.key.team_id === id
  if (!reaches || !caller.memberships.some((each) => each.team_id === id)) throw teamNotFound(id)
  if (!isTeamAdmin(caller, id)) {
    throw forbidden('Only an administrator of the gateway or of the team may change its members.')
  }
  return { team, caller }
}

/** @throws GatewayError `not_found`. */
export async function requireMember(
  transaction: Transaction<Schema>,
  input: z.output<typeof deleteInput>,
): Promise<MemberRow> {
  const userId = await findMemberUserId(transaction, input)
  const known = (await findMembers(transaction, [input.team_id])).find((each) => each.user_id === userId)
  if (known !== undefined) return known
  const asked = input.user_id ?? input.user_email ?? ''
  throw new GatewayError('not_found', `User ${asked} is not a member of the team.`, { param: 'user_id' })
}

function memberAlready(userId: string): GatewayError {
  return new GatewayError('bad_request', `User ${userId} is a member of the team already.`, {
    param: 'member',
  })
}
