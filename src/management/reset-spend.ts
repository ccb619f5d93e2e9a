/** Spend that an administrator sets back: of a key, of a member of a team, of all keys and teams. */
import { z } from 'zod'
import type { Transaction } from 'kysely'
import { GatewayError } from '../errors/gateway-error.ts'
import { windowLimits } from '../identity/window-limits.ts'
import { toDollars, picodollars } from '../money/picodollars.ts'
import type { Schema } from '../storage/database.ts'
import { findBudgets, findKey, lockKey, type KeyRow } from '../storage/queries/principals-keys.ts'
import { findUser } from '../storage/queries/principals-users.ts'
import { teamMemberScopeId, windowScopeId } from '../storage/queries/principals.ts'
import {
  readSpend,
  resetSpends,
  writeSpends,
  type SpendChange,
  type SpendJson,
} from '../storage/queries/spend-windows.ts'
import { commitChange } from './commit-change.ts'
import { isTeamAdmin, loadCaller, mayManageKey } from './keys/caller.ts'
import { keyHashOf, keyNotFound } from './keys/find-key.ts'
import { forbidden, requireGrantable } from './keys/key-rights.ts'
import { keyOnWire } from './keys/key-row.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from './route.ts'
import type { ManagementServices } from './services.ts'
import { ledTeam, requireMember } from './teams/members.ts'
import { budget, dollarsOf } from './wire/fields.ts'
import { spendOnWire } from './wire/limits.ts'

const resetInput = z.object({ reset_to: budget })

/** What `/global/spend/reset` sets to zero. */
const RESET_KINDS = ['key', 'key_model', 'key_window', 'team', 'team_model', 'team_window']

export function resetSpendRoutes(services: ManagementServices): readonly ManagementRoute[] {
  return [
    {
      method: 'POST',
      path: '/key/:key/reset_spend',
      handle: async (request) => await resetKey(services, request),
    },
    {
      method: 'POST',
      path: '/team/:team_id/member/:user_id/reset_spend',
      handle: async (request) => await resetMember(services, request),
    },
    {
      method: 'POST',
      path: '/global/spend/reset',
      handle: async (request) => await resetAll(services, request),
    },
  ]
}

/** @throws GatewayError `bad_request` unless the amount is from zero to what is spent. */
function resetTo(body: unknown, spend: SpendJson | null): bigint {
  const { reset_to: amount } = parseInput(resetInput, body ?? {})
  const { total, baseline } = readSpend(spend)
  if (typeof amount === 'bigint' && amount <= total - baseline) return amount
  throw new GatewayError(
    'bad_request',
    `reset_to: expected an amount in USD from 0 to what is spent, which is ${toDollars(picodollars(total - baseline))}`,
    { param: 'reset_to' },
  )
}

async function resetKey(services: ManagementServices, { principal, params, body }: ManagementRequest) {
  return await commitChange(services, async ({ transaction, announce }) => {
    const stored = await lockKey(transaction, keyHashOf(params['key'] ?? ''))
    const caller = await loadCaller(transaction, principal)
    if (stored === undefined || !mayManageKey(caller, stored, '/key/{key_id}/reset_spend'))
      throw keyNotFound()
    if (caller.kind === 'member' && (stored.team_id === null || !isTeamAdmin(caller, stored.team_id))) {
      throw forbidden('Only an administrator of the gateway or of the key’s team may reset its spend.')
    }
    if (caller.kind === 'admin' && stored.user_id !== null) {
      requireGrantable(caller, (await findUser(transaction, stored.user_id))?.user_role)
    }
    const spent = resetTo(body, stored.spend)
    await writeSpends(transaction, spendsOfKey(stored, spent), [], services.clock())
    announce({ subject: 'key', id: stored.key_hash })
    return await shownKey(transaction, stored)
  })
}

/** At zero the key is free again: its further windows begin at zero too. */
function spendsOfKey({ key_hash: keyHash, details }: KeyRow, spent: bigint): readonly SpendChange[] {
  const windows = spent === 0n ? [...windowLimits(details['budget_limits']).keys()] : []
  const further = windows.map((duration) => windowScopeId(keyHash, duration))
  return [{ kind: 'key', id: keyHash, spent }, ...further.map((id) => ({ kind: 'key_window', id, spent }))]
}

async function shownKey(transaction: Transaction<Schema>, before: KeyRow) {
  const row = await findKey(transaction, before.key_hash)
  if (row === undefined) throw keyNotFound()
  const [shared] = row.budget_id === null ? [] : await findBudgets(transaction, [row.budget_id])
  return { key_hash: row.key_hash, previous_spend: spendOnWire(before.spend), ...keyOnWire(row, shared) }
}

async function resetMember(services: ManagementServices, { principal, params, body }: ManagementRequest) {
  const teamId = params['team_id'] ?? ''
  return await commitChange(services, async ({ transaction, announce }) => {
    await ledTeam(transaction, principal, teamId)
    const member = await requireMember(transaction, { team_id: teamId, user_id: params['user_id'] ?? '' })
    const spent = resetTo(body, member.spend)
    const id = teamMemberScopeId(teamId, member.user_id)
    await writeSpends(transaction, [{ kind: 'team_member', id, spent }], [], services.clock())
    announce({ subject: 'team', id: teamId })
    const [limits] = member.budget_id === null ? [] : await findBudgets(transaction, [member.budget_id])
    return {
      team_id: teamId,
      user_id: member.user_id,
      spend: dollarsOf(spent),
      previous_spend: spendOnWire(member.spend),
      max_budget: dollarsOf(limits?.max_budget ?? null),
    }
  })
}

async function resetAll(services: ManagementServices, { principal }: ManagementRequest) {
  if (principal.kind !== 'master_key') throw forbidden('Only the master key may reset the spend of all.')
  return await commitChange(services, async ({ transaction, announce }) => {
    await resetSpends(transaction, RESET_KINDS, services.clock())
    announce({ subject: 'all', id: '' })
    return { message: 'Spend for all API Keys and Teams reset successfully', status: 'success' }
  })
}
