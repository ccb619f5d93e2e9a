/** Opens and migrates the database that the configuration names, or the embedded one. */
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Config } from '../config/config.ts'
import type { Database } from '../storage/database.ts'
import { migrate } from '../storage/migrate.ts'
import { connectDatabase, openDatabase } from '../storage/open-database.ts'
import { DatabaseUnreachableError, type PostgresqlOptions } from '../storage/postgresql.ts'
import type { Logger } from '../telemetry/logs/logger.ts'

const RETRY_INTERVAL_MS = 2_000

/** How long a start waits for a database that is not there yet. */
const START_PATIENCE_MS = 60_000

/**
 * @throws DatabaseUnreachableError when PostgreSQL does not answer within a minute; with
 *   `allow_requests_on_db_unavailable` the start goes on without it, and it is migrated when it comes back.
 */
export async function openStorage(config: Config, dataDir: string, log: Logger): Promise<Database> {
  const options = postgresqlOptions(config)
  if (options === undefined) {
    const database = await openDatabase({ dataDir: join(dataDir, 'database') })
    await migrate(database)
    log.info(
      'embedded storage: one process only, and not safe against power loss. Set DATABASE_URL for production.',
    )
    return database
  }
  if (config.general_settings.allow_requests_on_db_unavailable) return await connectLater(options, log)
  const database = await openPatiently(options, log)
  await migrate(database)
  return database
}

function postgresqlOptions(config: Config): PostgresqlOptions | undefined {
  const general = config.general_settings
  if (general.database_url === undefined) return undefined
  return {
    url: general.database_url.reveal(),
    connectionLimit: general.database_connection_pool_limit,
    ...(general.database_connect_timeout === undefined
      ? {}
      : { connectTimeoutMs: general.database_connect_timeout * 1000 }),
    ...(general.database_statement_timeout === undefined
      ? {}
      : { statementTimeoutMs: general.database_statement_timeout * 1000 }),
  }
}

async function openPatiently(options: PostgresqlOptions, log: Logger): Promise<Database> {
  const giveUpAtMs = Date.now() + START_PATIENCE_MS
  for (;;) {
    try {
      return await openDatabase(options)
    } catch (error) {
      if (!(error instanceof DatabaseUnreachableError) || Date.now() + RETRY_INTERVAL_MS > giveUpAtMs)
        throw error
      const seconds = Math.ceil((giveUpAtMs - Date.now()) / 1000)
      log.warn(`${error.message} Trying again for ${seconds} s.`)
      // The process lives on this timer alone: while a start waits, nothing listens yet.
      await setTimeout(RETRY_INTERVAL_MS)
    }
  }
}

async function connectLater(options: PostgresqlOptions, log: Logger): Promise<Database> {
  const database = connectDatabase(options)
  try {
    await migrate(database)
  } catch (error) {
    if (!(error instanceof DatabaseUnreachableError)) {
      await database.close()
      throw error
    }
    log.error('starting without the database (allow_requests_on_db_unavailable)', { err: error })
    void migrateLater(database, log)
  }
  return database
}

async function migrateLater(database: Database, log: Logger): Promise<void> {
  for (;;) {
    await setTimeout(RETRY_INTERVAL_MS, undefined, { ref: false })
    try {
      await migrate(database)
      return log.info('the database is back')
    } catch (error) {
      if (!(error instanceof DatabaseUnreachableError))
        return log.error('the database cannot be migrated', { err: error })
    }
  }
}
