/**
 * What scopes have spent: the total since ever, and the part of it that counts in the open budget window. Amounts are
 * picodollars. A row says:
 *
 * - `picodollars`, all that was ever settled; it only grows;
 * - `baseline`, the part of it that does not count: settled before the window began, or taken off by an administrator;
 * - `ahead`, what calls have cost that ended after the window: it counts in the next one;
 * - from when to when the window lasts, and how long such a window is.
 *
 * Booking sorts each call by its own end, so that it does not matter when it is written down.
 */
import { sql, type Kysely, type RawBuilder, type Transaction } from 'kysely'
import type { Schema } from '../database.ts'

type Sql = Kysely<Schema> | Transaction<Schema>

/** A scope's spend as JSON: decimal text for sums, epoch milliseconds for times. */
export interface SpendJson {
  readonly total: string
  readonly baseline: string
  readonly ahead: string
  readonly duration: string | null
  readonly started: number | null
  readonly ends: number | null
}

/** Amounts in picodollars, times in epoch milliseconds. */
export interface ScopeSpend {
  /** All that was ever settled. */
  readonly total: bigint
  readonly baseline: bigint
  /** Settled by calls that ended after `endsAtMs`. */
  readonly ahead: bigint
  /** The length of a window, e.g. `30d`; undefined when the budget is not renewed. */
  readonly duration: string | undefined
  /** The moment that spend is counted from: a window's begin, or when an administrator set the spend. */
  readonly startedAtMs: number | undefined
  readonly endsAtMs: number | undefined
}

export const NO_SPEND: ScopeSpend = {
  total: 0n,
  baseline: 0n,
  ahead: 0n,
  duration: undefined,
  startedAtMs: undefined,
  endsAtMs: undefined,
}

const JSON_OF_ROW = `jsonb_build_object(
  'total', s.picodollars::text, 'baseline', s.baseline::text, 'ahead', s.ahead::text, 'duration', s.window_duration,
  'started', (extract(epoch from s.window_started_at) * 1000)::bigint,
  'ends', (extract(epoch from s.window_ends_at) * 1000)::bigint)`

/** The spend of a scope, as a column of another query: null for a scope that has spent nothing and has no window. */
export function spendOf(scope: string, scopeId: RawBuilder<unknown>): RawBuilder<SpendJson | null> {
  return sql<SpendJson | null>`(
    select ${sql.raw(JSON_OF_ROW)} from sluice_spend_total s where s.scope = ${sql.lit(scope)} and s.scope_id = ${scopeId}
  )`
}

/** The spend of several scopes of a kind by their ids, as a column of another query. */
export function spendsOf(
  scope: string,
  scopeIds: RawBuilder<unknown>,
): RawBuilder<Readonly<Record<string, SpendJson>> | null> {
  return sql`(
    select jsonb_object_agg(s.scope_id, ${sql.raw(JSON_OF_ROW)}) from sluice_spend_total s
    where s.scope = ${sql.lit(scope)} and s.scope_id = any(${scopeIds})
  )`
}

/** What counts in the open window, to sort by. */
export function spentInWindow(scope: string, scopeId: RawBuilder<unknown>): RawBuilder<bigint> {
  return sql<bigint>`coalesce((
    select picodollars - baseline from sluice_spend_total where scope = ${sql.lit(scope)} and scope_id = ${scopeId}
  ), 0)`
}

export function readSpend(json: SpendJson | null | undefined): ScopeSpend {
  if (json === null || json === undefined) return NO_SPEND
  return {
    total: BigInt(json.total),
    baseline: BigInt(json.baseline),
    ahead: BigInt(json.ahead),
    duration: json.duration ?? undefined,
    startedAtMs: json.started ?? undefined,
    endsAtMs: json.ends ?? undefined,
  }
}

/** What a scope is called among the totals. */
export interface ScopeName {
  readonly kind: string
  readonly id: string
}

