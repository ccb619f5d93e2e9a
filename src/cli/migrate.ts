/** The `migrate` command: brings the database's schema up to date, and nothing else. */
import type { Environment } from '../config/environment.ts'
import { defaultConfig, loadConfig } from '../config/load-config.ts'
import { createTelemetry } from '../telemetry/index.ts'
import { createRedactor } from '../telemetry/redaction.ts'
import { collectSecrets } from './collect-secrets.ts'
import { openStorage } from './open-storage.ts'
import type { ServeOptions } from './serve-options.ts'
import { VERSION } from './version.ts'

/** @returns the exit code. @throws when the database cannot be reached, or holds a schema that a newer version changed. */
export async function runMigrate(options: ServeOptions, environment: Environment): Promise<number> {
  const { config } =
    options.configFile === undefined
      ? defaultConfig(environment)
      : loadConfig(options.configFile, environment)
  const telemetry = createTelemetry({
    settings: { emitStreamLabel: false, endUserLabel: false },
    level: options.logLevel,
    version: VERSION,
    redactor: createRedactor(collectSecrets(config)),
  })
  const { dataDir } = options
  const database = await openStorage({
    config,
    environment,
    dataDir,
    log: telemetry.log,
    waitMs: options.databaseWaitMs,
    purpose: 'migrate',
  })
  telemetry.log.info('the schema is up to date', { database: database.kind })
  await database.close()
  await telemetry.close()
  return 0
}
