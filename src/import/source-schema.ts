/** Judges whether a database is one of LiteLLM's that can be read, and says by name what it lacks or has too much. */
import { ImportError } from './import-error.ts'
import { CHANGES_MEANING, KNOWN_TABLES, NEWEST_KNOWN_DAY, OLDEST_MIGRATION } from './known-schema.ts'

/** Table → column → type, as PostgreSQL names types: `double precision`, `text[]`. */
export type TableColumns = ReadonlyMap<string, ReadonlyMap<string, string>>

export interface SourceSchema {
  readonly tables: TableColumns
  /** The migration that ran last; undefined in a database without a history of them. */
  readonly newestMigration: string | undefined
  /** `table.column` of what is not known, and so not taken. */
  readonly unknownColumns: readonly string[]
}

/**
 * @param migrations names of the migrations that have run, in any order; empty where there is no history.
 * @param acceptedMigration a migration that the operator accepts though it is newer than what is known.
 * @throws ImportError with everything that stands in the way.
 */
export function judgeSchema(
  tables: TableColumns,
  migrations: readonly string[],
  acceptedMigration?: string,
): SourceSchema {
  if (!tables.has('LiteLLM_VerificationToken')) throw notLitellm(tables)
  const newestMigration = migrations.toSorted((a, b) => (dayOf(a) < dayOf(b) ? -1 : 1)).at(-1)
  requireKnown(newestMigration, acceptedMigration)
  const faults = Object.entries(KNOWN_TABLES).flatMap(([table, known]) => {
    const columns = tables.get(table)
    if (columns === undefined) return known.optional === true ? [] : [`the table "${table}" is missing`]
    return faultsOf(table, known.required, columns)
  })
  if (faults.length > 0) throw unknownSchema(faults, newestMigration)
  return { tables, newestMigration, unknownColumns: unknownColumns(tables) }
}

function faultsOf(
  table: string,
  required: Readonly<Record<string, string>>,
  columns: ReadonlyMap<string, string>,
): readonly string[] {
  const wrong = Object.entries(required).flatMap(([column, type]) => {
    const found = columns.get(column)
    if (found === type) return []
    return found === undefined
      ? [`the column "${table}"."${column}" is missing`]
      : [`the column "${table}"."${column}" is ${found}, expected ${type}`]
  })
  const changed = [...columns.keys()].flatMap((column) => {
    const meaning = CHANGES_MEANING[column]
    return meaning === undefined ? [] : [`with the column "${table}"."${column}" ${meaning}`]
  })
  return [...wrong, ...changed]
}

function unknownColumns(tables: TableColumns): readonly string[] {
  return Object.entries(KNOWN_TABLES).flatMap(([table, { required, others }]) =>
    [...(tables.get(table)?.keys() ?? [])]
      .filter((column) => !(column in required) && !others.includes(column))
      .map((column) => `${table}.${column}`),
  )
}

/** The first eight digits of a name, `20260831…`; nothing for `0_init`. */
function dayOf(migration: string): string {
  return /^\d{8}/.exec(migration)?.[0] ?? ''
}

function requireKnown(newest: string | undefined, accepted: string | undefined): void {
  if (newest === undefined || dayOf(newest) <= NEWEST_KNOWN_DAY || newest === accepted) return
  throw new ImportError(
    `The source was migrated by a newer LiteLLM than this import knows: its newest migration is ${newest}, and known ` +
      `are those up to ${NEWEST_KNOWN_DAY}. Take a newer Sluice; or, if you have read what that migration changes and ` +
      `it leaves users, keys, teams, budgets and spend as they were, say so with --accept-schema ${newest}.`,
  )
}

function notLitellm(tables: TableColumns): ImportError {
  const found = tables.size === 0 ? 'no tables that this user may read' : 'other tables'
  return new ImportError(
    `The source is not a LiteLLM database: it has no table "LiteLLM_VerificationToken", but ${found}. Check the ` +
      'database name of the URL, and its ?schema= if LiteLLM has a schema of its own.',
  )
}

function unknownSchema(faults: readonly string[], newest: string | undefined): ImportError {
  return new ImportError(
    `The source's schema cannot be read (newest migration: ${newest ?? 'none'}; known are ${OLDEST_MIGRATION} to ` +
      `${NEWEST_KNOWN_DAY}):\n${faults.map((fault) => `  - ${fault}`).join('\n')}\n` +
      'Start a LiteLLM of that range once on this database, so that it migrates it, and import then.',
  )
}
