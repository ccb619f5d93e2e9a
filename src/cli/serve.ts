/** The `serve` command: from arguments to a running gateway, and from a signal to an exit code. */
import { readFileSync } from 'node:fs'
import type { ServerOptions as TlsOptions } from 'node:https'
import { ConfigError, formatIssue } from '../config/config-issue.ts'
import type { Environment } from '../config/environment.ts'
import { loadConfig, type LoadedConfig } from '../config/load-config.ts'
import type { Secret } from '../config/secret.ts'
import { watchConfig } from '../config/watch-config.ts'
import { startSimulator } from '../sim/index.ts'
import type { LogLevel } from '../telemetry/logs/log-level.ts'
import { OPERATION_COUNTERS } from '../telemetry/metrics/operations.ts'
import { banner } from './banner.ts'
import { inQuotes } from './example-call.ts'
import { keepMasterKey } from './master-key.ts'
import { writeQuickStart } from './quick-start.ts'
import { startGateway, type RunningGateway } from './start-gateway.ts'
import { VERSION } from './version.ts'

export interface ServeOptions {
  readonly configFile: string | undefined
  readonly host: string
  readonly port: number
  readonly dataDir: string
  readonly logLevel: LogLevel
  readonly keepAliveTimeoutMs: number
  readonly keyFile: string | undefined
  readonly certificateFile: string | undefined
  /** What the arguments asked for and does not work, as sentences. */
  readonly warnings: readonly string[]
}

/** Below Kubernetes' own grace of 30 s, so that the last records are written before the kill. */
const DEFAULT_GRACE_SECONDS = 25

interface Origin {
  readonly file: string
  readonly environment: Environment
  readonly quickStart: boolean
  readonly providers: readonly string[]
}

/** Runs until SIGTERM or SIGINT. @returns the exit code. */
export async function serve(options: ServeOptions, processEnvironment: Environment): Promise<number> {
  // A copy from before the config exports its own: a variable that leaves the file must not live on in a reload.
  const environment = { ...processEnvironment }
  const origin = await originOf(options, environment)
  const loaded = loadConfig(origin.file, origin.environment)
  exportEnvironment(loaded)
  const masterKey = masterKeyOf(loaded, options.dataDir, origin.environment)
  const gateway = await startGateway({
    loaded,
    environment: origin.environment,
    masterKey: masterKey.key,
    host: options.host,
    port: options.port,
    dataDir: options.dataDir,
    logLevel: options.logLevel,
    keepAliveTimeoutMs: options.keepAliveTimeoutMs,
    tls: tlsOf(options),
  })
  const { log } = gateway.telemetry
  for (const warning of options.warnings) log.warn(warning)
  for (const issue of loaded.warnings) log.warn(formatIssue(issue))
  writeBanner(gateway, options, origin, masterKey)
  const reloads = gateway.telemetry.counter(OPERATION_COUNTERS.configReloads)
  const succeeded = reloads.series(['success'])
  const failed = reloads.series(['failure'])
  const watch = watchConfig(
    origin.file,
    origin.environment,
    (changed) => {
      for (const issue of changed.warnings) log.warn(formatIssue(issue))
      gateway.reconfigure(changed)
      succeeded.add(1)
    },
    (error) => {
      failed.add(1)
      log.error('the changed configuration is refused; the last good one stays in force', { err: error })
    },
    { inUse: loaded },
  )
  const signal = await stopSignal()
  log.info('stopping', { signal })
  watch.close()
  await gateway.stop(graceMs(environment))
  return 0
}

/** Prints why a start failed, for people. @returns the exit code. */
export function reportFailedStart(error: unknown): number {
  const text =
    error instanceof ConfigError
      ? error.message
      : error instanceof Error
        ? (addressInUse(error) ?? error.message)
        : String(error)
  process.stderr.write(`sluice: ${text}\n`)
  return 1
}

