/** The options of `sluice import`. */
import { resolve } from 'node:path'
import { addDuration, parseDuration } from '../identity/duration.ts'
import type { LogLevel } from '../telemetry/logs/log-level.ts'
import { optionRows, OPTIONS, type OptionSpec } from './options.ts'

export interface ImportCommandOptions {
  readonly configFile: string | undefined
  readonly dataDir: string
  readonly databaseWaitMs: number
  readonly logLevel: LogLevel
  /** URL of the LiteLLM database; undefined for the one that Sluice itself uses. */
  readonly from: string | undefined
  readonly dryRun: boolean
  readonly reportFile: string | undefined
  readonly calls: boolean
  /** Their prompts and answers too. */
  readonly prompts: boolean
  /** From when on calls are taken, as it was written. */
  readonly since: string | undefined
  readonly modelsFile: string | undefined
  readonly inlineSecrets: boolean
  readonly acceptedMigration: string | undefined
}

/** Options of the other commands that this one has too. */
const SHARED = ['config', 'data_dir', 'database_wait', 'debug', 'detailed_debug', 'help']

export const IMPORT_OPTIONS: readonly OptionSpec[] = [
  {
    name: 'from',
    value: 'URL',
    variable: 'SLUICE_IMPORT_FROM',
    help: 'the LiteLLM database (by default the one that Sluice uses)',
  },
  { name: 'dry_run', help: 'do all of it, and take it back' },
  { name: 'report', value: 'FILE', help: 'write the report as JSON too' },
  { name: 'spend_logs', help: 'take the call log too' },
  { name: 'prompts', help: 'take what these calls asked and were answered too' },
  { name: 'since', value: 'TIME', help: 'only calls from a day or moment on, or of the last 30d' },
  { name: 'models_to', value: 'FILE', help: 'write stored models as a config part, secrets to FILE.env' },
  { name: 'inline_secrets', help: 'write the secrets into the config part itself' },
  { name: 'accept_schema', value: 'NAME', help: 'accept a migration newer than what is known, by name' },
  ...OPTIONS.filter(({ name }) => SHARED.includes(name)),
]

/** The text of `sluice import --help`. */
export function importHelpText(): string {
  return `Usage: sluice import [--from postgresql://user:password@host:port/name] [OPTIONS]

Copies users, teams, organizations, keys, budgets, customers, tags and what each
has spent from a LiteLLM database into the one that Sluice uses with the same
configuration. The LiteLLM database is only read. It can be run again at any time.

Options, with the environment variable that gives the same [in brackets]:
${optionRows(IMPORT_OPTIONS)}

LITELLM_SALT_KEY, or else the master key of the configuration, opens what
LiteLLM has stored encrypted. --from os.environ/NAME reads the URL from there.
`
}

/** Where values come from: the command line, then the environment. */
interface Values {
  text(name: string): string | undefined
  isOn(name: string): boolean
  seconds(name: string, otherwise: number): number
  logLevel(): LogLevel
}

export function readImportOptions(values: Values, databaseWaitSeconds: number): ImportCommandOptions {
  return {
    configFile: values.text('config'),
    dataDir: resolve(values.text('data_dir') ?? 'data'),
    databaseWaitMs: values.seconds('database_wait', databaseWaitSeconds),
    logLevel: values.logLevel(),
    from: values.text('from'),
    dryRun: values.isOn('dry_run'),
    reportFile: values.text('report'),
    calls: values.isOn('spend_logs'),
    prompts: values.isOn('prompts'),
    since: values.text('since'),
    modelsFile: values.text('models_to'),
    inlineSecrets: values.isOn('inline_secrets'),
    acceptedMigration: values.text('accept_schema'),
  }
}

/** @returns epoch milliseconds; undefined when the text is neither a duration, a day nor a moment. */
export function parseSince(text: string, nowMs: number): number | undefined {
  const duration = parseDuration(text)
  if (duration !== undefined) return nowMs - (addDuration(nowMs, duration) - nowMs)
  const atMs = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(atMs) ? undefined : atMs
}
