/** Budget windows that have ended: their scopes begin anew at zero. */
import { sql, type Kysely } from 'kysely'
import type { Schema } from '../database.ts'

/** How many scopes of a kind one sweep takes. */
const BATCH = 500

interface DueWindow {
  readonly duration: string | null
  readonly resetAt: Date
}

/** The end of the window that is open now; undefined when the duration cannot be read: the scope then has no window. */
export type NextWindowEnd = (duration: string) => Date | undefined

interface WindowedTable {
  readonly table: string
  /** SQL: what identifies a row, and its duration. */
  readonly id: string
  readonly duration: string
  readonly scope: string
  /** SQL: the row's id in the table of totals. */
  readonly scopeId: string
}

const budgetDuration = '(select b.budget_duration from sluice_budget b where b.budget_id = w.budget_id)'

const WINDOWED: readonly WindowedTable[] = [
  {
    table: 'sluice_virtual_key',
    id: 'w.key_hash',
    duration: `coalesce(w.budget_duration, ${budgetDuration})`,
    scope: 'key',
    scopeId: 'w.key_hash',
  },
  {
    table: 'sluice_user',
    id: 'w.user_id',
    duration: 'w.budget_duration',
    scope: 'user',
    scopeId: 'w.user_id',
  },
  {
    table: 'sluice_team',
    id: 'w.team_id',
    duration: 'w.budget_duration',
    scope: 'team',
    scopeId: 'w.team_id',
  },
  {
    table: 'sluice_team_membership',
    id: `w.team_id || '::' || w.user_id`,
    duration: budgetDuration,
    scope: 'team_member',
    scopeId: `w.team_id || '::' || w.user_id`,
  },
  {
    table: 'sluice_organization',
    id: 'w.organization_id',
    duration: budgetDuration,
    scope: 'organization',
    scopeId: 'w.organization_id',
  },
  {
    table: 'sluice_customer',
    id: 'w.customer_id',
    duration: budgetDuration,
    scope: 'end_user',
    scopeId: 'w.customer_id',
  },
]

/**
 * Begins the next window of every scope whose window has ended. Several processes may do so at once: each window is
 * begun by one of them. The baseline is the total in the database: spend that a process has not written down yet
 * counts in the new window.
 *
 * @returns how many windows began.
 */
export async function beginDueBudgetWindows(
  database: Kysely<Schema>,
  now: Date,
  nextEnd: NextWindowEnd,
): Promise<number> {
  let begun = 0
  for (const windowed of WINDOWED) begun += await beginWindowsOf(database, windowed, now, nextEnd)
  return begun
}

async function beginWindowsOf(
  database: Kysely<Schema>,
  windowed: WindowedTable,
  now: Date,
  nextEnd: NextWindowEnd,
): Promise<number> {
  const table = sql.table(windowed.table)
  const due = await sql<DueWindow & { id: string }>`
    select ${sql.raw(windowed.id)} as id, ${sql.raw(windowed.duration)} as duration, w.budget_reset_at as "resetAt"
    from ${table} w where w.budget_reset_at <= ${now} order by w.budget_reset_at limit ${sql.lit(BATCH)}
  `.execute(database)
  for (const { id, duration, resetAt } of due.rows) {
    const next = duration === null ? undefined : nextEnd(duration)
    await sql`
      update ${table} w set budget_reset_at = ${next ?? null}::timestamptz, spend_baseline = coalesce((
        select picodollars from sluice_spend_total
        where scope = ${sql.lit(windowed.scope)} and scope_id = ${sql.raw(windowed.scopeId)}
      ), 0)
      where ${sql.raw(windowed.id)} = ${id} and w.budget_reset_at = ${resetAt}
    `.execute(database)
  }
  return due.rows.length
}
