/** Opens the database that the settings name: a PostgreSQL server by its URL, or the embedded one in a directory. */
import { Kysely, type Dialect } from 'kysely'
import { join } from 'node:path'
import type { Database, Schema } from './database.ts'
import { tryLockDirectory } from './directory-lock.ts'
import { EmbeddedEngine } from './embedded/embedded-engine.ts'
import { Upkeep } from './embedded/upkeep.ts'
import { embeddedDialect } from './embedded/pglite-dialect.ts'
import { listenToPostgresql } from './listen.ts'
import { postgresqlServer, type PostgresqlOptions, type PostgresqlServer } from './postgresql.ts'
import { queryLog } from './query-log.ts'

export interface EmbeddedOptions {
  /** Directory of the embedded database; made when it is missing. */
  readonly dataDir: string
}

/**
 * Opens a database and waits until it answers. The schema is not touched: see `migrate`.
 *
 * @throws DatabaseUnreachableError when the server does not answer; calling again is safe.
 */
export async function openDatabase(options: PostgresqlOptions | EmbeddedOptions): Promise<Database> {
  return 'url' in options ? await openPostgresql(options) : await openEmbedded(options)
}

async function openPostgresql(options: PostgresqlOptions): Promise<Database> {
  const database = connectDatabase(options)
  try {
    await database.sql.selectNoFrom((select) => select.lit(1).as('one')).execute()
  } catch (error) {
    await database.close()
    throw error
  }
  return database
}

/** As `openDatabase`, without waiting: for a start that goes on while the server is away. */
export function connectDatabase(options: PostgresqlOptions): Database {
  const server = postgresqlServer(options)
  return postgresqlDatabase(options, server, server.dialect, (answerMs) =>
    postgresqlDatabase(options, server, server.dialectWithin(answerMs), undefined),
  )
}

function postgresqlDatabase(
  options: PostgresqlOptions,
  server: PostgresqlServer,
  dialect: Dialect,
  within: Database['within'],
): Database {
  const { observer } = options
  const sql = new Kysely<Schema>({
    dialect,
    ...(observer === undefined ? {} : { log: queryLog(observer) }),
  })
  return {
    kind: 'postgresql',
    sql,
    ...(within === undefined ? {} : { within }),
    ...(server.notifies
      ? { listen: (channel, onNotice) => listenToPostgresql(() => server.listener(), channel, onNotice) }
      : {}),
    get reachable() {
      return server.reachable
    },
    close: async () => await sql.destroy(),
  }
}

async function openEmbedded(options: EmbeddedOptions): Promise<Database> {
  const lock = tryLockDirectory(options.dataDir)
  if (lock === undefined) {
    throw new Error(
      `The data directory ${options.dataDir} is in use by another process. The embedded database serves one process: ` +
        `stop the other one, start this one with another --data-dir, or set DATABASE_URL to a PostgreSQL server.`,
    )
  }
  try {
    const engine = await EmbeddedEngine.start(join(options.dataDir, 'postgresql'))
    const sql = new Kysely<Schema>({ dialect: embeddedDialect(engine) })
    const upkeep = new Upkeep(engine, Date.now)
    return {
      kind: 'embedded',
      sql,
      get reachable() {
        return !engine.failed
      },
      close: async () => {
        // A Kysely instance that was never queried does not know its driver: the engine is closed by name.
        upkeep.stop()
        await engine.close()
        lock.release()
      },
    }
  } catch (error) {
    lock.release()
    throw error
  }
}
