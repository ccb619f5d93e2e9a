/** Budgets and limits for metrics: read in pages, or of the scopes that a process has in memory; and how many there are. */
import { sql, type Kysely, type RawBuilder } from 'kysely'
import type { Schema } from '../database.ts'
import { limitsOf, type LimitsJson } from './principals.ts'
import { spendOf, type SpendJson } from './spend-windows.ts'

/** Kinds of scope whose limits stand in a row of their own. */
export const SURVEYED_KINDS = ['key', 'user', 'team', 'organization', 'end_user'] as const
export type SurveyedKind = (typeof SURVEYED_KINDS)[number]

export interface SurveyedScope {
  readonly id: string
  /** Of a key: how it is shown. */
  readonly key_name: string | null
  readonly alias: string | null
  readonly email: string | null
  readonly limits: LimitsJson
  readonly spend: SpendJson | null
  readonly metadata: Record<string, unknown> | null
}

interface Source {
  readonly id: string
  readonly from: string
  readonly columns: RawBuilder<unknown>
  readonly budget: string
}

const SOURCES: Readonly<Record<SurveyedKind, Source>> = {
  key: {
    id: 'k.key_hash',
    from: 'sluice_virtual_key k left join sluice_budget b on b.budget_id = k.budget_id',
    columns: sql`k.key_name, k.key_alias as alias, null as email, k.metadata, ${limitsOf('k', 'b')} as limits`,
    budget: 'coalesce(k.max_budget, b.max_budget)',
  },
  user: {
    id: 'u.user_id',
    from: 'sluice_user u',
    columns: sql`null as key_name, u.user_alias as alias, u.user_email as email, u.metadata,
      ${limitsOf('u')} as limits`,
    budget: 'u.max_budget',
  },
  team: {
    id: 't.team_id',
    from: 'sluice_team t',
    columns: sql`null as key_name, t.team_alias as alias, null as email, t.metadata, ${limitsOf('t')} as limits`,
    budget: 't.max_budget',
  },
  organization: {
    id: 'o.organization_id',
    from: 'sluice_organization o join sluice_budget b on b.budget_id = o.budget_id',
    columns: sql`null as key_name, o.organization_alias as alias, null as email, null as metadata,
      ${limitsOf('b')} as limits`,
    budget: 'b.max_budget',
  },
  end_user: {
    id: 'c.customer_id',
    from: 'sluice_customer c join sluice_budget b on b.budget_id = c.budget_id',
    columns: sql`null as key_name, c.alias as alias, null as email, null as metadata, ${limitsOf('b')} as limits`,
    budget: 'b.max_budget',
  },
}

/** Scopes of a kind that have a budget, in the order of their ids. @param after the last id of the page before. */
export async function listBudgeted(
  database: Kysely<Schema>,
  kind: SurveyedKind,
  after: string,
  most: number,
): Promise<readonly SurveyedScope[]> {
  const { id, budget } = SOURCES[kind]
  const rest = sql`${sql.raw(budget)} is not null and ${sql.raw(id)} > ${after} order by ${sql.raw(id)} limit ${most}`
  return await survey(database, kind, rest)
}

/** Those of the scopes of a kind that have a row of their own. */
export async function findSurveyed(
  database: Kysely<Schema>,
  kind: SurveyedKind,
  ids: readonly string[],
): Promise<readonly SurveyedScope[]> {
  return await survey(database, kind, sql`${sql.raw(SOURCES[kind].id)} = any(${ids}::text[])`)
}

async function survey(
  database: Kysely<Schema>,
  kind: SurveyedKind,
  where: RawBuilder<unknown>,
): Promise<readonly SurveyedScope[]> {
  const { id, from, columns } = SOURCES[kind]
  const { rows } = await sql<SurveyedScope>`
    select ${sql.raw(id)} as id, ${columns}, ${spendOf(kind, sql.raw(id))} as spend
    from ${sql.raw(from)} where ${where}`.execute(database)
  return rows
}

export interface Population {
  readonly users: number
  readonly teams: number
  /** Of at most so many teams as were asked for. */
  readonly members: readonly {
    readonly teamId: string
    readonly alias: string | undefined
    readonly count: number
  }[]
}

export async function countPopulation(database: Kysely<Schema>, mostTeams: number): Promise<Population> {
  const counts = await sql<{ users: bigint; teams: bigint }>`
    select (select count(*) from sluice_user) as users, (select count(*) from sluice_team) as teams
  `.execute(database)
  const members = await sql<{ team_id: string; team_alias: string | null; members: bigint }>`
    select t.team_id, t.team_alias, count(m.user_id) as members
    from (select team_id, team_alias from sluice_team order by team_id limit ${mostTeams}) t
    left join sluice_team_membership m on m.team_id = t.team_id group by t.team_id, t.team_alias
  `.execute(database)
  return {
    users: Number(counts.rows[0]?.users ?? 0),
    teams: Number(counts.rows[0]?.teams ?? 0),
    members: members.rows.map(({ team_id, team_alias, members: count }) => ({
      teamId: team_id,
      alias: team_alias ?? undefined,
      count: Number(count),
    })),
  }
}
