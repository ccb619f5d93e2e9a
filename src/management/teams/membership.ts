/** Members of teams: who is meant, and the budget that each gets in the team. */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { Transaction } from 'kysely'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { Calendar } from '../../identity/calendar.ts'
import type { Schema } from '../../storage/database.ts'
import { findBudgets, insertBudget, type BudgetRow } from '../../storage/queries/principals-keys.ts'
import { insertMembers } from '../../storage/queries/principals-teams.ts'
import { findUser, findUserByEmail, insertUser } from '../../storage/queries/principals-users.ts'
import { teamMemberScopeId } from '../../storage/queries/principals.ts'
import type { WindowChange } from '../../storage/queries/spend-windows.ts'
import { name } from '../wire/fields.ts'
import { openWindow } from '../wire/limits.ts'

export const member = z
  .object({
    role: z.enum(['admin', 'user']).default('user'),
    user_id: name,
    user_email: name,
  })
  .refine((each) => typeof each.user_id === 'string' || typeof each.user_email === 'string', {
    message: 'expected a member with user_id or user_email',
  })
export type Member = z.output<typeof member>

export interface MemberContext {
  readonly madeBy: string | undefined
  readonly nowMs: number
  readonly calendar: Calendar
}

interface Joining {
  readonly teamId: string
  readonly userId: string
  readonly role: 'admin' | 'user'
  /** What every member of the team gets. */
  readonly teamBudget: BudgetRow | undefined
  /** `max_budget_in_team`, in picodollars: instead of the team's amount for its members. */
  readonly maxBudget: bigint | null | undefined
}

/** Adds a member. @returns the window of its budget, to be written with all others of the transaction. */
export async function joinTeam(
  transaction: Transaction<Schema>,
  { teamId, userId, role, teamBudget, maxBudget }: Joining,
  { madeBy, nowMs, calendar }: MemberContext,
): Promise<WindowChange> {
  const budgetId =
    typeof maxBudget === 'bigint'
      ? await copiedBudget(transaction, maxBudget, teamBudget, madeBy)
      : teamBudget?.budget_id
  await insertMembers(transaction, [{ team_id: teamId, user_id: userId, role, budget_id: budgetId ?? null }])
  const window = openWindow(teamBudget?.budget_duration, nowMs, calendar)
  return { kind: 'team_member', id: teamMemberScopeId(teamId, userId), window }
}

/** A budget of one member alone, as the team's for all members but for its amount. */
async function copiedBudget(
  transaction: Transaction<Schema>,
  maxBudget: bigint,
  base: BudgetRow | undefined,
  madeBy: string | undefined,
): Promise<string> {
  const budgetId = randomUUID()
  await insertBudget(transaction, {
    budget_id: budgetId,
    max_budget: maxBudget,
    soft_budget: base?.soft_budget ?? null,
    budget_duration: base?.budget_duration ?? null,
    tpm_limit: base?.tpm_limit ?? null,
    rpm_limit: base?.rpm_limit ?? null,
    max_parallel_requests: base?.max_parallel_requests ?? null,
    model_max_budget: JSON.stringify(base?.model_max_budget ?? {}),
    created_by: madeBy ?? null,
    updated_by: madeBy ?? null,
  })
  return budgetId
}

/** The budget that each member of the team gets, if the team has one. */
export async function teamMemberBudget(
  transaction: Transaction<Schema>,
  team: { readonly metadata: Readonly<Record<string, unknown>> },
): Promise<BudgetRow | undefined> {
  const budgetId = team.metadata['team_member_budget_id']
  return typeof budgetId === 'string' ? (await findBudgets(transaction, [budgetId]))[0] : undefined
}

export async function findMemberUserId(
  transaction: Transaction<Schema>,
  each: { readonly user_id?: string | null | undefined; readonly user_email?: string | null | undefined },
): Promise<string | undefined> {
  const { user_id: userId, user_email: email } = each
  const known =
    typeof userId === 'string'
      ? await findUser(transaction, userId)
      : await findUserByEmail(transaction, email ?? '')
  return known?.user_id
}

/** A member that nobody knows yet becomes a user. */
export async function insertMemberUser(
  transaction: Transaction<Schema>,
  each: Pick<Member, 'user_id' | 'user_email'>,
  role: 'internal_user' | 'internal_user_viewer' = 'internal_user',
): Promise<string> {
  const userId = each.user_id ?? randomUUID()
  await insertUser(transaction, {
    user_id: userId,
    user_email: each.user_email ?? null,
    user_role: role,
  })
  return userId
}

export function teamNotFound(teamId: string): GatewayError {
  return new GatewayError('not_found', `Team not found: ${teamId}.`, { param: 'team_id' })
}
