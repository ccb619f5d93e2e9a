/** The `serve` command: from arguments to a running gateway, and from an order to an exit code. */
import { readFileSync } from 'node:fs'
import type { ServerOptions as TlsOptions } from 'node:https'
import { ConfigError, formatIssue } from '../config/config-issue.ts'
import type { Environment } from '../config/environment.ts'
import { loadConfig, type LoadedConfig } from '../config/load-config.ts'
import type { Secret } from '../config/secret.ts'
import { watchConfig, type ConfigWatch } from '../config/watch-config.ts'
import { OPERATION_COUNTERS } from '../telemetry/metrics/operations.ts'
import { banner } from './banner.ts'
import { mostBodyBytes } from './body-memory.ts'
import { makeDataDirectory } from './data-directory.ts'
import { inQuotes } from './example-call.ts'
import { letHeapGrow } from './heap-growth.ts'
import { keepMasterKey } from './master-key.ts'
import { writeQuickStart } from './quick-start.ts'
import { startGateway, type RunningGateway } from './start-gateway.ts'
import type { ServeOptions } from './serve-options.ts'
import { ordersOfSignals, type StopOrder, type StopOrders } from './stop-order.ts'
import { VERSION } from './version.ts'
import { WorkerLink } from './workers/worker-link.ts'

interface Origin {
  readonly file: string
  readonly environment: Environment
  readonly quickStart: boolean
  readonly providers: readonly string[]
}

/** Runs until SIGTERM or SIGINT; a worker until it is told to end. @returns the exit code. */
export async function serve(options: ServeOptions, processEnvironment: Environment): Promise<number> {
  const link = WorkerLink.ofThisProcess(options.graceMs)
  const orders: StopOrders = link ?? ordersOfSignals(options)
  // A copy from before the config exports its own: a variable that leaves the file must not live on in a reload.
  const environment = { ...processEnvironment }
  makeDataDirectory(options.dataDir)
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
    metricsPort: options.metricsPort,
    dataDir: options.dataDir,
    logLevel: options.logLevel,
    keepAliveTimeoutMs: options.keepAliveTimeoutMs,
    tls: await tlsOf(options, link),
    graceMs: options.graceMs,
    databaseWaitMs: options.databaseWaitMs,
    mostBodyBytes: mostBodyBytes(options.workers),
    shared: link,
  })
  letHeapGrow(gateway.database.kind)
  const watch = watchOrigin(origin, gateway, loaded)
  const ended = orderedEnd(orders, gateway, watch)
  // What is told once is told by the first worker.
  if (link === undefined || link.isFirst) tellStart(gateway, options, origin, masterKey, loaded)
  await link?.ready(gateway)
  await ended
  await link?.sayFarewell()
  return 0
}

/** Takes up changes of the config file. */
function watchOrigin(origin: Origin, gateway: RunningGateway, inUse: LoadedConfig): ConfigWatch {
  const { log } = gateway.telemetry
  const reloads = gateway.telemetry.counter(OPERATION_COUNTERS.configReloads)
  const succeeded = reloads.series(['success'])
  const failed = reloads.series(['failure'])
  return watchConfig(
    origin.file,
    origin.environment,
    (changed) => {
      for (const issue of changed.warnings) log.warn(formatIssue(issue))
      gateway.reconfigure(changed)
      succeeded.add(1)
    },
    (error) => {
      failed.add(1)
      const why = error instanceof ConfigError ? { faults: faultsOf(error) } : { err: error }
      log.error('the changed configuration is refused; the last good one stays in force', why)
    },
    { inUse },
  )
}

function faultsOf({ issues }: ConfigError): readonly string[] {
  return issues.filter(({ severity }) => severity === 'error').map(formatIssue)
}

/** Carries out the order to end, and a more urgent one that follows. Resolves when the gateway has ended. */
function orderedEnd(orders: StopOrders, gateway: RunningGateway, watch: ConfigWatch): Promise<void> {
  const ended = Promise.withResolvers<void>()
  orders.obey((order) => {
    watch.close()
    carryOut(order, gateway).then(ended.resolve, ended.reject)
  })
  return ended.promise
}

async function carryOut(order: StopOrder, gateway: RunningGateway): Promise<void> {
  const { log } = gateway.telemetry
  if (order.kind === 'retire') {
    log.info('retiring: another worker has taken over')
    return await gateway.retire()
  }
  log.info('stopping', { grace_ms: order.graceMs, notice_ms: order.noticeMs })
  await gateway.stop(order.graceMs, order.noticeMs)
}

function tellStart(
  gateway: RunningGateway,
  options: ServeOptions,
  origin: Origin,
  masterKey: MasterKey,
  loaded: LoadedConfig,
): void {
  const { log } = gateway.telemetry
  for (const warning of options.warnings) log.warn(warning)
  for (const issue of loaded.warnings) log.warn(formatIssue(issue))
  writeBanner(gateway, options, origin, masterKey)
}

async function originOf(options: ServeOptions, environment: Environment): Promise<Origin> {
  if (options.configFile !== undefined) {
    return { file: options.configFile, environment, quickStart: false, providers: [] }
  }
  const { startSimulator } = await import('../sim/index.ts')
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

async function tlsOf(
  { keyFile, certificateFile }: ServeOptions,
  link: WorkerLink | undefined,
): Promise<TlsOptions | undefined> {
  if (keyFile === undefined || certificateFile === undefined) return undefined
  const files = { key: readFileSync(keyFile), cert: readFileSync(certificateFile) }
  return link === undefined ? files : { ...files, ticketKeys: Buffer.from(await link.ticketKeys()) }
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