/** @returns the spend of each, in the same order. */
export async function readSpends(
  database: Sql,
  scopes: readonly ScopeName[],
): Promise<readonly ScopeSpend[]> {
  if (scopes.length === 0) return []
  const { rows } = await sql<{ position: bigint; spend: SpendJson }>`
    select named.position, ${sql.raw(JSON_OF_ROW)} as spend
    from unnest(${scopes.map(({ kind }) => kind)}::text[], ${scopes.map(({ id }) => id)}::text[])
      with ordinality as named (scope, scope_id, position)
    join sluice_spend_total s on s.scope = named.scope and s.scope_id = named.scope_id
  `.execute(database)
  const spends = scopes.map(() => NO_SPEND)
  for (const { position, spend } of rows) spends[Number(position) - 1] = readSpend(spend)
  return spends
}

/**
 * Writes down amounts and windows together. Every process locks totals in the order of their names, booking too, so
 * that none waits for another in a circle: call it once a transaction, for all scopes.
 *
 * @param nowMs calls that ended before it do not count in amounts that are set, whenever they are booked.
 */
export async function writeSpends(
  transaction: Transaction<Schema>,
  spends: readonly SpendChange[],
  windows: readonly WindowChange[],
  nowMs: number,
): Promise<void> {
  const names = [...spends, ...windows]
  await sql`
    select from sluice_spend_total where (scope, scope_id) in (
      select * from unnest(${names.map(({ kind }) => kind)}::text[], ${names.map(({ id }) => id)}::text[])
    ) order by scope, scope_id for update`.execute(transaction)
  await setSpends(transaction, spends, nowMs)
  await alignWindows(transaction, windows)
}

/** Sets the spend of scopes whose owners are gone to zero, and ends their windows. As `writeSpends`. */
export async function forgetSpends(
  transaction: Transaction<Schema>,
  scopes: readonly ScopeName[],
  nowMs: number,
): Promise<void> {
  await writeSpends(
    transaction,
    scopes.map(({ kind, id }) => ({ kind, id, spent: 0n })),
    scopes.map(({ kind, id }) => ({ kind, id, window: null })),
    nowMs,
  )
}

/** What counts as spent from now on, in picodollars. */
export interface SpendChange extends ScopeName {
  readonly spent: bigint
}

/** Moves the baselines. */
async function setSpends(database: Sql, changes: readonly SpendChange[], nowMs: number): Promise<void> {
  if (changes.length === 0) return
  const rows = changes.map(({ kind, id, spent }) => ({ scope: kind, scope_id: id, spent: String(spent) }))
  const change = sql`jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
    as change (scope text, scope_id text, spent numeric(38, 0))`
  await sql`
    insert into sluice_spend_total as old (scope, scope_id, baseline, window_started_at)
    select scope, scope_id, -spent, to_timestamp(${nowMs}::float8 / 1000.0) from ${change} order by scope, scope_id
    on conflict (scope, scope_id) do update set
      baseline = old.picodollars + excluded.baseline, ahead = 0,
      window_started_at = greatest(excluded.window_started_at, old.window_started_at + interval '1 millisecond')
  `.execute(database)
}

/** Sets the spend of all scopes of some kinds to zero. */
export async function resetSpends(database: Sql, kinds: readonly string[], nowMs: number): Promise<void> {
  await sql`
    with named as materialized (
      select scope, scope_id from sluice_spend_total where scope = any(${kinds}::text[])
      order by scope, scope_id for update
    )
    update sluice_spend_total s set
      baseline = s.picodollars, ahead = 0, window_started_at = greatest(
        to_timestamp(${nowMs}::float8 / 1000.0), s.window_started_at + interval '1 millisecond'
      )
    from named where s.scope = named.scope and s.scope_id = named.scope_id
  `.execute(database)
}

/** The window that a scope's budget has now; null for a budget that is not renewed. */
export interface WindowChange extends ScopeName {
  readonly window: { readonly duration: string; readonly endsAtMs: number } | null
}

