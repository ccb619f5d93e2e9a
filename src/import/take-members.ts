/**
 * Members of teams. LiteLLM keeps who belongs to a team in the team's row, and what a member may spend and has spent in
 * a table of its own; here a membership is one row, and its user must exist.
 */
import { sql } from 'kysely'
import { teamMemberScopeId } from '../storage/queries/principals.ts'
import type { ImportContext } from './import-context.ts'
import { USER_TARGET } from './map-user.ts'
import type { TakenRow } from './row-kind.ts'
import { asObject, SourceRow } from './source-row.ts'
import { readPages } from './source.ts'
import { writePage, type TakingParts } from './take-rows.ts'
import { TableTally, type TableReport } from './tally.ts'
import { foreignSpend } from './windows.ts'

const TABLE = 'LiteLLM_TeamMembership'

const MEMBER_TARGET = {
  kind: 'team_member',
  table: 'sluice_team_membership',
  key: ['team_id', 'user_id'],
  columns: ['role', 'budget_id', 'created_at'],
} as const

interface Member {
  readonly teamId: string
  readonly userId: string
  readonly role: 'admin' | 'user'
  readonly notes: string[]
}

/** @returns the memberships, and the users that had to be made for them. */
export async function takeMembers(
  parts: TakingParts,
  context: ImportContext,
): Promise<readonly [members: TableReport, users: TableReport]> {
  const tally = new TableTally('team members')
  const users = new TableTally('users that only teams name')
  for await (const page of readPages(parts.source, parts.tables, 'LiteLLM_TeamTable', ['team_id'])) {
    const teamIds = page.map((team) => team.key('team_id'))
    const rows = await readMemberships(parts, teamIds)
    const members = await membersOf(parts, page, rows)
    const unknown = await unknownUsers(parts, members)
    await parts.destination.page(async (transaction) => {
      const newUsers = unknown.map((userId) => userRow(userId, context))
      await writePage(transaction, USER_TARGET, newUsers, [], users, parts.spend)
      const taken = members.map((member) => membershipRow(member, rows, context))
      await writePage(transaction, MEMBER_TARGET, taken, [], tally, parts.spend)
    })
    for (const row of rows.values()) {
      const isTaken = members.some(
        ({ teamId, userId }) => teamId === row.key('team_id') && userId === row.key('user_id'),
      )
      if (!isTaken) tally.leave(row.key('user_id'), 'is no member of the team any more')
    }
    parts.progress('team members', tally.read)
  }
  tally.leaveMany(await countTeamless(parts), 'its team does not exist')
  return [tally.report(), users.report()]
}

async function readMemberships(
  { source, tables }: TakingParts,
  teamIds: readonly string[],
): Promise<ReadonlyMap<string, SourceRow>> {
  if (!tables.has(TABLE)) return new Map()
  const { rows } = await sql<{ row: unknown }>`
    select to_jsonb(m) as row from ${sql.table(TABLE)} m where m.team_id = any(${teamIds}::text[])
    order by m.team_id, m.user_id`.execute(source)
  return new Map(
    rows.map(({ row }) => {
      const member = new SourceRow(asObject(row))
      return [teamMemberScopeId(member.key('team_id'), member.key('user_id')), member]
    }),
  )
}

/** Those that the teams name, and those who have a budget in one: without a membership nothing would enforce it. */
async function membersOf(
  parts: TakingParts,
  teams: readonly SourceRow[],
  memberships: ReadonlyMap<string, SourceRow>,
): Promise<readonly Member[]> {
  const named = teams.flatMap((team) => namedMembers(team))
  const ids = await userIdsByEmail(parts, named)
  const members = new Map<string, Member>()
  for (const { teamId, userId, email, role } of named) {
    const id = userId ?? ids.get(email?.toLowerCase() ?? '')
    if (id !== undefined) members.set(teamMemberScopeId(teamId, id), { teamId, userId: id, role, notes: [] })
  }
  for (const [scopeId, row] of memberships) {
    if (members.has(scopeId) || row.name('budget_id') === null) continue
    const notes = ['is no member, but has a budget in the team: became one, so that the budget holds']
    members.set(scopeId, { teamId: row.key('team_id'), userId: row.key('user_id'), role: 'user', notes })
  }
  return [...members.values()]
}

