/** Reads the command line and the environment into one `Command`. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Environment } from '../config/environment.ts'
import { nearestName } from '../config/nearest-name.ts'
import { readSwitch } from '../config/read-switch.ts'
import { type LogLevel, parseLogLevel } from '../telemetry/logs/log-level.ts'
import { COMMANDS, type CommandName, helpText, IGNORED_OPTIONS, OPTIONS, type OptionSpec } from './options.ts'
import {
  IMPORT_OPTIONS,
  importHelpText,
  readImportOptions,
  type ImportCommandOptions,
} from './import-options.ts'
import type { ServeOptions } from './serve-options.ts'

export type Command =
  | { readonly kind: 'serve'; readonly options: ServeOptions }
  | { readonly kind: 'migrate'; readonly options: ServeOptions }
  | { readonly kind: 'import'; readonly options: ImportCommandOptions }
  | { readonly kind: 'check'; readonly configPath: string; readonly json: boolean }
  | { readonly kind: 'sim'; readonly argv: readonly string[] }
  | { readonly kind: 'version' }
  | { readonly kind: 'help'; readonly text: string }

/** Longer than the 60 s after which load balancers drop an idle connection: they must be the ones to close it. */
const DEFAULT_KEEP_ALIVE_SECONDS = 75

/** Below Kubernetes' own grace of 30 s, so that the last records are written before the kill. */
const DEFAULT_GRACE_SECONDS = 25

/** What Kubernetes takes to tell all nodes that a pod gets no more traffic is mostly below a second, and rarely this. */
const DEFAULT_NOTICE_SECONDS = 5

const DEFAULT_DATABASE_WAIT_SECONDS = 60

/** A command line that cannot be followed. The message names the option, what was expected, and what to do. */
export class ArgumentError extends Error {
  override readonly name = 'ArgumentError'
}

/**
 * @param argv without the program's own two: `process.argv.slice(2)`.
 * @throws ArgumentError
 */
export function parseArguments(argv: readonly string[], environment: Environment): Command {
  const first = argv[0]
  const name = first === undefined || first.startsWith('-') ? undefined : commandName(first)
  const rest = name === undefined ? argv : argv.slice(1)
  if (name === 'sim') return { kind: 'sim', argv: rest }
  if (name === 'import') return importCommand(rest, environment)
  const given = readOptions(rest, ALL_OPTIONS)
  if (name === 'help' || given.has('help')) return { kind: 'help', text: helpText() }
  if (name === 'version' || given.has('version')) return { kind: 'version' }
  const values = new OptionValues(given, ALL_OPTIONS, environment)
  if (name === 'check' || values.isOn('validate_config')) return checkCommand(values)
  const kind = name === 'migrate' || values.isOn('skip_server_startup') ? 'migrate' : 'serve'
  return { kind, options: serveOptions(values) }
}

function commandName(word: string): CommandName {
  const command = COMMANDS.find((candidate) => candidate === word)
  if (command !== undefined) return command
  throw new ArgumentError(
    `"${word}" is not a command${suggestion(word, COMMANDS) || '.'} The commands are ${COMMANDS.join(', ')}.`,
  )
}

type OptionTable = ReadonlyMap<string, OptionSpec>

const ALL_OPTIONS: OptionTable = new Map(
  [...OPTIONS, ...IGNORED_OPTIONS].map((option) => [option.name, option]),
)

const OPTIONS_OF_IMPORT: OptionTable = new Map(IMPORT_OPTIONS.map((option) => [option.name, option]))

function importCommand(argv: readonly string[], environment: Environment): Command {
  const given = readOptions(argv, OPTIONS_OF_IMPORT)
  if (given.has('help')) return { kind: 'help', text: importHelpText() }
  const values = new OptionValues(given, OPTIONS_OF_IMPORT, environment)
  return { kind: 'import', options: readImportOptions(values, DEFAULT_DATABASE_WAIT_SECONDS) }
}

/** The options given on the command line: value, or `true` for a switch. The last one of a name counts. */
function readOptions(argv: readonly string[], table: OptionTable): Map<string, string | true> {
  const known = [...table.values()].flatMap((option) => {
    const config = {
      type: option.value === undefined ? ('boolean' as const) : ('string' as const),
      ...(option.short === undefined ? {} : { short: option.short }),
    }
    const dashed = option.name.replaceAll('_', '-')
    return dashed === option.name
      ? [[option.name, config] as const]
      : [[option.name, config] as const, [dashed, { type: config.type }] as const]
  })
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(known),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const given = new Map<string, string | true>()
  for (const token of tokens) {
    if (token.kind === 'positional') {
      throw new ArgumentError(
        `unexpected argument "${token.value}": a command stands first, and options begin with --`,
      )
    }
    if (token.kind === 'option') {
      const option = table.get(token.name.replaceAll('-', '_'))
      if (option === undefined) throw unknownOption(token.rawName, token.name, table)
      given.set(option.name, valueOf(option, token.rawName, token.value, token.inlineValue === true))
    }
  }
  return given
}

function unknownOption(rawName: string, name: string, table: OptionTable): ArgumentError {
  const nearest = nearestName(name.replaceAll('-', '_'), table.keys())
  const advice = nearest === undefined ? 'sluice --help lists the options' : `did you mean --${nearest}?`
  return new ArgumentError(`the option ${rawName} is not known; ${advice}`)
}

