/**
 * LiteLLM's database, for reading only: what everything hangs together by is read in one transaction that sees one
 * moment, and large tables in pages.
 */
import { sql, type Kysely, type RawBuilder, type Transaction } from 'kysely'
import type { Schema } from '../storage/database.ts'
import { ImportError } from './import-error.ts'
import { judgeSchema, type SourceSchema, type TableColumns } from './source-schema.ts'
import { asObject, SourceRow } from './source-row.ts'

type Sql = Kysely<Schema> | Transaction<Schema>

const PAGE_ROWS = 500

/** LiteLLM's client takes the schema `public` where a URL names none; the server would take one of the user's name first. */
export function withDefaultSchema(url: string): string {
  const named = new URL(url)
  if (!named.searchParams.has('schema')) named.searchParams.set('schema', 'public')
  return named.href
}

export interface SourceIdentity {
  readonly database: string
  readonly schema: string
  readonly serverVersion: string
}

/** Reads what a database is and has. @throws ImportError when it is none of LiteLLM's that can be read. */
export async function readSourceSchema(database: Sql, acceptedMigration?: string): Promise<SourceSchema> {
  // `information_schema` is silent about tables that one may not read.
  const { rows } = await sql<{ table_name: string; column_name: string; data_type: string }>`
    select c.relname as table_name, a.attname as column_name, a.atttypid::regtype::text as data_type
    from pg_attribute a join pg_class c on c.oid = a.attrelid
    where c.relnamespace = current_schema()::regnamespace and c.relkind in ('r', 'p')
      and a.attnum > 0 and not a.attisdropped`.execute(database)
  const tables = new Map<string, Map<string, string>>()
  for (const row of rows) {
    const columns = tables.get(row.table_name) ?? new Map<string, string>()
    tables.set(row.table_name, columns.set(row.column_name, row.data_type))
  }
  await requireReadable(database, tables)
  return judgeSchema(tables, await readMigrations(database, tables), acceptedMigration)
}

async function readMigrations(database: Sql, tables: TableColumns): Promise<readonly string[]> {
  if (!tables.has('_prisma_migrations')) return []
  const { rows } = await sql<{ migration_name: string }>`
    select migration_name from _prisma_migrations where finished_at is not null and rolled_back_at is null
  `.execute(database)
  return rows.map((row) => row.migration_name)
}

async function requireReadable(database: Sql, tables: TableColumns): Promise<void> {
  const named = [...tables.keys()].filter(
    (table) => table.startsWith('LiteLLM_') || table === '_prisma_migrations',
  )
  const { rows } = await sql<{ name: string; user: string }>`
    select name, current_user as user from unnest(${named}::text[]) as name
    where not has_table_privilege(quote_ident(current_schema()) || '.' || quote_ident(name), 'select')
  `.execute(database)
  const [first] = rows
  if (first === undefined) return
  throw new ImportError(
    `The user ${first.user} of the source may not read ${rows.map(({ name }) => `"${name}"`).join(', ')}: ` +
      `grant select on all tables in schema … to ${first.user}, or import as the user that LiteLLM has.`,
  )
}

export async function readIdentity(database: Sql): Promise<SourceIdentity> {
  const { rows } = await sql<SourceIdentity>`
    select current_database() as database, current_schema() as schema,
      current_setting('server_version') as "serverVersion"`.execute(database)
  const [row] = rows
  if (row === undefined) throw new Error('the database answered a select without a row')
  return row
}

/** All rows of a table, in pages in the order of its key; nothing of a table that does not exist. */
export async function* readPages(
  database: Sql,
  tables: TableColumns,
  table: string,
  key: readonly string[],
): AsyncGenerator<readonly SourceRow[]> {
  if (!tables.has(table)) return
  const keys = sql.join(key.map((column) => sql.ref(`t.${column}`)))
  let after: readonly string[] | undefined
  for (;;) {
    const rest = after === undefined ? sql`` : sql`where (${keys}) > (${sql.join(after)})`
    const { rows } = await sql<{ row: unknown }>`
      select to_jsonb(t) as row from ${sql.table(table)} t ${rest} order by ${keys} limit ${sql.lit(PAGE_ROWS)}
    `.execute(database)
    const page = rows.map(({ row }) => new SourceRow(asObject(row)))
    if (page.length > 0) yield page
    const last = page.at(-1)
    if (page.length < PAGE_ROWS || last === undefined) return
    after = key.map((column) => last.key(column))
  }
}

/** Every row of a table that is small enough to be kept in memory. */
export async function readAll(
  database: Sql,
  tables: TableColumns,
  table: string,
): Promise<readonly SourceRow[]> {
  if (!tables.has(table)) return []
  const { rows } = await sql<{ row: unknown }>`select to_jsonb(t) as row from ${sql.table(table)} t`.execute(
    database,
  )
  return rows.map(({ row }) => new SourceRow(asObject(row)))
}

/** Those of the tables that hold rows. */
export async function tablesWithRows(
  database: Sql,
  tables: TableColumns,
  names: readonly string[],
): Promise<readonly string[]> {
  const found: string[] = []
  for (const name of names.filter((each) => tables.has(each))) {
    const { rows } = await sql`select 1 as one from ${sql.table(name)} limit 1`.execute(database)
    if (rows.length > 0) found.push(name)
  }
  return found
}

/** Values that more than one row has, each with the row that had it first. @param value of a row, as an expression. */
export async function firstOwners(
  database: Sql,
  table: string,
  value: RawBuilder<string>,
  key: string,
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await sql<{ value: string; owner: string }>`
    select ${value} as value,
      (array_agg(${sql.ref(key)} order by created_at nulls last, ${sql.ref(key)}))[1] as owner
    from ${sql.table(table)} where ${value} <> ''
    group by 1 having count(*) > 1`.execute(database)
  return new Map(rows.map(({ value, owner }) => [value, owner]))
}