interface NamedMember {
  readonly teamId: string
  readonly userId: string | undefined
  readonly email: string | undefined
  readonly role: 'admin' | 'user'
}

function namedMembers(team: SourceRow): readonly NamedMember[] {
  const teamId = team.key('team_id')
  const withRoles = team.list('members_with_roles').map((each) => new SourceRow(asObject(each)))
  const listed = withRoles.map((member) => ({
    teamId,
    userId: member.name('user_id') ?? undefined,
    email: member.name('user_email') ?? undefined,
    role: member.text('role') === 'admin' ? ('admin' as const) : ('user' as const),
  }))
  if (listed.length > 0) return listed
  // Teams of old have two lists instead.
  const admins = new Set(team.names('admins'))
  return [...new Set([...admins, ...team.names('members')])].map((userId) => ({
    teamId,
    userId,
    email: undefined,
    role: admins.has(userId) ? 'admin' : 'user',
  }))
}

async function userIdsByEmail(
  { source }: TakingParts,
  members: readonly NamedMember[],
): Promise<ReadonlyMap<string, string>> {
  const emails = members.flatMap(({ userId, email }) =>
    userId === undefined && email !== undefined ? [email.toLowerCase()] : [],
  )
  if (emails.length === 0) return new Map()
  const { rows } = await sql<{ email: string; user_id: string }>`
    select lower(user_email) as email, user_id from "LiteLLM_UserTable" where lower(user_email) = any(${emails}::text[])
  `.execute(source)
  return new Map(rows.map(({ email, user_id: userId }) => [email, userId]))
}

async function unknownUsers({ source }: TakingParts, members: readonly Member[]): Promise<readonly string[]> {
  const asked = [...new Set(members.map(({ userId }) => userId))]
  const { rows } = await sql<{ user_id: string }>`
    select user_id from "LiteLLM_UserTable" where user_id = any(${asked}::text[])`.execute(source)
  const known = new Set(rows.map(({ user_id: userId }) => userId))
  return asked.filter((userId) => !known.has(userId))
}

/** As the management API makes them of members that nobody knows yet. */
function userRow(userId: string, { nowMs }: ImportContext): TakenRow {
  const nowIso = new Date(nowMs).toISOString()
  const nothing = Object.fromEntries(USER_TARGET.columns.map((column) => [column, null]))
  return {
    label: userId,
    row: {
      ...nothing,
      user_id: userId,
      user_role: 'internal_user',
      models: [],
      metadata: {},
      details: {},
      created_at: nowIso,
      updated_at: nowIso,
    },
    notes: [],
  }
}

function membershipRow(
  { teamId, userId, role, notes }: Member,
  memberships: ReadonlyMap<string, SourceRow>,
  context: ImportContext,
): TakenRow {
  const id = teamMemberScopeId(teamId, userId)
  const row = memberships.get(id)
  const budgetId = row?.name('budget_id') ?? null
  const spent = row?.spend('spend') ?? 0n
  const lifetime = row?.spend('total_spend') ?? 0n
  const budget = context.budgets.get(budgetId ?? '')
  const amounts = { total: lifetime > spent ? lifetime : spent, spent }
  return {
    label: `${userId} in ${teamId}`,
    row: {
      team_id: teamId,
      user_id: userId,
      role,
      budget_id: budgetId,
      created_at: row?.moment('created_at') ?? new Date(context.nowMs).toISOString(),
    },
    spend: foreignSpend('team_member', id, amounts, budget?.window, context),
    notes: [...notes, ...(row?.notes ?? [])],
  }
}

async function countTeamless({ source, tables }: TakingParts): Promise<number> {
  if (!tables.has(TABLE)) return 0
  const { rows } = await sql<{ count: bigint }>`
    select count(*) as count from ${sql.table(TABLE)} m
    where not exists (select from "LiteLLM_TeamTable" t where t.team_id = m.team_id)`.execute(source)
  return Number(rows[0]?.count ?? 0)
}
