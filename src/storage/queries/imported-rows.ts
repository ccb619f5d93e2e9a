/**
 * Writes rows that were read from another gateway's database, each at most once: a row that is there already, was
 * changed here, or was deleted here since its import is left alone.
 */
import { sql, type RawBuilder, type Transaction } from 'kysely'
import type { Schema } from '../database.ts'

/** A table that rows are written to. Names come from this program's text, never from data. */
export interface ImportTarget {
  /** What its rows are called among those that were imported. */
  readonly kind: string
  readonly table: keyof Schema
  /** Columns of the primary key, all of them text. */
  readonly key: readonly string[]
  /** The other columns that a row has; those that end in `_at` are times. */
  readonly columns: readonly string[]
}

/** Members named as the columns: integers as decimal text, times in ISO form, JSON as it is. */
export type ImportedRow = Readonly<Record<string, unknown>>

/**
 * `new` and `changed` were written. `same`: the source has not changed since the last import. `present`: there was such
 * a row, of another origin. `edited`, `deleted`: the source has changed, but so has the row here.
 */
export type RowOutcome = 'new' | 'changed' | 'same' | 'present' | 'edited' | 'deleted'

/** Who made and changed a row, and when, says nothing about what is in it: LiteLLM touches rows at each spend. */
const NOT_CONTENT = new Set(['created_at', 'created_by', 'updated_at', 'updated_by'])

/**
 * Writes rows in one statement.
 *
 * @returns what became of each, in the order of the rows.
 * @throws the database's error when it refuses one of them; then none is written.
 */
export async function writeImportedRows(
  transaction: Transaction<Schema>,
  target: ImportTarget,
  rows: readonly ImportedRow[],
): Promise<readonly RowOutcome[]> {
  if (rows.length === 0) return []
  const table = sql.table(target.table)
  const columns = [...target.key, ...target.columns]
  const names = sql.raw(columns.join(', '))
  const sources = sql.raw(columns.map((name) => `source.${name}`).join(', '))
  const sets = sql.raw(target.columns.map((name) => `${name} = source.${name}`).join(', '))
  const given = rows.map((row, position) => ({ position, row }))
  const { rows: outcomes } = await sql<{ outcome: RowOutcome }>`
    with given as materialized (
      select g.position, g.row, ${rowId(target, 'source')} as row_id, ${digest(contentOf(target, 'source'))} as source_digest
      from jsonb_to_recordset(${JSON.stringify(given)}::jsonb) as g (position integer, row jsonb)
      cross join lateral jsonb_populate_record(null::${table}, g.row) as source
    ), judged as materialized (
      select given.*, case
          when mark.row_id is null then case when there.content is null then 'new' else 'present' end
          when mark.source_digest = given.source_digest then 'same'
          when there.content is null then 'deleted'
          when ${digest(sql`there.content`)} <> mark.written_digest then 'edited'
          else 'changed'
        end as outcome
      from given
      left join sluice_imported_row mark on mark.kind = ${target.kind} and mark.row_id = given.row_id
      left join lateral (
        select ${contentOf(target, 'known')} as content
        from ${table} known where ${sameKey(target, 'known', sql`given.row`)}
      ) there on true
    ), inserted as (
      insert into ${table} as known (${names})
      select ${sources} from judged cross join lateral jsonb_populate_record(null::${table}, judged.row) as source
      where judged.outcome = 'new' order by judged.position
      returning ${rowId(target, 'known')} as row_id, ${contentOf(target, 'known')} as content
    ), updated as (
      update ${table} as known set ${sets}
      from judged cross join lateral jsonb_populate_record(null::${table}, judged.row) as source
      where judged.outcome = 'changed' and ${sameKey(target, 'known', sql`judged.row`)}
      returning ${rowId(target, 'known')} as row_id, ${contentOf(target, 'known')} as content
    ), marked as (
      insert into sluice_imported_row (kind, row_id, source_digest, written_digest)
      select ${target.kind}, written.row_id, judged.source_digest, ${digest(sql`written.content`)}
      from (select * from inserted union all select * from updated) as written join judged using (row_id)
      on conflict (kind, row_id) do update set
        source_digest = excluded.source_digest, written_digest = excluded.written_digest, imported_at = now()
    )
    select outcome from judged order by position`.execute(transaction)
  return outcomes.map(({ outcome }) => outcome)
}

function rowId(target: ImportTarget, alias: string): RawBuilder<string> {
  return sql.raw(target.key.map((name) => `${alias}.${name}`).join(` || '::' || `))
}

function sameKey(target: ImportTarget, alias: string, row: RawBuilder<unknown>): RawBuilder<boolean> {
  const parts = target.key.map((name) => sql`${sql.raw(`${alias}.${name}`)} = ${row} ->> ${sql.lit(name)}`)
  return sql<boolean>`${sql.join(parts, sql` and `)}`
}

/** What a row says, as JSON that is the same in every session: the text of a time depends on the session's zone. */
function contentOf(target: ImportTarget, alias: string): RawBuilder<unknown> {
  const members = target.columns
    .filter((name) => !NOT_CONTENT.has(name))
    .map((name) => {
      const column = `${alias}.${name}`
      return `'${name}', ${name.endsWith('_at') ? `extract(epoch from ${column})` : column}`
    })
  return sql.raw(`jsonb_build_object(${members.join(', ')})`)
}

/** The text of `jsonb` is canonical: members are sorted, and spaces are as they always are. */
function digest(json: RawBuilder<unknown>): RawBuilder<string> {
  return sql<string>`encode(sha256(convert_to((${json})::text, 'UTF8')), 'hex')`
}