function addressInUse(error: Error): string | undefined {
  if (!('code' in error) || error.code !== 'EADDRINUSE' || !('port' in error)) return undefined
  return `port ${String(error.port)} is in use by another program: stop that one, or choose another port with --port.`
}

async function originOf(options: ServeOptions, environment: Environment): Promise<Origin> {
  if (options.configFile !== undefined) {
    return { file: options.configFile, environment, quickStart: false, providers: [] }
  }
  const simulator = await startSimulator({ port: 0 })
  const quickStart = writeQuickStart(options.dataDir, simulator.url, environment)
  return {
    file: quickStart.file,
    environment: quickStart.environment,
    quickStart: true,
    providers: quickStart.providers,
  }
}

/** `environment_variables` of the config are variables of the process, as with LiteLLM. */
function exportEnvironment(loaded: LoadedConfig): void {
  for (const [name, value] of Object.entries(loaded.config.environment_variables)) {
    process.env[name] = value.reveal()
  }
}

interface MasterKey {
  readonly key: Secret
  /** For `$(…)` in a shell. */
  readonly inShell: string
  readonly source: string
  /** True when this installation made it and may show it on a terminal. */
  readonly own: boolean
}

function masterKeyOf(loaded: LoadedConfig, dataDir: string, environment: Environment): MasterKey {
  const given = loaded.config.general_settings.master_key
  if (given !== undefined) return { key: given, own: false, ...placeOf(given, environment) }
  const kept = keepMasterKey(dataDir)
  return {
    key: kept.key,
    inShell: `$(cat ${inQuotes(kept.file)})`,
    source: `kept in ${kept.file}`,
    own: true,
  }
}

/** Where the caller of a gateway finds the master key that it was given. */
function placeOf(given: Secret, environment: Environment): Pick<MasterKey, 'inShell' | 'source'> {
  const names = ['LITELLM_MASTER_KEY', ...Object.keys(environment)]
  const variable = names.find((name) => environment[name] === given.reveal())
  if (variable === undefined) return { inShell: 'YOUR-MASTER-KEY', source: 'from the config' }
  return { inShell: `$${variable}`, source: `from the environment variable ${variable}` }
}

function tlsOf(options: ServeOptions): TlsOptions | undefined {
  if (options.keyFile === undefined || options.certificateFile === undefined) return undefined
  return { key: readFileSync(options.keyFile), cert: readFileSync(options.certificateFile) }
}

/** For people: on standard error, so that standard output is one JSON object a line. */
function writeBanner(
  gateway: RunningGateway,
  options: ServeOptions,
  origin: Origin,
  masterKey: MasterKey,
): void {
  if (!origin.quickStart && !process.stderr.isTTY) return
  process.stderr.write(
    banner({
      url: gateway.url,
      version: VERSION,
      models: gateway.models,
      example: gateway.example,
      database:
        gateway.database.kind === 'embedded'
          ? `embedded, in ${options.dataDir} (set DATABASE_URL for PostgreSQL)`
          : 'PostgreSQL',
      configFile: origin.file,
      quickStart: origin.quickStart,
      providers: origin.providers,
      masterKeyInShell: masterKey.inShell,
      // Only a person at a terminal sees the key: a log collector never does.
      masterKeyShown: masterKey.own && process.stderr.isTTY ? masterKey.key.reveal() : undefined,
      masterKeySource: masterKey.source,
    }),
  )
}

function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    const onSignal = (signal: NodeJS.Signals): void => {
      // A second signal ends the process at once: the journal keeps what was written.
      process.on(signal, () => process.exit(130))
      resolve(signal)
    }
    process.once('SIGTERM', onSignal)
    process.once('SIGINT', onSignal)
  })
}

function graceMs(environment: Environment): number {
  const seconds = Number(environment['SLUICE_SHUTDOWN_GRACE_SECONDS'] ?? DEFAULT_GRACE_SECONDS)
  return (Number.isFinite(seconds) && seconds >= 0 ? seconds : DEFAULT_GRACE_SECONDS) * 1000
}
