/** Sums for the reports that are sent to people: whole UTC days, from the roll-up. */
import { sql, type Kysely } from 'kysely'
import type { Schema } from '../database.ts'

export interface ReportRow {
  /** Model group, or the team's alias or id. */
  readonly name: string
  readonly picodollars: bigint
  readonly requests: bigint
  readonly failures: bigint
}

/** Days as `YYYY-MM-DD`: from the first, up to and without the second. */
export interface ReportDays {
  readonly from: string
  readonly to: string
}

/** All models that were called, the dearest first. */
export async function spendByModel(
  database: Kysely<Schema>,
  days: ReportDays,
): Promise<readonly ReportRow[]> {
  const { rows } = await sql<ReportRow>`
    select model_group as name, sum(picodollars) as picodollars, sum(requests) as requests,
      sum(requests - successes) as failures
    from sluice_daily_spend
    where day >= ${days.from}::date and day < ${days.to}::date and model_group <> ''
    group by 1 order by 2 desc, 1`.execute(database)
  return rows
}

/** The teams that spent most; calls without a team are a row without a name. */
export async function spendByTeam(
  database: Kysely<Schema>,
  days: ReportDays,
  limit: number,
): Promise<readonly ReportRow[]> {
  const { rows } = await sql<ReportRow>`
    select coalesce(team.team_alias, day_row.team_id) as name, sum(picodollars) as picodollars,
      sum(requests) as requests, sum(requests - successes) as failures
    from sluice_daily_spend as day_row left join sluice_team as team using (team_id)
    where day >= ${days.from}::date and day < ${days.to}::date
    group by team_id, 1 order by 2 desc, 1 limit ${sql.lit(limit)}`.execute(database)
  return rows
}
