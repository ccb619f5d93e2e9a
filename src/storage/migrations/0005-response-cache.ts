/** Whether a call was answered from the response cache, and under which name its answer is kept. */
import { sql } from 'kysely'
import type { Migration } from './migration.ts'

/** Both are null for calls that were none of the cache's. */
const STATEMENTS = [`alter table sluice_call_log add column cache_hit boolean, add column cache_key text`]

export const responseCache: Migration = {
  id: '0005-response-cache',
  async up(transaction) {
    for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction)
  },
}
