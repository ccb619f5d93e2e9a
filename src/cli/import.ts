/** The `import` command: takes over what a LiteLLM database holds. */
import { writeFileSync } from 'node:fs'
import type { Config } from '../config/config.ts'
import type { Environment } from '../config/environment.ts'
import { defaultConfig, loadConfig } from '../config/load-config.ts'
import { calendarOf } from '../identity/calendar.ts'
import { ImportError } from '../import/import-error.ts'
import { reportText } from '../import/report.ts'
import { runImport } from '../import/run-import.ts'
import { readSourceSchema, withDefaultSchema } from '../import/source.ts'
import type { Database } from '../storage/database.ts'
import { requireNamedSchema } from '../storage/named-schema.ts'
import { openDatabase } from '../storage/open-database.ts'
import { createTelemetry } from '../telemetry/index.ts'
import { createRedactor, type Redactor } from '../telemetry/redaction.ts'
import { collectSecrets } from './collect-secrets.ts'
import { parseSince, type ImportCommandOptions } from './import-options.ts'
import { openStorage, passwordOf } from './open-storage.ts'
import { VERSION } from './version.ts'

/** A page of a large table on a busy server may take longer than everyday statements. */
const SOURCE_TIMEOUT_MS = 600_000

/**
 * @returns the exit code.
 * @throws ImportError, or DatabaseUnreachableError of either database.
 */
export async function runImportCommand(
  options: ImportCommandOptions,
  environment: Environment,
): Promise<number> {
  const { config } =
    options.configFile === undefined
      ? defaultConfig(environment)
      : loadConfig(options.configFile, environment)
  const nowMs = Date.now()
  const sinceMs = options.since === undefined ? undefined : requireSince(options.since, nowMs)
  const sourceUrl = sourceOf(options, config, environment)
  const redactor = createRedactor([...collectSecrets(config), sourceUrl])
  const source = await openDatabase({
    url: sourceUrl,
    // Another database has a password of its own, in its URL.
    ...(options.from === undefined ? passwordOf(sourceUrl, environment) : {}),
    connectionLimit: 2,
    statementTimeoutMs: SOURCE_TIMEOUT_MS,
  })
  try {
    // Before anything is done to the other database.
    await requireNamedSchema(source, sourceUrl)
    await readSourceSchema(source.sql, options.acceptedMigration)
    const destination = await openDestination(options, config, environment, redactor)
    try {
      const report = await runImport(source, destination, {
        dryRun: options.dryRun,
        calls: options.calls || options.prompts ? { sinceMs, contents: options.prompts } : undefined,
        models:
          options.modelsFile === undefined
            ? undefined
            : { file: options.modelsFile, inlineSecrets: options.inlineSecrets },
        saltKey: environment['LITELLM_SALT_KEY'] || config.general_settings.master_key?.reveal(),
        acceptedMigration: options.acceptedMigration,
        redact: (text) => redactor.redact(text),
        calendar: calendarOf(config.litellm_settings),
        clock: Date.now,
        progress: (name, rows) => process.stderr.write(`${name}: ${rows} read\n`),
      })
      if (options.reportFile !== undefined) {
        writeFileSync(options.reportFile, `${JSON.stringify(report, undefined, 2)}\n`)
      }
      process.stdout.write(reportText(report))
      return 0
    } finally {
      await destination.close()
    }
  } finally {
    await source.close()
  }
}

function requireSince(text: string, nowMs: number): number {
  const sinceMs = parseSince(text, nowMs)
  if (sinceMs !== undefined) return sinceMs
  throw new ImportError(
    `--since: expected a day (2026-01-31), a moment (2026-01-31T12:00:00Z) or a duration (30d), found "${text}".`,
  )
}

/** `os.environ/NAME` is read as in the config file: a URL on the command line shows its password to the machine. */
function sourceOf(options: ImportCommandOptions, config: Config, environment: Environment): string {
  const { from } = options
  const own = withoutSchema(config.general_settings.database_url?.reveal())
  const variable = from?.startsWith('os.environ/') === true ? from.slice('os.environ/'.length) : undefined
  const url = variable === undefined ? (from ?? own) : environment[variable]
  if (variable !== undefined && !url) {
    throw new ImportError(`--from: the environment variable ${variable} is not set.`)
  }
  if (url === undefined) {
    throw new ImportError(
      'No source: give the URL of the LiteLLM database by --from postgresql://user:password@host:port/name. ' +
        '(Without it the database that Sluice itself uses is read, and this configuration names none.)',
    )
  }
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return withDefaultSchema(url)
  // The text itself may hold a password: it is not repeated.
  throw new ImportError('--from: expected a URL of the form postgresql://user:password@host:port/name.')
}

/** The database itself: LiteLLM's tables stand in its default schema, also where ours have one of their own. */
function withoutSchema(url: string | undefined): string | undefined {
  if (url === undefined || !URL.canParse(url)) return url
  const plain = new URL(url)
  plain.searchParams.delete('schema')
  return plain.href
}

/** The database that the server would open with the same configuration. Its schema is the import's to bring. */
async function openDestination(
  options: ImportCommandOptions,
  config: Config,
  environment: Environment,
  redactor: Redactor,
): Promise<Database> {
  const telemetry = createTelemetry({
    settings: { emitStreamLabel: false, endUserLabel: false },
    level: options.logLevel,
    version: VERSION,
    redactor,
    // Standard output is the report's.
    destination: { write: (text: string) => void process.stderr.write(text) },
  })
  try {
    return await openStorage({
      config,
      environment,
      dataDir: options.dataDir,
      log: telemetry.log,
      waitMs: options.databaseWaitMs,
      purpose: options.dryRun ? 'look' : 'migrate',
    })
  } finally {
    await telemetry.close()
  }
}
