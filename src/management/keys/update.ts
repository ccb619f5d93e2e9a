/** `POST /key/update`: what is sent changes, null clears, the rest stays. */
import { z } from 'zod'
import type { Transaction } from 'kysely'
import { GatewayError } from '../../errors/gateway-error.ts'
import { calendarOf } from '../../identity/calendar.ts'
import type { Schema } from '../../storage/database.ts'
import {
  findBudgets,
  findKey,
  lockKey,
  updateKey,
  type KeyRow,
} from '../../storage/queries/principals-keys.ts'
import { findTeam } from '../../storage/queries/principals-teams.ts'
import { findUser } from '../../storage/queries/principals-users.ts'
import { commitChange } from '../commit-change.ts'
import { parseInput, type ManagementRequest, type ManagementRoute } from '../route.ts'
import type { ManagementServices } from '../services.ts'
import { loadCaller, mayManageKey, type Caller } from './caller.ts'
import { keyHashOf, keyNotFound } from './find-key.ts'
import { requireTeam } from './generate.ts'
import { withKeyBounds } from './key-defaults.ts'
import { KEY_FIELDS, keyChange, keyColumns, type KeyChange } from './key-fields.ts'
import { narrowedChange, requireGrantable, requireOwnFields } from './key-rights.ts'
import { keyOnWire } from './key-row.ts'
import { requireReferences, writeKeySpend, type MakingContext } from './make-key.ts'

const updateInput = z.object({
  ...KEY_FIELDS,
  key: z.string({ error: 'expected a key or its hash' }).min(1).max(512),
})

export function updateKeyRoute(services: ManagementServices): ManagementRoute {
  return { method: 'POST', path: '/key/update', handle: async (request) => await update(services, request) }
}

async function update(services: ManagementServices, { principal, body: sent }: ManagementRequest) {
  const bounds = services.config.litellm_settings.upperbound_key_generate_params
  const body = withKeyBounds(sent, bounds, false)
  const input = parseInput(updateInput, body ?? {})
  const nowMs = services.clock()
  return await commitChange(services, async ({ transaction, announce }) => {
    const stored = await lockKey(transaction, keyHashOf(input.key))
    const caller = await loadCaller(transaction, principal)
    if (stored === undefined || !mayManageKey(caller, stored, '/key/update')) throw keyNotFound()
    if (caller.kind === 'member') requireOwnFields(sent, 'update')
    const change = await grantedChange(transaction, caller, keyChange(input, body, stored, nowMs), stored)
    await requireReferences(transaction, change)
    await updateKey(transaction, stored.key_hash, {
      ...keyColumns(change),
      updated_at: new Date(nowMs),
      updated_by: principal.facts.userId ?? null,
    })
    announce({ subject: 'key', id: stored.key_hash })
    const calendar = calendarOf(services.config.litellm_settings)
    if (concernsSpend(change) || input.spend !== undefined)
      await writeSpend(transaction, stored.key_hash, { nowMs, calendar, spent: input.spend })
    return await answer(transaction, input.key, stored.key_hash)
  })
}

async function grantedChange(
  transaction: Transaction<Schema>,
  caller: Caller,
  change: KeyChange,
  stored: KeyRow,
): Promise<KeyChange> {
  if (caller.kind === 'member') {
    const team = stored.team_id === null ? undefined : await findTeam(transaction, stored.team_id)
    return narrowedChange(caller, change, stored, team)
  }
  await requireTeam(transaction, change.team_id)
  if (caller.restricted) {
    for (const userId of [stored.user_id, change.user_id]) {
      if (typeof userId === 'string')
        requireGrantable(caller, (await findUser(transaction, userId))?.user_role)
    }
  }
  return change
}

/** What the window depends on. Only then is the key's total locked: bookings of its calls would wait for that. */
function concernsSpend(change: KeyChange): boolean {
  return change.budget_duration !== undefined || change.budget_id !== undefined
}

async function writeSpend(
  transaction: Transaction<Schema>,
  keyHash: string,
  context: Omit<MakingContext, 'madeBy'>,
): Promise<void> {
  const { row, budget } = await keyWithBudget(transaction, keyHash)
  await writeKeySpend(transaction, keyHash, row.budget_duration ?? budget?.budget_duration, context)
}

async function answer(transaction: Transaction<Schema>, sentKey: string, keyHash: string) {
  const { row, budget } = await keyWithBudget(transaction, keyHash)
  return { ...keyOnWire(row, budget), key: sentKey }
}

async function keyWithBudget(transaction: Transaction<Schema>, keyHash: string) {
  const row = await findKey(transaction, keyHash)
  if (row === undefined) throw new GatewayError('internal', 'The key is gone.')
  const [budget] = typeof row.budget_id === 'string' ? await findBudgets(transaction, [row.budget_id]) : []
  return { row, budget }
}
