/** Claims on alerts: of all processes that want to send the same one, the first to insert its row does. */
import { sql, type Kysely } from 'kysely'
import type { Schema } from '../database.ts'

export interface AlertClaim {
  /** Names the alert; equal in all processes. */
  readonly claim: string
  readonly expiresAtMs: number
}

/** Rows that one sweep deletes. */
const PRUNE_BATCH = 5_000

/**
 * Inserts the claims that nobody has.
 *
 * @returns those that were inserted by this call.
 * @throws the database's error; then none is.
 */
export async function insertAlertClaims(
  database: Kysely<Schema>,
  claims: readonly AlertClaim[],
): Promise<ReadonlySet<string>> {
  // In the same order in every process, so that no two wait for each other.
  const sorted = claims.toSorted((a, b) => (a.claim < b.claim ? -1 : 1))
  const names = sorted.map(({ claim }) => claim)
  const expiresMs = sorted.map(({ expiresAtMs }) => expiresAtMs)
  const { rows } = await sql<{ claim: string }>`
    insert into sluice_alert_claim (claim, expires_at)
    select claim, to_timestamp(expires_ms / 1000.0)
    from unnest(${names}::text[], ${expiresMs}::float8[]) with ordinality as given (claim, expires_ms, position)
    order by position
    on conflict do nothing
    returning claim`.execute(database)
  return new Set(rows.map(({ claim }) => claim))
}

/** Deletes claims that have expired, a batch of them. */
export async function pruneAlertClaims(database: Kysely<Schema>, now: Date): Promise<void> {
  await sql`
    delete from sluice_alert_claim where claim in (
      select claim from sluice_alert_claim where expires_at < ${now} order by expires_at limit ${sql.lit(PRUNE_BATCH)}
    )`.execute(database)
}
