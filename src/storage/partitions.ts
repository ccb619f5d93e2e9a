/** Day partitions of the call log and its companions: made ahead, dropped when their time is over. */
import { sql } from 'kysely'
import type { Database } from './database.ts'

const PARTITIONED = ['sluice_call_log', 'sluice_call_content', 'sluice_booked_call'] as const
export type PartitionedTable = (typeof PARTITIONED)[number]

const DAY_MS = 86_400_000
const DAYS_AHEAD = 3

/** How long a change of partitions may wait for readers, while new ones wait behind it. */
const LOCK_TIMEOUT = '2s'

/** Rows taken from a default partition at a time. */
const DELETE_BATCH = 5000

/**
 * The tables are being used, a default partition holds rows of that day, another process was faster, or this role may
 * not change tables: rows go to the default partition, and trying again later is safe.
 */
const HARMLESS = new Set(['55P03', '23514', '42P07', '42501'])

/**
 * Makes the partitions from yesterday to three days ahead that are not there yet. A partition that cannot be made
 * now is left for the next time: until then its rows go to the default partition.
 */
export async function createPartitions(database: Database, nowMs: number): Promise<void> {
  const today = Math.floor(nowMs / DAY_MS)
  for (let day = today - 1; day <= today + DAYS_AHEAD; day += 1) {
    for (const table of PARTITIONED) await createPartition(database, table, day)
  }
}

async function createPartition(database: Database, table: string, day: number): Promise<void> {
  const name = partitionName(table, day)
  const { rows } = await sql<{
    present: boolean
  }>`select to_regclass(${name}) is not null as present`.execute(database.sql)
  if (rows[0]?.present === true) return
  await underLockTimeout(
    database,
    `create table if not exists ${name} partition of ${table}
      for values from ('${isoDay(day)} 00:00:00+00') to ('${isoDay(day + 1)} 00:00:00+00')`,
  )
}

/** Told of each partition and batch of rows that is dropped, or could not be. Must not throw. */
export interface DropObserver {
  /** @param rows as the database estimates them, where a whole partition went. */
  dropped(table: PartitionedTable, rows: number, tookMs: number): void
  failed(table: PartitionedTable): void
}

/**
 * Drops the partitions that lie wholly before `beforeMs`, and deletes such rows of the default partitions in small
 * batches: memory does not grow with the number of rows.
 *
 * @returns the names of the partitions dropped.
 */
export async function dropPartitionsBefore(
  database: Database,
  tables: readonly PartitionedTable[],
  beforeMs: number,
  observer?: DropObserver,
): Promise<string[]> {
  const lastDay = Math.floor(beforeMs / DAY_MS) - 1
  const { rows } = await sql<{ name: string; rows: number }>`
    select child.relname as name, greatest(child.reltuples, 0)::float8 as rows from pg_inherits
    join pg_class as child on child.oid = inhrelid
    where inhparent = any(${tables.map(String)}::text[]::regclass[]) and pg_table_is_visible(child.oid)
    order by 1`.execute(database.sql)
  const dropped: string[] = []
  for (const { name, rows: estimate } of rows) {
    const day = dayOfPartition(name)
    if (day === undefined || day > lastDay) continue
    const table = tables.find((candidate) => name.startsWith(`${candidate}_`))
    const beganAtMs = performance.now()
    const gone = await underLockTimeout(database, `drop table if exists ${name}`)
    if (gone) dropped.push(name)
    if (table === undefined) continue
    if (gone) observer?.dropped(table, estimate, performance.now() - beganAtMs)
    else observer?.failed(table)
  }
  for (const table of tables) await deleteBefore(database, table, beforeMs, observer)
  return dropped
}

async function deleteBefore(
  database: Database,
  table: PartitionedTable,
  beforeMs: number,
  observer: DropObserver | undefined,
): Promise<void> {
  const before = new Date(beforeMs)
  const rest = sql.table(`${table}_default`)
  for (;;) {
    const beganAtMs = performance.now()
    const result = await sql`
      delete from ${rest} where ctid in (
        select ctid from ${rest} where started_at < ${before} limit ${DELETE_BATCH}
      )`.execute(database.sql)
    const rows = Number(result.numAffectedRows ?? 0n)
    if (rows > 0) observer?.dropped(table, rows, performance.now() - beganAtMs)
    if (rows < DELETE_BATCH) return
  }
}

/** @returns false when the tables were in use. */
async function underLockTimeout(database: Database, statement: string): Promise<boolean> {
  try {
    await database.sql.transaction().execute(async (transaction) => {
      await sql.raw(`set local lock_timeout = '${LOCK_TIMEOUT}'`).execute(transaction)
      await sql.raw(statement).execute(transaction)
    })
    return true
  } catch (error) {
    if (HARMLESS.has(sqlState(error) ?? '')) return false
    throw error
  }
}

/** The SQLSTATE of a database's error, with both drivers; undefined for other errors. */
export function sqlState(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** @param day days since the epoch, UTC. */
function partitionName(table: string, day: number): string {
  return `${table}_${isoDay(day).replaceAll('-', '')}`
}

function dayOfPartition(name: string): number | undefined {
  const match = /_(\d{4})(\d{2})(\d{2})$/.exec(name)
  if (match === null) return undefined
  return Date.UTC(Number(match[1]), Number(match[2]) - 1, Number(match[3])) / DAY_MS
}

function isoDay(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10)
}
