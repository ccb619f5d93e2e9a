/** Reads the roll-up by day. */
import { sql, type Kysely, type SelectQueryBuilder, type Selectable } from 'kysely'
import type { Schema } from '../database.ts'
import type { DailySpendTable } from '../schema/spend.ts'

export type DailySpendRow = Selectable<DailySpendTable>

export interface DailySpendFilter {
  /** `YYYY-MM-DD`, inclusive both. */
  readonly fromDay: string
  readonly toDay: string
  readonly keyHash?: string | undefined
  readonly userId?: string | undefined
  /** Model sent to the provider, or model group. */
  readonly model?: string | undefined
}

/** Amount, requests and tokens of many calls. */
export type SpendSums = Pick<DailySpendRow, 'picodollars' | 'requests' | 'successes' | TokenColumn>

const TOKEN_COLUMNS = [
  'input_tokens',
  'input_audio_tokens',
  'cache_read_tokens',
  'cache_write_5m_tokens',
  'cache_write_1h_tokens',
  'output_tokens',
  'reasoning_tokens',
  'output_audio_tokens',
] as const

type TokenColumn = (typeof TOKEN_COLUMNS)[number]

const SUM_COLUMNS = ['picodollars', 'requests', 'successes', ...TOKEN_COLUMNS] as const

/** All rows of a range of days, newest day first. */
export async function findDailySpend(
  database: Kysely<Schema>,
  filter: DailySpendFilter,
): Promise<readonly DailySpendRow[]> {
  return await filtered(database, filter).selectAll().orderBy('day', 'desc').execute()
}

/** The days of a range that have rows, newest first. */
export async function findSpendDays(
  database: Kysely<Schema>,
  filter: DailySpendFilter,
): Promise<readonly string[]> {
  const rows = await filtered(database, filter).select('day').distinct().orderBy('day', 'desc').execute()
  return rows.map((row) => row.day)
}

/** The sums of a range of days. */
export async function sumDailySpend(database: Kysely<Schema>, filter: DailySpendFilter): Promise<SpendSums> {
  const sums = SUM_COLUMNS.map((column) => sql<bigint>`coalesce(sum(${sql.ref(column)}), 0)`.as(column))
  return await filtered(database, filter).select(sums).executeTakeFirstOrThrow()
}

function filtered(
  database: Kysely<Schema>,
  filter: DailySpendFilter,
): SelectQueryBuilder<Schema, 'sluice_daily_spend', object> {
  let query = database
    .selectFrom('sluice_daily_spend')
    .where('day', '>=', filter.fromDay)
    .where('day', '<=', filter.toDay)
  if (filter.keyHash !== undefined) query = query.where('key_hash', '=', filter.keyHash)
  if (filter.userId !== undefined) query = query.where('user_id', '=', filter.userId)
  if (filter.model !== undefined) {
    query = query.where(sql<boolean>`${filter.model} in (model, model_group)`)
  }
  return query
}
