/**
 * `POST /user/new`: a user, and a first key for it. Budgets and limits become the user's, and bind the key through it;
 * what is a key's own (alias, routes, life time) becomes the key's.
 */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Transaction } from 'kysely'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { LitellmSettings } from '../../config/schema/litellm-settings.ts'
import { calendarOf } from '../../identity/calendar.ts'
import type { Schema } from '../../storage/database.ts'
import { findUser, insertUser } from '../../storage/queries/principals-users.ts'
import type { WindowChange } from '../../storage/queries/spend-windows.ts'
import { commitChange } from '../commit-change.ts'
import { loadCaller, type Caller } from '../keys/caller.ts'
import { requireTeam } from '../keys/generate.ts'
import { KEY_FIELDS, keyChange } from '../keys/key-fields.ts'
import { requireGrantable } from '../keys/key-rights.ts'
import { makeKey, randomKey } from '../keys/make-key.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { joinTeam, teamMemberBudget, type MemberContext } from '../teams/membership.ts'
import { budget, flag, openMembers } from '../wire/fields.ts'
import { LIMIT_FIELDS } from '../wire/limits.ts'
import { TEMPORARY_FIELDS } from '../wire/model-limits.ts'
import { USER_FIELDS, userColumns, writeUserSpend } from './user-fields.ts'
import { userOnWire } from './user-row.ts'

const membership = z.union([
  z
    .string()
    .min(1)
    .max(512)
    .transform((teamId) => ({ team_id: teamId, user_role: 'user' as const, max_budget_in_team: undefined })),
  z.object({
    team_id: z.string().min(1).max(512),
    user_role: z.enum(['user', 'admin']).default('user'),
    max_budget_in_team: budget,
  }),
])
type Membership = z.output<typeof membership>

const teams = z.array(membership, { error: 'expected a list of team ids' }).nullish()

/** Of the open fields, those that are the first key's too. */
const KEPT_WITH_KEY = ['tags', 'guardrails', 'permissions', 'object_permission']

const newUserInput = z.object({
  ...KEY_FIELDS,
  ...USER_FIELDS,
  teams,
  auto_create_key: flag,
})
type NewUserInput = z.output<typeof newUserInput>

const defaultInput = z.object({ ...USER_FIELDS, teams })

export function newUserRoute(services: ManagementServices): ManagementRoute {
  return { method: 'POST', path: '/user/new', handle: async (request) => await newUser(services, request) }
}

async function newUser(services: ManagementServices, { principal, body }: ManagementRequest) {
  const input = parseInput(newUserInput, body ?? {})
  const withDefaults = withDefaultsOf(services.config.litellm_settings, input)
  const nowMs = services.clock()
  const madeBy = principal.facts.userId
  const calendar = calendarOf(services.config.litellm_settings)
  return await commitChange(services, async ({ transaction, announce }) => {
    const role = withDefaults.user_role ?? 'internal_user'
    requireMayMake(await loadCaller(transaction, principal), role)
    const userId = input.user_id ?? randomUUID()
    await insertUser(transaction, {
      ...userColumns(withDefaults, body, undefined, nowMs),
      user_id: userId,
      user_role: role,
      created_by: madeBy ?? null,
      updated_by: madeBy ?? null,
    })
    const windows = await joinTeams(transaction, userId, withDefaults.teams ?? [], {
      madeBy,
      nowMs,
      calendar,
    })
    await writeUserSpend(transaction, userId, withDefaults, { nowMs, calendar }, windows)
    announce({ subject: 'user', id: userId })
    const user = await findUser(transaction, userId)
    if (user === undefined) throw new GatewayError('internal', 'The user that was just written is gone.')
    const shown = userOnWire(user)
    if (input.auto_create_key === false) return { ...shown, key: '', token: null, expires: null }
    // The user's limits bind every key of the user: the key itself gets none of them.
    const kept = Object.fromEntries(openMembers(body, KEPT_WITH_KEY))
    const change = { ...keyChange(keyPart(input), kept, undefined, nowMs), user_id: userId }
    await requireTeam(transaction, change.team_id)
    const key = await makeKey(transaction, randomKey(), change, { madeBy, nowMs, calendar })
    announce({ subject: 'key', id: key.token })
    return { ...key, ...shown }
  })
}

/** What is a key's own; `models` and limits stay with the user, whose list and budget are asked for each of its keys. */
function keyPart(input: NewUserInput) {
  const ofUser = Object.keys({ ...LIMIT_FIELDS, ...TEMPORARY_FIELDS })
  const limits = Object.fromEntries(ofUser.map((field) => [field, undefined]))
  return { ...input, ...limits, models: undefined }
}

function requireMayMake(caller: Caller, role: string): void {
  if (caller.kind === 'admin') return requireGrantable(caller, role)
  throw new GatewayError('route_forbidden', 'Only an administrator may make users.')
}

/** What the configuration gives to users where the request is silent, unless they are administrators. */
function withDefaultsOf(settings: LitellmSettings, input: NewUserInput): NewUserInput {
  const defaults = settings.default_internal_user_params
  const role = input.user_role ?? defaults?.user_role
  if (role === 'proxy_admin' || role === 'proxy_admin_viewer') return input
  const filled = parseInput(defaultInput, {
    user_role: defaults?.user_role,
    max_budget: defaults?.max_budget ?? settings.max_internal_user_budget ?? settings.max_user_budget,
    budget_duration: defaults?.budget_duration ?? settings.internal_user_budget_duration,
    models: defaults?.models,
    teams: defaults?.teams,
  })
  return {
    ...input,
    user_role: input.user_role ?? filled.user_role,
    max_budget: input.max_budget ?? filled.max_budget,
    budget_duration: input.budget_duration ?? filled.budget_duration,
    models: input.models ?? filled.models,
    teams: input.teams ?? filled.teams,
  }
}

async function joinTeams(
  transaction: Transaction<Schema>,
  userId: string,
  teams: readonly Membership[],
  context: MemberContext,
): Promise<readonly WindowChange[]> {
  const windows: WindowChange[] = []
  for (const { team_id: teamId, user_role: role, max_budget_in_team: maxBudget } of teams) {
    const team = await requireTeam(transaction, teamId)
    const teamBudget = team === undefined ? undefined : await teamMemberBudget(transaction, team)
    windows.push(await joinTeam(transaction, { teamId, userId, role, teamBudget, maxBudget }, context))
  }
  return windows
}
