/** Opens the database that the configuration names, or the embedded one, and sees to its schema. */
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Config } from '../config/config.ts'
import type { Environment } from '../config/environment.ts'
import { readSwitch } from '../config/read-switch.ts'
import type { Database } from '../storage/database.ts'
import {
  migrate,
  requireSchema,
  schemaState,
  SchemaTooOldError,
  sharesSchemaWithLitellm,
} from '../storage/migrate.ts'
import { requireNamedSchema } from '../storage/named-schema.ts'
import { connectDatabase, openDatabase } from '../storage/open-database.ts'
import { rdsPassword } from '../storage/rds/rds-password.ts'
import { DatabaseUnreachableError, type PostgresqlOptions } from '../storage/postgresql.ts'
import type { Telemetry } from '../telemetry/index.ts'
import type { Logger } from '../telemetry/logs/logger.ts'
import { serviceObserver } from './report-redis.ts'

const RETRY_INTERVAL_MS = 2_000

/** A step of the schema may rewrite large tables: it must not run into the time-out of everyday statements. */
const MIGRATION_TIMEOUT_MS = 3_600_000

const SHARED_SCHEMA =
  'The tables stand in one schema with those of LiteLLM, which drops tables that it does not know when it migrates. ' +
  'While LiteLLM may still be started on this database, give these a schema of their own: DATABASE_SCHEMA=sluice, or ' +
  '?schema=sluice in the URL.'

export interface StorageOptions {
  readonly config: Config
  readonly environment: Environment
  readonly dataDir: string
  readonly log: Logger
  /** How long a start waits for a database that is not there yet. */
  readonly waitMs: number
  /**
   * `serve` may start without the database, or on a schema that another process brings; `migrate` brings it; `look`
   * leaves it as it is.
   */
  readonly purpose: 'serve' | 'migrate' | 'look'
  /** Where the time of statements is measured, if the configuration asks for that. */
  readonly telemetry?: Telemetry
}

/**
 * @throws DatabaseUnreachableError when PostgreSQL does not answer in time. With `allow_requests_on_db_unavailable`
 *   a gateway starts without it, and it is migrated when it comes back.
 * @throws SchemaTooOldError when the schema lacks steps in the end, and schema updates are switched off.
 * @throws SchemaTooNewError when the schema was changed by a newer version.
 * @throws SchemaNotUsedError when the URL names a schema that its connections do not use.
 */
export async function openStorage(options: StorageOptions): Promise<Database> {
  const { config, dataDir, log, purpose } = options
  const server = postgresqlOptions(config, options.environment, options.telemetry)
  if (server === undefined) {
    const database = await openDatabase({ dataDir: join(dataDir, 'database') })
    // Nearly always there is nothing to do, and looking is cheaper than taking part.
    if (purpose !== 'look' && (await schemaState(database)) === 'behind') await migrate(database)
    log.info(
      'embedded storage: one process only, and not safe against power loss. Set DATABASE_URL for production.',
    )
    return database
  }
  if (purpose === 'serve' && config.general_settings.allow_requests_on_db_unavailable) {
    return await openAtOnce(options, server)
  }
  const database = connectDatabase(server)
  try {
    await insist(options.waitMs, log, async () => await bringSchema(options, database, server))
    return database
  } catch (error) {
    await database.close()
    throw error
  }
}

/** `IAM_TOKEN_DB_AUTH`: the database knows this process by its AWS role, and no password. */
export function passwordOf(url: string, environment: Environment): Pick<PostgresqlOptions, 'password'> {
  return readSwitch(environment['IAM_TOKEN_DB_AUTH'] ?? '') === true
    ? { password: rdsPassword(url, environment, Date.now) }
    : {}
}

function postgresqlOptions(
  config: Config,
  environment: Environment,
  telemetry?: Telemetry,
): PostgresqlOptions | undefined {
  const general = config.general_settings
  if (general.database_url === undefined) return undefined
  const observer = telemetry && serviceObserver(config, telemetry, 'postgres')
  return {
    url: general.database_url.reveal(),
    ...passwordOf(general.database_url.reveal(), environment),
    ...(observer === undefined ? {} : { observer }),
    connectionLimit: general.database_connection_pool_limit,
    ...(general.database_connect_timeout === undefined
      ? {}
      : { connectTimeoutMs: general.database_connect_timeout * 1000 }),
    ...(general.database_statement_timeout === undefined
      ? {}
      : { statementTimeoutMs: general.database_statement_timeout * 1000 }),
  }
}

/** Tries again as long as the database is away, or its schema is still to be brought by another process. */
async function insist(forMs: number, log: Logger, attempt: () => Promise<void>): Promise<void> {
  const giveUpAtMs = Date.now() + forMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      const passes = error instanceof DatabaseUnreachableError || error instanceof SchemaTooOldError
      if (!passes || Date.now() + RETRY_INTERVAL_MS > giveUpAtMs) throw error
      const seconds = Math.ceil((giveUpAtMs - Date.now()) / 1000)
      log.warn(`${error.message} Trying again for ${seconds} s.`)
      // The process lives on this timer alone: while a start waits, nothing listens yet.
      await setTimeout(RETRY_INTERVAL_MS)
    }
  }
}

/** Migrates where something is missing and that is this process's to do. */
async function bringSchema(
  options: StorageOptions,
  database: Database,
  server: PostgresqlOptions,
): Promise<void> {
  const { config, environment, log, purpose } = options
  await requireNamedSchema(database, server.url)
  if (purpose === 'serve' && config.general_settings.disable_prisma_schema_update) {
    return await requireSchema(database)
  }
  if ((await schemaState(database)) === 'current' || purpose === 'look') return
  // DIRECT_URL leads around a connection pooler, where there is one.
  const url = environment['DIRECT_URL'] || server.url
  const direct = connectDatabase({
    ...server,
    url,
    ...passwordOf(url, environment),
    connectionLimit: 1,
    statementTimeoutMs: MIGRATION_TIMEOUT_MS,
  })
  try {
    await requireNamedSchema(direct, url)
    const steps = await migrate(direct)
    if (steps.length > 0) log.info('the schema was brought up to date', { steps })
    if (steps.length > 0 && (await sharesSchemaWithLitellm(direct))) log.warn(SHARED_SCHEMA)
  } finally {
    await direct.close()
  }
}

async function openAtOnce(options: StorageOptions, server: PostgresqlOptions): Promise<Database> {
  const database = connectDatabase(server)
  try {
    await bringSchema(options, database, server)
  } catch (error) {
    if (!(error instanceof DatabaseUnreachableError)) {
      await database.close()
      throw error
    }
    options.log.error('starting without the database (allow_requests_on_db_unavailable)', { err: error })
    void bringSchemaLater(options, database, server)
  }
  return database
}

async function bringSchemaLater(
  options: StorageOptions,
  database: Database,
  server: PostgresqlOptions,
): Promise<void> {
  for (;;) {
    await setTimeout(RETRY_INTERVAL_MS, undefined, { ref: false })
    try {
      await bringSchema(options, database, server)
      return options.log.info('the database is back')
    } catch (error) {
      if (!(error instanceof DatabaseUnreachableError))
        return options.log.error('the database cannot be migrated', { err: error })
    }
  }
}
