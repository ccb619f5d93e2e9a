/** Adds prompts and answers to calls that are in the call log. */
import { sql, type Kysely } from 'kysely'
import type { Schema } from '../database.ts'

export interface CallContent {
  readonly callId: string
  readonly startedAtMs: number
  readonly request: unknown
  readonly response: unknown
}

/** Each call keeps the contents that it has. @returns how many had none. */
export async function addContents(
  database: Kysely<Schema>,
  contents: readonly CallContent[],
): Promise<number> {
  if (contents.length === 0) return 0
  const result = await sql`
    insert into sluice_call_content (call_id, started_at, request, response)
    select log.call_id, log.started_at, row.request, row.response
    from jsonb_to_recordset(${JSON.stringify(contents)}::jsonb)
      as row ("callId" text, "startedAtMs" double precision, request jsonb, response jsonb)
    join sluice_call_log as log
      on log.call_id = row."callId" and log.started_at = to_timestamp(row."startedAtMs" / 1000.0)
    on conflict do nothing`.execute(database)
  return Number(result.numAffectedRows ?? 0)
}

/** How many of these calls have contents already. */
export async function countContents(
  database: Kysely<Schema>,
  calls: readonly Pick<CallContent, 'callId' | 'startedAtMs'>[],
): Promise<number> {
  const callIds = calls.map((call) => call.callId)
  const startedMs = calls.map((call) => call.startedAtMs)
  const { rows } = await sql<{ count: bigint }>`
    select count(*) as count
    from unnest(${callIds}::text[], ${startedMs}::float8[]) as given (call_id, started_ms)
    join sluice_call_content as content
      on content.call_id = given.call_id and content.started_at = to_timestamp(given.started_ms / 1000.0)`.execute(
    database,
  )
  return Number(rows[0]?.count ?? 0)
}
