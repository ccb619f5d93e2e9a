/** What the database says of all calls together, for tests that compare the books with each other. */
import { sql } from 'kysely'
import type { Database } from '../../src/storage/database.ts'

export interface Books {
  /** Rows of the call log. */
  readonly calls: bigint
  readonly interrupted: bigint
  readonly logged: bigint
  readonly daily: bigint
  readonly dailyRequests: bigint
  /** Totals by `scope/id`. */
  readonly totals: Readonly<Record<string, bigint>>
}

export async function readBooks(database: Database): Promise<Books> {
  const { rows } = await sql<Omit<Books, 'totals'>>`
    select count(*) as calls, count(*) filter (where ending = 'interrupted') as interrupted,
      coalesce(sum(picodollars), 0) as logged,
      (select coalesce(sum(picodollars), 0) from sluice_daily_spend) as daily,
      (select coalesce(sum(requests), 0)::bigint from sluice_daily_spend) as "dailyRequests"
    from sluice_call_log`.execute(database.sql)
  const [row] = rows
  if (row === undefined) throw new Error('no books')
  const totals = await database.sql.selectFrom('sluice_spend_total').selectAll().execute()
  return {
    ...row,
    totals: Object.fromEntries(
      totals.map((total) => [`${total.scope}/${total.scope_id}`, total.picodollars]),
    ),
  }
}
