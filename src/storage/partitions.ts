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
): Promise<string[]> {
  const lastDay = Math.floor(beforeMs / DAY_MS) - 1
  const { rows } = await sql<{ name: string }>`
    select child.relname as name from pg_inherits
    join pg_class as child on child.oid = inhrelid
    where inhparent = any(${tables.map(String)}::text[]::regclass[]) and pg_table_is_visible(child.oid)
    order by 1`.execute(database.sql)
  const dropped: string[] = []
  for (const { name } of rows) {
    const day = dayOfPartition(name)
    if (day === undefined || day > lastDay) continue
    if (await underLockTimeout(database, `drop table if exists ${name}`)) dropped.push(name)
  }
  for (const table of tables) await deleteBefore(database, `${table}_default`, beforeMs)
  return dropped
}

async function deleteBefore(database: Database, table: string, beforeMs: number): Promise<void> {
  const before = new Date(beforeMs)
  for (;;) {
    const result = await sql`
      delete from ${sql.table(table)} where ctid in (
        select ctid from ${sql.table(table)} where started_at < ${before} limit ${DELETE_BATCH}
      )`.execute(database.sql)
    if ((result.numAffectedRows ?? 0n) < BigInt(DELETE_BATCH)) return
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