function valueOf(
  option: OptionSpec,
  rawName: string,
  value: string | undefined,
  isInline: boolean,
): string | true {
  if (option.value === undefined) return isInline && value !== undefined ? value : true
  if (value === undefined || (!isInline && value.startsWith('--'))) {
    throw new ArgumentError(`the option ${rawName} needs a value: ${rawName} ${option.value}`)
  }
  return value
}

/** Command line first, then environment. An empty variable counts as not set. */
class OptionValues {
  readonly #given: ReadonlyMap<string, string | true>
  readonly #table: OptionTable
  readonly #environment: Environment

  constructor(given: ReadonlyMap<string, string | true>, table: OptionTable, environment: Environment) {
    this.#given = given
    this.#table = table
    this.#environment = environment
  }

  /** The value and where it comes from, for messages. */
  find(name: string): { readonly text: string; readonly origin: string } | undefined {
    const given = this.#given.get(name)
    if (given !== undefined) return { text: given === true ? 'true' : given, origin: `--${name}` }
    const option = this.#table.get(name)
    for (const variable of [option?.variable, option?.otherVariable]) {
      const text = variable === undefined ? undefined : this.#environment[variable]
      if (text && variable !== undefined) return { text, origin: `${variable} (environment)` }
    }
    return undefined
  }

  text(name: string): string | undefined {
    return this.find(name)?.text
  }

  isOn(name: string): boolean {
    const found = this.find(name)
    if (found === undefined) return false
    const isOn = readSwitch(found.text)
    // DEBUG belongs to other programs too, which put words of their own into it.
    if (isOn === undefined && found.origin.startsWith('--')) {
      throw new ArgumentError(`${found.origin}: expected true or false, found "${found.text}"`)
    }
    return isOn ?? false
  }

  number(name: string, expected: string, isFit: (value: number) => boolean): number | undefined {
    const found = this.find(name)
    if (found === undefined) return undefined
    const number = /^\s*\d+(\.\d+)?\s*$/.test(found.text) ? Number(found.text) : Number.NaN
    if (isFit(number)) return number
    throw new ArgumentError(`${found.origin}: expected ${expected}, found "${found.text}"`)
  }

  /** @returns milliseconds. */
  seconds(name: string, otherwise: number): number {
    return (this.number(name, 'a number of seconds', (value) => value >= 0) ?? otherwise) * 1000
  }

  count(name: string): number | undefined {
    return this.number(name, 'a whole number from 1', (value) => Number.isInteger(value) && value >= 1)
  }

  logLevel(): LogLevel {
    if (this.isOn('debug') || this.isOn('detailed_debug')) return 'debug'
    return parseLogLevel(this.#environment['LITELLM_LOG']) ?? 'info'
  }
}

function checkCommand(values: OptionValues): Command {
  const configPath = values.text('config')
  if (configPath === undefined) {
    throw new ArgumentError('check needs a config file: sluice check --config FILE, or CONFIG_FILE_PATH')
  }
  return { kind: 'check', configPath, json: values.isOn('json') }
}

function isPort(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= 65_535
}

function serveOptions(values: OptionValues): ServeOptions {
  const requestsBeforeRestart = values.count('max_requests_before_restart')
  const jitter = values.number('max_requests_before_restart_jitter', 'a whole number', Number.isInteger)
  const keyFile = values.text('ssl_keyfile_path')
  const certificateFile = values.text('ssl_certfile_path')
  if ((keyFile === undefined) !== (certificateFile === undefined)) {
    const missing = keyFile === undefined ? 'ssl_keyfile_path' : 'ssl_certfile_path'
    throw new ArgumentError(`TLS needs a key and a certificate: --${missing} FILE is missing`)
  }
  return {
    configFile: values.text('config'),
    host: values.text('host') ?? '0.0.0.0',
    port: values.number('port', 'a port number from 0 to 65535', isPort) ?? 4000,
    metricsPort: values.number('prometheus_metrics_port', 'a port number from 0 to 65535', isPort),
    // Absolute: a relative path would mean another place once the working directory is changed or removed.
    dataDir: resolve(values.text('data_dir') ?? 'data'),
    logLevel: values.logLevel(),
    keepAliveTimeoutMs: values.seconds('keepalive_timeout', DEFAULT_KEEP_ALIVE_SECONDS),
    keyFile,
    certificateFile,
    workers: values.count('num_workers') ?? 1,
    requestsBeforeRestart,
    restartJitter: jitter ?? Math.floor((requestsBeforeRestart ?? 0) / 10),
    graceMs: values.seconds('shutdown_grace', DEFAULT_GRACE_SECONDS),
    noticeMs: values.seconds('drain_notice', DEFAULT_NOTICE_SECONDS),
    databaseWaitMs: values.seconds('database_wait', DEFAULT_DATABASE_WAIT_SECONDS),
    warnings: warningsOf(values),
  }
}

function warningsOf(values: OptionValues): string[] {
  const warnings: string[] = []
  for (const { name } of IGNORED_OPTIONS) {
    const found = values.find(name)
    if (found !== undefined) warnings.push(`${found.origin} is accepted, but has no effect`)
  }
  return warnings
}

function suggestion(word: string, names: readonly string[]): string {
  const nearest = nearestName(word, names)
  return nearest === undefined ? '' : `; did you mean "${nearest}"?`
}
