/** The options of the command line, each with its environment name. Parsing and `--help` both read this table. */

export interface OptionSpec {
  /** Canonical name, as LiteLLM writes it; dashes in place of underscores are the same. */
  readonly name: string
  readonly short?: string
  /** What stands for the value in the help text; absent for a switch. */
  readonly value?: string
  /** Environment variable that gives the value when the command line does not. */
  readonly variable?: string
  /** Another variable for the same, read after the first. */
  readonly otherVariable?: string
  readonly help: string
}

/** Options that work. */
export const OPTIONS: readonly OptionSpec[] = [
  { name: 'config', short: 'c', value: 'FILE', variable: 'CONFIG_FILE_PATH', help: 'the config file (YAML)' },
  { name: 'host', value: 'ADDRESS', variable: 'HOST', help: 'address to listen on (0.0.0.0)' },
  { name: 'port', value: 'PORT', variable: 'PORT', help: 'port to listen on; 0 for any free one (4000)' },
  {
    name: 'prometheus_metrics_port',
    value: 'PORT',
    variable: 'PROMETHEUS_METRICS_PORT',
    help: 'port on which /metrics is served too',
  },
  {
    name: 'data_dir',
    value: 'DIR',
    variable: 'SLUICE_DATA_DIR',
    help: 'journal and embedded database (data)',
  },
  { name: 'num_workers', value: 'N', variable: 'NUM_WORKERS', help: 'worker processes (1)' },
  {
    name: 'max_requests_before_restart',
    value: 'N',
    variable: 'MAX_REQUESTS_BEFORE_RESTART',
    help: 'requests after which a worker is replaced by a new one',
  },
  {
    name: 'max_requests_before_restart_jitter',
    value: 'N',
    variable: 'MAX_REQUESTS_BEFORE_RESTART_JITTER',
    help: 'up to so many requests more, by lot (a tenth)',
  },
  {
    name: 'shutdown_grace',
    value: 'SECONDS',
    variable: 'SLUICE_SHUTDOWN_GRACE_SECONDS',
    otherVariable: 'GRACEFUL_SHUTDOWN_TIMEOUT',
    help: 'time for calls under way at a stop (25)',
  },
  {
    name: 'drain_notice',
    value: 'SECONDS',
    variable: 'SLUICE_DRAIN_NOTICE_SECONDS',
    help: 'time at a stop for load balancers to notice (5)',
  },
  {
    name: 'database_wait',
    value: 'SECONDS',
    variable: 'SLUICE_DATABASE_WAIT_SECONDS',
    help: 'time a start waits for PostgreSQL (60)',
  },
  {
    name: 'keepalive_timeout',
    value: 'SECONDS',
    variable: 'KEEPALIVE_TIMEOUT',
    help: 'time an idle connection stays open',
  },
  {
    name: 'ssl_keyfile_path',
    value: 'FILE',
    variable: 'SSL_KEYFILE_PATH',
    help: 'private key; serves TLS together with:',
  },
  { name: 'ssl_certfile_path', value: 'FILE', variable: 'SSL_CERTFILE_PATH', help: 'certificate chain' },
  { name: 'debug', variable: 'DEBUG', help: 'log at level debug' },
  { name: 'detailed_debug', variable: 'DETAILED_DEBUG', help: 'the same as --debug' },
  { name: 'validate_config', help: 'the same as the command check' },
  { name: 'skip_server_startup', help: 'the same as the command migrate' },
  { name: 'json', help: 'check: print the result as JSON' },
  { name: 'version', short: 'v', help: 'print the version' },
  { name: 'help', short: 'h', help: 'print this text' },
]

/** Options of LiteLLM that start nothing here: each that is given is named in a warning. */
export const IGNORED_OPTIONS: readonly OptionSpec[] = [
  ignored('timeout_worker_healthcheck', 'SECONDS', 'TIMEOUT_WORKER_HEALTHCHECK'),
  ignored('limit_concurrency', 'N', 'LIMIT_CONCURRENCY'),
  ignored('granian_threads', 'N', 'GRANIAN_RUNTIME_THREADS'),
  ignored('ciphers', 'LIST'),
  ignored('log_config', 'FILE'),
  { name: 'model', short: 'm', value: 'MODEL', help: '' },
  ignored('alias', 'NAME'),
  ignored('api_base', 'URL'),
  ignored('api_version', 'VERSION'),
  ignored('temperature', 'NUMBER'),
  ignored('max_tokens', 'N'),
  ignored('request_timeout', 'SECONDS'),
  ignored('max_budget', 'USD'),
  ignored('headers', 'JSON'),
  ignored('add_key', 'KEY'),
  ignored('telemetry', 'SWITCH'),
  ignored('num_requests', 'N'),
  ignored('drop_params'),
  ignored('save'),
  ignored('add_function_to_prompt'),
  ignored('use_queue'),
  ignored('use_prisma_db_push'),
  ignored('use_v2_migration_resolver', undefined, 'USE_V2_MIGRATION_RESOLVER'),
  ignored('use_legacy_migration_resolver'),
  ignored('enforce_prisma_migration_check'),
  ignored('iam_token_db_auth'),
  ignored('azure_postgresql_auth', undefined, 'AZURE_POSTGRESQL_AUTH'),
  ignored('run_gunicorn'),
  ignored('run_hypercorn'),
  ignored('run_granian'),
  ignored('local'),
  ignored('reload'),
  ignored('setup'),
]

function ignored(name: string, value?: string, variable?: string): OptionSpec {
  return {
    name,
    help: '',
    ...(value === undefined ? {} : { value }),
    ...(variable === undefined ? {} : { variable }),
  }
}

export const COMMANDS = ['serve', 'check', 'migrate', 'import', 'sim', 'version', 'help'] as const
export type CommandName = (typeof COMMANDS)[number]

const HELP_COLUMN = 32
const HELP_WIDTH = 100

/** The text of `--help`. */
export function helpText(): string {
  return `Usage: sluice [COMMAND] [OPTIONS]

Commands:
  serve      run the gateway (the default)
  check      read the config file and tell every fault, without starting
  migrate    bring the database's schema up to date, and end
  import     take over what a LiteLLM database holds (sluice import --help)
  sim        run the provider simulator (sluice sim --help)
  version    print the version
  help       print this text

Options, with the environment variable that gives the same [in brackets]:
${optionRows(OPTIONS)}

Options may be written with dashes or underscores. The other options of the
litellm command are accepted; each that has no effect is named in a warning.
`
}

/** A row an option, for help texts. */
export function optionRows(options: readonly OptionSpec[]): string {
  const rows = options.map((option) => {
    const short = option.short === undefined ? '' : `-${option.short}, `
    const value = option.value === undefined ? '' : ` ${option.value}`
    const names = [option.variable, option.otherVariable].filter((name) => name !== undefined)
    const variables = names.length === 0 ? '' : `[${names.join(', ')}]`
    const usage = `${short}--${option.name}${value}`
    // What is longer than its column is told on a line of its own.
    const below = `\n${' '.repeat(HELP_COLUMN)}`
    const gap = usage.length < 30 ? usage.padEnd(30) : usage + below
    const space = HELP_COLUMN + option.help.length + variables.length < HELP_WIDTH ? ' ' : below
    return `  ${gap}${option.help}${variables === '' ? '' : space + variables}`
  })
  return rows.join('\n')
}
