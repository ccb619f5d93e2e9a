/** Pages of LiteLLM's call log, without prompts and answers, which are large and stay where they are. */
import { sql, type Kysely } from 'kysely'
import type { Schema } from '../storage/database.ts'
import { asObject, SourceRow } from './source-row.ts'
import type { TableColumns } from './source-schema.ts'

const TABLE = 'LiteLLM_SpendLogs'
const PAGE_ROWS = 1_000
const LEFT = new Set(['messages', 'response', 'proxy_server_request'])

/**
 * Calls that began from one moment until another, in the order of their begin. Each page is a query of its own: nothing
 * holds up the source's vacuum for long.
 */
export async function* readCallPages(
  database: Kysely<Schema>,
  tables: TableColumns,
  sinceMs: number | undefined,
  untilMs: number,
): AsyncGenerator<readonly SourceRow[]> {
  const columns = [...(tables.get(TABLE)?.keys() ?? [])].filter((column) => !LEFT.has(column))
  const selected = sql.join(columns.map((column) => sql.ref(`l.${column}`)))
  const until = momentText(untilMs)
  let after: readonly [time: string, id: string] = [momentText(sinceMs ?? 0), '']
  for (;;) {
    const { rows } = await sql<{ row: unknown }>`
      select to_jsonb(t) as row from (
        select ${selected} from ${sql.table(TABLE)} l
        where l."startTime" >= ${after[0]}::timestamp and (l."startTime", l.request_id) > (${after[0]}::timestamp, ${after[1]})
          and l."startTime" < ${until}::timestamp
        order by l."startTime", l.request_id limit ${sql.lit(PAGE_ROWS)}
      ) t`.execute(database)
    const page = rows.map(({ row }) => new SourceRow(asObject(row)))
    if (page.length > 0) yield page
    const last = page.at(-1)
    if (page.length < PAGE_ROWS || last === undefined) return
    after = [last.key('startTime'), last.key('request_id')]
  }
}

/** As the source's times are written: without a zone, in UTC. */
function momentText(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, -1)
}
