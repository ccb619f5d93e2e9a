/** The settled total of a scope, as a part of other queries. */
import { sql, type RawBuilder } from 'kysely'

/** All that was ever settled for the scope, in picodollars: zero where nothing was. */
export function spendTotal(scope: string, scopeId: RawBuilder<unknown>): RawBuilder<bigint> {
  return sql<bigint>`coalesce((
    select picodollars from sluice_spend_total where scope = ${sql.lit(scope)} and scope_id = ${scopeId}
  ), 0)`
}
