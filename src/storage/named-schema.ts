/** The schema that a URL names, where its connections may not have heard of it. */
import { sql } from 'kysely'
import type { Database } from './database.ts'

/** The URL names one schema, and its connections use another. */
export class SchemaNotUsedError extends Error {
  override readonly name = 'SchemaNotUsedError'
}

/**
 * A pooler takes no schema from those who connect: one that the URL says to be there is used only where the database
 * gives it by itself. Tables would otherwise come to stand where LiteLLM may drop them, or be looked for elsewhere.
 *
 * @throws SchemaNotUsedError with what to do.
 */
export async function requireNamedSchema(database: Database, url: string): Promise<void> {
  const { searchParams } = new URL(url)
  const named = searchParams.get('schema')
  if (named === null || searchParams.get('pgbouncer') !== 'true') return
  const { rows } = await sql<{ used: string | null; wanted: string }>`
    select current_schema() as used, current_setting('search_path') as wanted`.execute(database.sql)
  const [row] = rows
  // One that is still to be made is wanted, and not used yet.
  if (row === undefined || row.used === named || row.wanted === named) return
  throw new SchemaNotUsedError(
    `The database URL names the schema "${named}", and its connections use "${row.used ?? row.wanted}": with ` +
      'pgbouncer=true the name is not passed on. Set it for the user in the database itself (alter role … set ' +
      `search_path = ${named}), or connect without the pooler.`,
  )
}
