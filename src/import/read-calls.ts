/** Pages of LiteLLM's call log. Prompts and answers, which are large, are read where they are asked for. */
import { sql, type Kysely, type RawBuilder } from 'kysely'
import type { Schema } from '../storage/database.ts'
import { CONTENT_COLUMNS } from './map-content.ts'
import { asObject, SourceRow } from './source-row.ts'
import type { TableColumns } from './source-schema.ts'

const TABLE = 'LiteLLM_SpendLogs'
const PAGE_ROWS = 1_000
/** With prompts and answers: each may have some megabytes. */
const FULL_PAGE_ROWS = 50
/** Larger ones are not read, as of our own calls. */
const MOST_CONTENT_BYTES = 4 * 1024 * 1024
const CONTENTS = new Set<string>(CONTENT_COLUMNS)

export interface CallChoice {
  readonly sinceMs: number | undefined
  readonly untilMs: number
  /** Prompts and answers too. */
  readonly contents: boolean
}

/**
 * Calls that began from one moment until another, in the order of their begin. Each page is a query of its own: nothing
 * holds up the source's vacuum for long.
 */
export async function* readCallPages(
  database: Kysely<Schema>,
  tables: TableColumns,
  { sinceMs, untilMs, contents }: CallChoice,
): AsyncGenerator<readonly SourceRow[]> {
  const columns = [...(tables.get(TABLE)?.keys() ?? [])]
  const selected = sql.join(columns.filter((column) => contents || !CONTENTS.has(column)).map(selection))
  const pageRows = contents ? FULL_PAGE_ROWS : PAGE_ROWS
  const until = momentText(untilMs)
  let after: readonly [time: string, id: string] = [momentText(sinceMs ?? 0), '']
  for (;;) {
    const { rows } = await sql<{ row: unknown }>`
      select to_jsonb(t) as row from (
        select ${selected} from ${sql.table(TABLE)} l
        where l."startTime" >= ${after[0]}::timestamp and (l."startTime", l.request_id) > (${after[0]}::timestamp, ${after[1]})
          and l."startTime" < ${until}::timestamp
        order by l."startTime", l.request_id limit ${sql.lit(pageRows)}
      ) t`.execute(database)
    const page = rows.map(({ row }) => new SourceRow(asObject(row)))
    if (page.length > 0) yield page
    const last = page.at(-1)
    if (page.length < pageRows || last === undefined) return
    after = [last.key('startTime'), last.key('request_id')]
  }
}

function selection(column: string): RawBuilder<unknown> {
  const name = sql.ref(`l.${column}`)
  return CONTENTS.has(column)
    ? sql`case when octet_length(${name}::text) <= ${sql.lit(MOST_CONTENT_BYTES)} then ${name} end as ${sql.ref(column)}`
    : name
}

/** As the source's times are written: without a zone, in UTC. */
function momentText(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, -1)
}
