/** Spend that another gateway has counted, added to the totals here once. Amounts are picodollars. */
import { sql, type Transaction } from 'kysely'
import type { Schema } from '../database.ts'
import type { ScopeName } from './spend-windows.ts'

/** What another gateway says about a scope. */
export interface ForeignSpend extends ScopeName {
  /** Since ever, as far as it knows. */
  readonly total: bigint
  /** The part of it that counts in the open window. */
  readonly spent: bigint
  /** The length of a window; null for a budget that is not renewed. */
  readonly duration: string | null
  /** When the open window ends, in epoch milliseconds; null where the other gateway has not opened one yet. */
  readonly endsAtMs: number | null
  /** The same, or when a window ends that is opened now; null for a budget that is not renewed. */
  readonly firstEndsAtMs: number | null
}

/** What stands here about a scope, and what the other gateway said when it was asked last. */
export interface KnownSpend {
  readonly total: bigint
  readonly baseline: bigint
  readonly ahead: bigint
  readonly duration: string | null
  readonly endsAtMs: number | null
  readonly before: Pick<ForeignSpend, 'total' | 'spent' | 'duration' | 'endsAtMs'> | undefined
}

/** How a scope's row changes. */
export interface SpendAddition {
  readonly total: bigint
  readonly baseline: bigint
  /** Present where the row gets this window. */
  readonly window?: {
    readonly duration: string | null
    readonly startedAtMs: number | null
    readonly endsAtMs: number | null
  }
}

interface KnownRow {
  readonly position: bigint
  readonly picodollars: bigint | null
  readonly baseline: bigint | null
  readonly ahead: bigint | null
  readonly window_duration: string | null
  readonly ends_ms: bigint | null
  readonly old_total: bigint | null
  readonly old_spent: bigint | null
  readonly old_duration: string | null
  readonly old_ends_ms: bigint | null
}

/**
 * Reads what stands about scopes, and holds it until the transaction ends: in the order in which every process locks
 * totals.
 *
 * @returns one for each scope, in their order.
 */
export async function lockKnownSpends(
  transaction: Transaction<Schema>,
  scopes: readonly ScopeName[],
): Promise<readonly KnownSpend[]> {
  const asked = sql`unnest(${scopes.map(({ kind }) => kind)}::text[], ${scopes.map(({ id }) => id)}::text[])`
  await sql`
    select from sluice_spend_total where (scope, scope_id) in (select * from ${asked})
    order by scope, scope_id for update`.execute(transaction)
  const { rows } = await sql<KnownRow>`
    select named.position, here.picodollars, here.baseline, here.ahead, here.window_duration,
      (extract(epoch from here.window_ends_at) * 1000)::bigint as ends_ms,
      mark.total as old_total, mark.spent as old_spent, mark.window_duration as old_duration,
      (extract(epoch from mark.window_ends_at) * 1000)::bigint as old_ends_ms
    from ${asked} with ordinality as named (scope, scope_id, position)
    left join sluice_spend_total here on here.scope = named.scope and here.scope_id = named.scope_id
    left join sluice_imported_spend mark on mark.scope = named.scope and mark.scope_id = named.scope_id
    order by named.position`.execute(transaction)
  return rows.map(knownSpend)
}

function knownSpend(row: KnownRow): KnownSpend {
  return {
    total: row.picodollars ?? 0n,
    baseline: row.baseline ?? 0n,
    ahead: row.ahead ?? 0n,
    duration: row.window_duration,
    endsAtMs: row.ends_ms === null ? null : Number(row.ends_ms),
    before:
      row.old_total === null || row.old_spent === null
        ? undefined
        : {
            total: row.old_total,
            spent: row.old_spent,
            duration: row.old_duration,
            endsAtMs: row.old_ends_ms === null ? null : Number(row.old_ends_ms),
          },
  }
}

/** Adds amounts, sets windows, and remembers what the other gateway said. */
export async function addForeignSpends(
  transaction: Transaction<Schema>,
  changes: readonly { readonly source: ForeignSpend; readonly addition: SpendAddition }[],
): Promise<void> {
  if (changes.length === 0) return
  const rows = changes.map(({ source, addition: { total, baseline, window } }) => ({
    scope: source.kind,
    scope_id: source.id,
    added: String(total),
    added_baseline: String(baseline),
    has_window: window !== undefined,
    window_duration: window?.duration ?? null,
    started_ms: window?.startedAtMs ?? null,
    ends_ms: window?.endsAtMs ?? null,
    total: String(source.total),
    spent: String(source.spent),
    source_duration: source.duration,
    source_ends_ms: source.endsAtMs,
  }))
  await sql`
    with change as materialized (
      select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as row (
        scope text, scope_id text, added numeric, added_baseline numeric, has_window boolean, window_duration text,
        started_ms double precision, ends_ms double precision, total numeric, spent numeric,
        source_duration text, source_ends_ms double precision
      )
    ), marked as (
      insert into sluice_imported_spend as old (scope, scope_id, total, spent, window_duration, window_ends_at)
      select scope, scope_id, total, spent, source_duration, to_timestamp(source_ends_ms / 1000.0) from change
      on conflict (scope, scope_id) do update set
        total = excluded.total, spent = excluded.spent, window_duration = excluded.window_duration,
        window_ends_at = excluded.window_ends_at, imported_at = now()
    ), added as (
      insert into sluice_spend_total as old
        (scope, scope_id, picodollars, baseline, window_duration, window_started_at, window_ends_at)
      select scope, scope_id, added, added_baseline, window_duration,
        to_timestamp(started_ms / 1000.0), to_timestamp(ends_ms / 1000.0)
      from change order by scope, scope_id
      on conflict (scope, scope_id) do update set
        picodollars = old.picodollars + excluded.picodollars, baseline = old.baseline + excluded.baseline
      returning scope, scope_id
    )
    select count(*) from added`.execute(transaction)
  const moved = rows.filter((row) => row.has_window)
  if (moved.length === 0) return
  await sql`
    update sluice_spend_total old set window_duration = row.window_duration, ahead = 0,
      window_started_at = coalesce(to_timestamp(row.started_ms / 1000.0), old.window_started_at),
      window_ends_at = to_timestamp(row.ends_ms / 1000.0)
    from jsonb_to_recordset(${JSON.stringify(moved)}::jsonb) as row (
      scope text, scope_id text, window_duration text, started_ms double precision, ends_ms double precision
    )
    where old.scope = row.scope and old.scope_id = row.scope_id`.execute(transaction)
}