/** Writes down windows of another length than the one that stands there. What was spent goes on counting. */
export async function alignWindows(database: Sql, changes: readonly WindowChange[]): Promise<void> {
  if (changes.length === 0) return
  const rows = changes.map(({ kind, id, window }) => ({
    kind,
    id,
    duration: window?.duration ?? null,
    ends_ms: window?.endsAtMs ?? null,
  }))
  await sql`
    insert into sluice_spend_total as old (scope, scope_id, window_duration, window_ends_at)
    select kind, id, duration, to_timestamp(ends_ms / 1000.0)
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb)
      as row (kind text, id text, duration text, ends_ms double precision)
    order by kind, id
    on conflict (scope, scope_id) do update set
      window_duration = excluded.window_duration, window_ends_at = excluded.window_ends_at, ahead = 0
    where old.window_duration is distinct from excluded.window_duration
      or (old.window_ends_at is null) <> (excluded.window_ends_at is null)
  `.execute(database)
}

/** How many windows one statement begins. */
const BATCH = 500

/** The window after one that has ended; undefined when the duration cannot be read: the scope then has none. */
export type NextWindow = (
  duration: string,
  endedAtMs: number,
) => { readonly startedAtMs: number; readonly endsAtMs: number } | undefined

interface DueWindow {
  readonly scope: string
  readonly scope_id: string
  readonly duration: string | null
  readonly ended_ms: bigint
}

/**
 * Begins the next window of every scope whose window has ended. Several processes may do so at once: each window is
 * begun by one of them. What was settled by calls that ended in the new window counts in it already.
 *
 * @returns how many windows began.
 */
export async function beginDueWindows(
  database: Kysely<Schema>,
  nowMs: number,
  next: NextWindow,
): Promise<number> {
  let begun = 0
  for (;;) {
    const { rows } = await sql<DueWindow>`
      select scope, scope_id, window_duration as duration,
        (extract(epoch from window_ends_at) * 1000)::bigint as ended_ms
      from sluice_spend_total where window_ends_at <= to_timestamp(${nowMs}::float8 / 1000.0)
      order by window_ends_at limit ${sql.lit(BATCH)}`.execute(database)
    begun += await beginWindows(database, rows, next)
    if (rows.length < BATCH) return begun
  }
}

async function beginWindows(
  database: Kysely<Schema>,
  due: readonly DueWindow[],
  next: NextWindow,
): Promise<number> {
  if (due.length === 0) return 0
  const windows = due.map(({ scope, scope_id, duration, ended_ms }) => {
    const endedMs = Number(ended_ms)
    const window = duration === null ? undefined : next(duration, endedMs)
    return {
      scope,
      scope_id,
      ended_ms: endedMs,
      started_ms: window?.startedAtMs ?? endedMs,
      ends_ms: window?.endsAtMs,
    }
  })
  const { rows } = await sql<{ begun: bigint }>`
    with next as materialized (
      select scope, scope_id, to_timestamp(ended_ms / 1000.0) as ended_at,
        to_timestamp(started_ms / 1000.0) as started_at, to_timestamp(ends_ms / 1000.0) as ends_at
      from jsonb_to_recordset(${JSON.stringify(windows)}::jsonb) as row (
        scope text, scope_id text, ended_ms double precision, started_ms double precision, ends_ms double precision
      )
    ), locked as materialized (
      select s.scope, s.scope_id from sluice_spend_total s join next using (scope, scope_id)
      where s.window_ends_at = next.ended_at order by s.scope, s.scope_id for update of s
    ), begun as (
      update sluice_spend_total s set
        window_started_at = next.started_at, window_ends_at = next.ends_at, ahead = 0,
        baseline = s.picodollars - case when next.started_at = next.ended_at then s.ahead else 0 end
      from next join locked using (scope, scope_id)
      where s.scope = next.scope and s.scope_id = next.scope_id and s.window_ends_at = next.ended_at
      returning 1
    )
    select count(*) as begun from begun`.execute(database)
  return Number(rows[0]?.begun ?? 0)
}
