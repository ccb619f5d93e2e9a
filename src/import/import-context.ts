/** What rows of the source refer to: small tables that are read whole, once, before the others. */
import { sql, type Transaction } from 'kysely'
import type { Schema } from '../storage/database.ts'
import { asObject, SourceRow } from './source-row.ts'
import { firstOwners, readAll } from './source.ts'
import type { TableColumns } from './source-schema.ts'
import { windowOf, type BudgetWindow, type WindowClock } from './windows.ts'

export interface SharedBudget {
  readonly window: BudgetWindow | undefined
  /** Models that a member of a team is bound to; empty for all of the team's. */
  readonly allowedModels: readonly string[]
}

interface Project {
  readonly blocked: boolean
  readonly models: readonly string[]
}

export interface ImportContext extends WindowClock {
  readonly budgets: ReadonlyMap<string, SharedBudget>
  readonly projects: ReadonlyMap<string, Project>
  /** Models of each access group. */
  readonly accessGroups: ReadonlyMap<string, readonly string[]>
  readonly objectPermissions: ReadonlyMap<string, Readonly<Record<string, unknown>>>
  /** Model aliases of teams, by the number that a team points at. */
  readonly modelAliases: ReadonlyMap<number, Readonly<Record<string, string>>>
  /** Budgets of members, by `team::user`, that bind them to some models. */
  readonly memberModels: ReadonlyMap<string, readonly string[]>
  /** Who keeps an e-mail address or an alias that several rows have. */
  readonly emailOwners: ReadonlyMap<string, string>
  readonly aliasOwners: ReadonlyMap<string, string>
}

/** @param source a transaction that sees one moment. */
export async function readContext(
  source: Transaction<Schema>,
  tables: TableColumns,
  clock: WindowClock,
): Promise<ImportContext> {
  const all = async (table: string): Promise<readonly SourceRow[]> => await readAll(source, tables, table)
  const budgets = new Map(
    (await all('LiteLLM_BudgetTable')).map((row) => [
      row.key('budget_id'),
      { window: windowOf(row), allowedModels: row.names('allowed_models') },
    ]),
  )
  return {
    ...clock,
    budgets,
    projects: new Map(
      (await all('LiteLLM_ProjectTable')).map((row) => [
        row.key('project_id'),
        { blocked: row.flag('blocked'), models: row.names('models') },
      ]),
    ),
    accessGroups: new Map(
      (await all('LiteLLM_AccessGroupTable')).map((row) => [
        row.key('access_group_id'),
        row.names('access_model_names'),
      ]),
    ),
    objectPermissions: new Map(
      (await all('LiteLLM_ObjectPermissionTable')).map((row) => [
        row.key('object_permission_id'),
        row.members(OBJECT_PERMISSIONS),
      ]),
    ),
    modelAliases: new Map(
      (await all('LiteLLM_ModelTable')).map((row) => [
        row.whole('id') ?? 0,
        textMembers(row.object('aliases')),
      ]),
    ),
    memberModels: await readMemberModels(source, budgets),
    emailOwners: await firstOwners(source, 'LiteLLM_UserTable', sql`lower(user_email)`, 'user_id'),
    aliasOwners: await firstOwners(source, 'LiteLLM_VerificationToken', sql`key_alias`, 'token'),
  }
}

const OBJECT_PERMISSIONS = [
  'mcp_servers',
  'mcp_access_groups',
  'mcp_tool_permissions',
  'mcp_toolsets',
  'blocked_tools',
  'vector_stores',
  'agents',
  'agent_access_groups',
  'models',
  'search_tools',
]

async function readMemberModels(
  source: Transaction<Schema>,
  budgets: ReadonlyMap<string, SharedBudget>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const binding = [...budgets].filter(([, { allowedModels }]) => allowedModels.length > 0).map(([id]) => id)
  const { rows } = await sql<{ row: unknown }>`
    select to_jsonb(m) as row from "LiteLLM_TeamMembership" m where m.budget_id = any(${binding}::text[])
  `.execute(source)
  return new Map(
    rows.map(({ row }) => {
      const member = new SourceRow(asObject(row))
      const models = budgets.get(member.key('budget_id'))?.allowedModels ?? []
      return [`${member.key('team_id')}::${member.key('user_id')}`, models]
    }),
  )
}

export function textMembers(object: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(object).filter((member): member is [string, string] => typeof member[1] === 'string'),
  )
}
