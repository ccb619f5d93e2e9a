/** `POST /team/new`: a team with its first members; members that nobody knows yet become users. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Transaction } from 'kysely'
import { GatewayError } from '../../errors/gateway-error.ts'
import { budgetWindowEndMs } from '../../identity/duration.ts'
import type { Schema } from '../../storage/database.ts'
import { insertBudget, organizationExists } from '../../storage/queries/principals-keys.ts'
import { findMembers, findTeam, insertMembers, insertTeam } from '../../storage/queries/principals-teams.ts'
import { findUser, findUserByEmail, insertUser } from '../../storage/queries/principals-users.ts'
import { commitChange } from '../commit-change.ts'
import { METADATA_FIELDS } from '../keys/key-fields.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import {
  budget,
  budgetDuration,
  flag,
  limit,
  mergeMembers,
  name,
  nameMap,
  names,
  object,
  openMembers,
} from '../wire/fields.ts'
import { LIMIT_FIELDS, limitColumns } from '../wire/limits.ts'
import { teamOnWire } from './team-row.ts'

/** Kept beside the team and given back; nothing in Sluice reads them yet. */
const DETAIL_FIELDS = [
  'router_settings',
  'object_permission',
  'access_group_ids',
  'default_team_member_models',
  'budget_limits',
  'secret_manager_settings',
  'team_member_key_duration',
  'enforced_file_expires_after',
  'enforced_batch_output_expires_after',
  'allowed_vector_store_indexes',
] as const

/** What plain members may do with the team's keys, unless the team says otherwise. */
const DEFAULT_PERMISSIONS = ['/key/info', '/key/health']

const member = z
  .object({
    role: z.enum(['admin', 'user']).default('user'),
    user_id: name,
    user_email: name,
  })
  .refine((each) => typeof each.user_id === 'string' || typeof each.user_email === 'string', {
    message: 'expected a member with user_id or user_email',
  })
type Member = z.output<typeof member>

const newTeamInput = z.object({
  ...LIMIT_FIELDS,
  team_id: name,
  team_alias: name,
  organization_id: name,
  models: names,
  model_aliases: nameMap,
  metadata: object,
  blocked: flag,
  members_with_roles: z.array(member, { error: 'expected a list of members' }).max(1_000).nullish(),
  admins: names,
  members: names,
  team_member_permissions: names,
  team_member_budget: budget,
  team_member_budget_duration: budgetDuration,
  team_member_rpm_limit: limit,
  team_member_tpm_limit: limit,
})
type NewTeamInput = z.output<typeof newTeamInput>

export function newTeamRoute(services: ManagementServices): ManagementRoute {
  return { method: 'POST', path: '/team/new', handle: async (request) => await newTeam(services, request) }
}

async function newTeam(services: ManagementServices, { principal, body }: ManagementRequest) {
  const input = parseInput(newTeamInput, body ?? {})
  const nowMs = services.clock()
  const madeBy = principal.facts.userId
  const teamId = input.team_id ?? randomUUID()
  return await commitChange(services, async ({ transaction, announce }) => {
    await requireOrganization(transaction, input.organization_id)
    const memberBudget = await makeMemberBudget(transaction, input, madeBy)
    const metadata = mergeMembers(input.metadata ?? {}, openMembers(body, METADATA_FIELDS))
    await insertTeam(transaction, {
      ...limitColumns(input, 0n, nowMs),
      team_id: teamId,
      team_alias: input.team_alias ?? null,
      organization_id: input.organization_id ?? null,
      models: input.models ?? [],
      model_aliases: JSON.stringify(input.model_aliases ?? {}),
      blocked: input.blocked ?? false,
      member_permissions: input.team_member_permissions ?? DEFAULT_PERMISSIONS,
      metadata: JSON.stringify(
        memberBudget === undefined ? metadata : { ...metadata, team_member_budget_id: memberBudget },
      ),
      details: JSON.stringify(mergeMembers({}, openMembers(body, DETAIL_FIELDS))),
      created_by: madeBy ?? null,
      updated_by: madeBy ?? null,
    })
    const creator = principal.kind === 'virtual_key' ? madeBy : undefined
    await addMembers(transaction, teamId, membersOf(input, creator), memberBudget, input, nowMs)
    announce({ subject: 'team', id: teamId })
    const team = await findTeam(transaction, teamId)
    if (team === undefined) throw new GatewayError('internal', 'The team that was just written is gone.')
    return teamOnWire(team, await findMembers(transaction, [teamId]))
  })
}

async function requireOrganization(
  transaction: Transaction<Schema>,
  organizationId: string | null | undefined,
): Promise<void> {
  if (typeof organizationId !== 'string' || (await organizationExists(transaction, organizationId))) return
  throw new GatewayError('bad_request', `Organization not found: ${organizationId}.`, {
    param: 'organization_id',
  })
}

/** One budget for each member of the team, shared as a definition: each member spends its own. */
async function makeMemberBudget(
  transaction: Transaction<Schema>,
  input: NewTeamInput,
  madeBy: string | undefined,
): Promise<string | undefined> {
  const values = {
    max_budget: input.team_member_budget ?? null,
    budget_duration: input.team_member_budget_duration?.text ?? null,
    rpm_limit: input.team_member_rpm_limit ?? null,
    tpm_limit: input.team_member_tpm_limit ?? null,
  }
  if (Object.values(values).every((value) => value === null)) return undefined
  const budgetId = randomUUID()
  await insertBudget(transaction, {
    budget_id: budgetId,
    ...values,
    created_by: madeBy ?? null,
    updated_by: madeBy ?? null,
  })
  return budgetId
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
  input: NewTeamInput,
  nowMs: number,
): Promise<void> {
  const window = input.team_member_budget_duration?.duration
  for (const each of members) {
    await insertMembers(transaction, [
      {
        team_id: teamId,
        user_id: await memberUserId(transaction, each),
        role: each.role,
        budget_id: budgetId ?? null,
        budget_reset_at: window === undefined ? null : new Date(budgetWindowEndMs(window, nowMs)),
      },
    ])
  }
}

async function memberUserId(transaction: Transaction<Schema>, each: Member): Promise<string> {
  const { user_id: userId, user_email: email } = each
  const known =
    typeof userId === 'string'
      ? await findUser(transaction, userId)
      : await findUserByEmail(transaction, email ?? '')
  if (known !== undefined) return known.user_id
  const newId = userId ?? randomUUID()
  await insertUser(transaction, { user_id: newId, user_email: email ?? null, user_role: 'internal_user' })
  return newId
}
