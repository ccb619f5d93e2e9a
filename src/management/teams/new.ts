/** `POST /team/new`: a team with its first members; members that nobody knows yet become users. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Transaction } from 'kysely'
import type { LitellmSettings } from '../../config/schema/litellm-settings.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { calendarOf } from '../../identity/calendar.ts'
import type { Schema } from '../../storage/database.ts'
import { findBudgets } from '../../storage/queries/principals-keys.ts'
import { findMembers, findTeam, insertTeam } from '../../storage/queries/principals-teams.ts'
import { writeSpends, type WindowChange } from '../../storage/queries/spend-windows.ts'
import { commitChange } from '../commit-change.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { name, names } from '../wire/fields.ts'
import { openWindow } from '../wire/limits.ts'
import {
  findMemberUserId,
  insertMemberUser,
  joinTeam,
  member,
  type Member,
  type MemberContext,
} from './membership.ts'
import { requireOrganization, TEAM_FIELDS, teamColumns, writeMemberBudget } from './team-fields.ts'
import { teamOnWire } from './team-row.ts'

/** What plain members may do with the team's keys, unless the team says otherwise. */
const DEFAULT_PERMISSIONS = ['/key/info', '/key/health']

const newTeamInput = z.object({
  ...TEAM_FIELDS,
  team_id: name,
  members_with_roles: z.array(member, { error: 'expected a list of members' }).max(1_000).nullish(),
  admins: names,
  members: names,
})
type NewTeamInput = z.output<typeof newTeamInput>

const defaultInput = z.object(TEAM_FIELDS)

export function newTeamRoute(services: ManagementServices): ManagementRoute {
  return { method: 'POST', path: '/team/new', handle: async (request) => await newTeam(services, request) }
}

async function newTeam(services: ManagementServices, { principal, body }: ManagementRequest) {
  const input = withDefaultsOf(services.config.litellm_settings, parseInput(newTeamInput, body ?? {}))
  const calendar = calendarOf(services.config.litellm_settings)
  const context = { madeBy: principal.facts.userId, nowMs: services.clock(), calendar }
  const teamId = input.team_id ?? randomUUID()
  return await commitChange(services, async ({ transaction, announce }) => {
    await requireOrganization(transaction, input.organization_id)
    const budgetId = await writeMemberBudget(transaction, input, undefined, context.madeBy)
    await insertTeam(transaction, {
      metadata: '{}',
      details: '{}',
      model_aliases: '{}',
      member_permissions: DEFAULT_PERMISSIONS,
      ...teamColumns(input, body, undefined, budgetId, context.nowMs),
      team_id: teamId,
      created_by: context.madeBy ?? null,
      updated_by: context.madeBy ?? null,
    })
    const creator = principal.kind === 'virtual_key' ? context.madeBy : undefined
    const windows = await addMembers(transaction, teamId, membersOf(input, creator), budgetId, context)
    const scope = { kind: 'team', id: teamId }
    await writeSpends(
      transaction,
      typeof input.spend === 'bigint' ? [{ ...scope, spent: input.spend }] : [],
      [...windows, { ...scope, window: openWindow(input.budget_duration?.text, context.nowMs, calendar) }],
      context.nowMs,
    )
    announce({ subject: 'team', id: teamId })
    const team = await findTeam(transaction, teamId)
    if (team === undefined) throw new GatewayError('internal', 'The team that was just written is gone.')
    return teamOnWire(team, await findMembers(transaction, [teamId]))
  })
}

/** `litellm_settings.default_team_params` fills what the request leaves out. */
function withDefaultsOf(
  { default_team_params: defaults }: LitellmSettings,
  input: NewTeamInput,
): NewTeamInput {
  if (defaults === undefined) return input
  const filled = parseInput(defaultInput, defaults)
  return {
    ...input,
    max_budget: input.max_budget ?? filled.max_budget,
    budget_duration: input.budget_duration ?? filled.budget_duration,
    tpm_limit: input.tpm_limit ?? filled.tpm_limit,
    rpm_limit: input.rpm_limit ?? filled.rpm_limit,
    models: input.models ?? filled.models,
    team_member_permissions: input.team_member_permissions ?? filled.team_member_permissions,
  }
}

/** The list with roles, the two older lists of ids, and whoever makes the team, as its administrator. */
function membersOf(input: NewTeamInput, creator: string | undefined): readonly Member[] {
  const asMember = (role: 'admin' | 'user') => (userId: string) => ({
    role,
    user_id: userId,
    user_email: null,
  })
  return [
    ...(input.members_with_roles ?? []),
    ...(input.admins ?? []).map(asMember('admin')),
    ...(input.members ?? []).map(asMember('user')),
    ...(creator === undefined ? [] : [creator].map(asMember('admin'))),
  ]
}

async function addMembers(
  transaction: Transaction<Schema>,
  teamId: string,
  members: readonly Member[],
  budgetId: string | undefined,
  context: MemberContext,
): Promise<readonly WindowChange[]> {
  const [teamBudget] = budgetId === undefined ? [] : await findBudgets(transaction, [budgetId])
  const windows = new Map<string, WindowChange>()
  for (const each of members) {
    const userId = (await findMemberUserId(transaction, each)) ?? (await insertMemberUser(transaction, each))
    const joining = { teamId, userId, role: each.role, teamBudget, maxBudget: undefined }
    windows.set(userId, await joinTeam(transaction, joining, context))
  }
  return [...windows.values()]
}
