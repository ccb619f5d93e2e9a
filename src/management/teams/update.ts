/** `POST /team/update`, `/team/block` and `/team/unblock`: what is sent changes, null clears, the rest stays. */
import { z } from 'zod'
import type { Transaction } from 'kysely'
import { calendarOf } from '../../identity/calendar.ts'
import type { Schema } from '../../storage/database.ts'
import { findBudgets } from '../../storage/queries/principals-keys.ts'
import {
  findMembers,
  findTeam,
  setMembersBudget,
  updateTeam,
  type TeamRow,
} from '../../storage/queries/principals-teams.ts'
import { teamMemberScopeId } from '../../storage/queries/principals.ts'
import { writeSpends, type WindowChange } from '../../storage/queries/spend-windows.ts'
import { commitChange } from '../commit-change.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { openWindow } from '../wire/limits.ts'
import { teamMemberBudget, teamNotFound, type MemberContext } from './membership.ts'
import { requireOrganization, TEAM_FIELDS, teamColumns, writeMemberBudget } from './team-fields.ts'
import { teamOnWire } from './team-row.ts'

const teamId = z.string({ error: 'expected the id of a team' }).min(1).max(512)
const updateInput = z.object({ ...TEAM_FIELDS, team_id: teamId })
const blockInput = z.object({ team_id: teamId })

export function updateTeamRoutes(services: ManagementServices): readonly ManagementRoute[] {
  const setBlocked = (path: string, blocked: boolean): ManagementRoute => ({
    method: 'POST',
    path,
    handle: async (request) => await block(services, request, blocked),
  })
  return [
    { method: 'POST', path: '/team/update', handle: async (request) => await update(services, request) },
    setBlocked('/team/block', true),
    setBlocked('/team/unblock', false),
  ]
}

async function update(services: ManagementServices, { principal, body }: ManagementRequest) {
  const input = parseInput(updateInput, body ?? {})
  const calendar = calendarOf(services.config.litellm_settings)
  const context = { madeBy: principal.facts.userId, nowMs: services.clock(), calendar }
  return await commitChange(services, async ({ transaction, announce }) => {
    const stored = await findTeam(transaction, input.team_id)
    if (stored === undefined) throw teamNotFound(input.team_id)
    await requireOrganization(transaction, input.organization_id)
    const known = await teamMemberBudget(transaction, stored)
    const budgetId = await writeMemberBudget(transaction, input, known, context.madeBy)
    if (budgetId !== undefined && known === undefined) {
      await setMembersBudget(transaction, input.team_id, budgetId)
    }
    await updateTeam(transaction, input.team_id, {
      ...teamColumns(input, body, stored, budgetId, context.nowMs),
      updated_at: new Date(context.nowMs),
      updated_by: context.madeBy ?? null,
    })
    await writeTeamSpends(transaction, input, budgetId, context)
    announce({ subject: 'team', id: input.team_id })
    return { team_id: input.team_id, data: await shownTeam(transaction, input.team_id) }
  })
}

/** Windows of the team and of the members whose budget is the team's, and the spend, where the request says so. */
async function writeTeamSpends(
  transaction: Transaction<Schema>,
  input: z.output<typeof updateInput>,
  memberBudgetId: string | undefined,
  { nowMs, calendar }: MemberContext,
): Promise<void> {
  const scope = { kind: 'team', id: input.team_id }
  const windows: WindowChange[] = []
  if (input.budget_duration !== undefined) {
    windows.push({ ...scope, window: openWindow(input.budget_duration?.text, nowMs, calendar) })
  }
  if (memberBudgetId !== undefined) {
    const [budget] = await findBudgets(transaction, [memberBudgetId])
    const window = openWindow(budget?.budget_duration, nowMs, calendar)
    const members = await findMembers(transaction, [input.team_id])
    for (const { user_id: userId } of members.filter((member) => member.budget_id === memberBudgetId)) {
      windows.push({ kind: 'team_member', id: teamMemberScopeId(input.team_id, userId), window })
    }
  }
  const spends = typeof input.spend === 'bigint' ? [{ ...scope, spent: input.spend }] : []
  await writeSpends(transaction, spends, windows, nowMs)
}

async function block(services: ManagementServices, { principal, body }: ManagementRequest, blocked: boolean) {
  const input = parseInput(blockInput, body ?? {})
  return await commitChange(services, async ({ transaction, announce }) => {
    await updateTeam(transaction, input.team_id, {
      blocked,
      updated_at: new Date(services.clock()),
      updated_by: principal.facts.userId ?? null,
    })
    announce({ subject: 'team', id: input.team_id })
    return await shownTeam(transaction, input.team_id)
  })
}

/** @throws GatewayError `not_found`. */
export async function shownTeam(transaction: Transaction<Schema>, id: string) {
  const team: TeamRow | undefined = await findTeam(transaction, id)
  if (team === undefined) throw teamNotFound(id)
  return teamOnWire(team, await findMembers(transaction, [id]))
}
