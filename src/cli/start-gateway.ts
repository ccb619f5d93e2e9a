/** Builds the parts of a gateway from its configuration, wires them, and stops them in order. */
import type { AddressInfo } from 'node:net'
import type { ServerOptions as TlsOptions } from 'node:https'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Alerts } from '../alerts/alerts.ts'
import { BatchMetrics } from '../batches/batch-metrics.ts'
import { openCostPoller } from '../batches/cost-poller.ts'
import type { CostServices } from '../batches/cost-services.ts'
import { ResponseCache } from '../cache/response-cache.ts'
import { BodyRoom } from '../calls/body-room.ts'
import type { Gateway } from '../calls/gateway.ts'
import type { Environment } from '../config/environment.ts'
import type { LoadedConfig } from '../config/load-config.ts'
import type { Secret } from '../config/secret.ts'
import { createIdentity, type Identity } from '../identity/identity.ts'
import { createLimits, type ConfigurableLimits } from '../limits/create-limits.ts'
import { LimitMetrics } from '../limits/limit-metrics.ts'
import { managementRoutes } from '../management/index.ts'
import type { OpenRedis } from '../redis/open-redis.ts'
import type { DeploymentTable } from '../routing/deployment-table.ts'
import { createServer } from '../server/create-server.ts'
import { startMetricsServer } from '../server/metrics-server.ts'
import { WayMetrics } from '../server/way-metrics.ts'
import { openLedger, type OpenLedger } from '../spend/open-ledger.ts'
import type { PriceBook } from '../spend/prices/price-book.ts'
import type { Database } from '../storage/database.ts'
import { createTelemetry, type Telemetry } from '../telemetry/index.ts'
import type { LogDestination } from '../telemetry/logs/line-buffer.ts'
import type { LogLevel } from '../telemetry/logs/log-level.ts'
import { createRedactor, type Redactor } from '../telemetry/redaction.ts'
import { UpstreamPools } from '../upstream/upstream-pools.ts'
import { batchSettings } from './batch-settings.ts'
import { mostBodyBytes } from './body-memory.ts'
import { callSettings, deploymentTable, identitySettings, ledgerSettings } from './call-settings.ts'
import { callTracing } from './call-tracing.ts'
import { collectSecrets } from './collect-secrets.ts'
import { callsWithoutClient, Departure } from './departure.ts'
import { exampleModel, type ExampleModel } from './example-call.ts'
import { gatewayScopes, limitSettings } from './gateway-limits.ts'
import { LiveState } from './live-state.ts'
import { metricsSettings, scopeGaugeSettings } from './metrics-settings.ts'
import { openAlerts } from './open-alerts.ts'
import { openExports } from './open-exports.ts'
import { openPrices } from './open-prices.ts'
import { openStorage } from './open-storage.ts'
import { reportMemory } from './report-memory.ts'
import { reportBodies, reportCache, reportOperations, retentionObserver } from './report-operations.ts'
import { measuresServices, reportRedis, serviceObserver } from './report-redis.ts'
import { reportDeployments, reportPopulation, reportScopes } from './report-scopes.ts'
import { reportCalls, reportLocks, reportQueues, timedIdentity } from './report-services.ts'
import { VERSION } from './version.ts'
import type { SharedByWorkers } from './workers/worker-link.ts'

export interface GatewayOptions {
  readonly loaded: LoadedConfig
  readonly environment: Environment
  readonly masterKey: Secret
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  /** Port on which the metrics are served too; undefined for none. */
  readonly metricsPort?: number | undefined
  readonly dataDir: string
  readonly logLevel: LogLevel
  readonly keepAliveTimeoutMs: number
  readonly tls: TlsOptions | undefined
  /** Longest time that calls under way get at a drain. */
  readonly graceMs?: number
  /** How long the start waits for a database that is not there; not at all when nothing says. */
  readonly databaseWaitMs?: number
  /** How much of request bodies is held at once; by the memory of the machine when nothing says. */
  readonly mostBodyBytes?: number
  /** What this process shares with the other workers of its host, when it is one of them. */
  readonly shared?: SharedByWorkers | undefined
  /** Where log lines go; standard output by default. */
  readonly destination?: LogDestination
}

export interface RunningGateway {
  readonly url: string
  readonly models: readonly string[]
  readonly example: ExampleModel | undefined
  readonly database: Database
  readonly ledger: OpenLedger
  readonly telemetry: Telemetry
  /** Takes up a changed configuration: atomically, with calls under way untouched. */
  reconfigure(loaded: LoadedConfig): void
  requestsInFlight(): number
  /** Answers `connection: close` from now on, and waits for what is in flight. @returns how much still is. */
  drain(): Promise<number>
  /** Calls `then` once, when so many requests have come. */
  afterRequests(requests: number, then: () => void): void
  /** Stops listening, waits for all connections and calls however long they take, and writes everything down. */
  retire(): Promise<void>
  /**
   * Finishes calls under way within `graceMs`, cuts those that take longer, and writes everything down.
   *
   * @param noticeMs for that long the listener stays open, when somebody watches readiness.
   */
  stop(graceMs: number, noticeMs?: number): Promise<void>
}

/** Time that the receivers of calls get at a stop; what they do not take is dropped. */
const EXPORT_CLOSE_TIMEOUT_MS = 1_000

/** Time that PostgreSQL gets for the last records at a stop; what it does not take stays in the journal. */
const LEDGER_CLOSE_TIMEOUT_MS = 4_000

/** Beyond the time after which the server itself closes an idle connection. */
const KEEP_ALIVE_MARGIN_MS = 1_000

const MAX_MANAGEMENT_BODY_BYTES = 8 * 1_048_576

/** @throws when a part cannot be built: the message says which and what to do. Parts built before are closed. */
export async function startGateway(options: GatewayOptions): Promise<RunningGateway> {
  const stack = new AsyncDisposableStack()
  try {
    return await assemble(options, stack)
  } catch (error) {
    await stack.disposeAsync()
    throw error
  }
}

async function assemble(options: GatewayOptions, stack: AsyncDisposableStack): Promise<RunningGateway> {
  const { loaded, environment, masterKey } = options
  const redactor = createRedactor([masterKey.reveal(), ...collectSecrets(loaded.config)])
  // Set below: the metrics ask for it at the first call only.
  let routes: () => DeploymentTable | undefined = () => undefined
  const telemetry = openTelemetry(options, redactor, (model) => routes()?.find(model) !== undefined)
  stack.defer(() => telemetry.close())
  const redis = await openSharedRedis(loaded, telemetry)
  stack.defer(() => redis?.close())
  // Read while the database is waited for; a database that fails first must not leave a fault of theirs unhandled.
  const pricesRead = openPrices(environment, telemetry.log)
  pricesRead.catch(() => undefined)
  const { dataDir } = options
  const waitMs = options.databaseWaitMs ?? 0
  const storage = { config: loaded.config, environment, dataDir, log: telemetry.log, waitMs }
  const database = await openStorage({ ...storage, purpose: 'serve', telemetry })
  stack.defer(() => database.close())
  const prices = await pricesRead
  const redact = (text: string): string => redactor.redact(text)
  const ledger = await openLedger({
    database,
    dataDir: options.dataDir,
    settings: ledgerSettings(loaded.config, redact),
    log: telemetry.log,
    bookingObserver: serviceObserver(loaded.config, telemetry, 'batch_write_to_db'),
    retentionObserver: retentionObserver(telemetry),
  })
  stack.defer(() => ledger.close(LEDGER_CLOSE_TIMEOUT_MS))
  const identity = createIdentity({
    database,
    masterKey,
    settings: identitySettings(loaded.config),
    clock: Date.now,
    redis,
    resetObserver: serviceObserver(loaded.config, telemetry, 'reset_budget_job'),
  })
  stack.defer(() => identity.close())
  const alerts = openAlerts(loaded.config, { database, ledger, telemetry })
  stack.defer(() => alerts.close())
  const exports = openExports(loaded.config, environment, telemetry, redactor)
  stack.defer(() => exports.close(EXPORT_CLOSE_TIMEOUT_MS))
  const limits = openLimits(options, redis, telemetry)
  stack.defer(() => limits.close())
  const gateway = wire(
    options,
    { telemetry, redis, prices, ledger, identity, limits, alerts, redactor },
    stack,
  )
  routes = () => gateway.routes
  reportOperations(telemetry, ledger, database)
  reportBodies(telemetry, gateway.bodyRoom)
  reportCache(telemetry, gateway.cache)
  reportScopes(telemetry, identity, limits, scopeGaugeSettings(loaded.config))
  reportPopulation(telemetry, identity)
  if (measuresServices(loaded.config)) {
    reportCalls(telemetry)
    reportQueues(telemetry, ledger)
  }
  const batches: CostServices = {
    gateway,
    database,
    metrics: new BatchMetrics(telemetry),
    clock: Date.now,
    settings: batchSettings(loaded.config),
    keys: identity,
    log: telemetry.log,
  }
  const poller = openCostPoller(batches)
  if (measuresServices(loaded.config)) reportLocks(telemetry, poller)
  stack.defer(() => poller.close())
  const live = new LiveState(
    {
      gateway,
      batches,
      identity,
      prices,
      redactor,
      telemetry,
      database,
      ledger,
      redis,
      limits,
      alerts,
      exports,
      environment,
      masterKey,
    },
    loaded,
  )
  reportDeployments(telemetry, () => live.configuredDeployments())
  const metrics = live.metricsOf(options.shared ?? telemetry)
  const { app, connections } = await createServer(
    {
      gateway,
      batches,
      management: managementRoutes({
        database,
        identity,
        cache: gateway.cache,
        alerts,
        clock: Date.now,
        config: live.config,
      }),
      health: live.healthOf(
        () => departure,
        options.shared ?? {
          backlog: () => connections.requests,
          drain: () => departure.drain(),
        },
      ),
      metrics,
      models: live.models,
      ways: new WayMetrics(telemetry),
      onUnexpected: (error, route) =>
        telemetry.log.error('a request failed unexpectedly', { err: error, route }),
    },
    {
      rootPath: environment['SERVER_ROOT_PATH'] ?? '',
      keepAliveTimeoutMs: options.keepAliveTimeoutMs,
      maxManagementBodyBytes: MAX_MANAGEMENT_BODY_BYTES,
      trustProxy: environment['SLUICE_TRUST_PROXY']?.toLowerCase() === 'true',
      tls: options.tls,
    },
  )
  reportMemory(telemetry, {
    ledger,
    identity,
    limits,
    cache: gateway.cache,
    exports,
    connections,
    bodies: gateway.bodyRoom,
  })
  const graceMs = options.graceMs ?? 0
  const departure: Departure = new Departure(connections, { graceMs, clock: Date.now })
  await redis?.firstTry()
  const { host, port, metricsPort, shared } = options
  if (metricsPort !== undefined) {
    const metricsServer = await startMetricsServer(
      metrics,
      identity,
      shared?.sockets[1] ?? { host, port: metricsPort },
    )
    stack.defer(() => metricsServer.close())
  }
  await app.listen(shared?.sockets[0] ?? { host, port })
  const url = listeningUrl(app.server.address() as AddressInfo, options)
  telemetry.log.info('listening', { url, version: VERSION, database: database.kind })
  // Calls that lose their provider's connection by this are told so, each in its dialect, and settled.
  const cut = (): Promise<void> => gateway.pools.close()
  let ending: Promise<void> | undefined
  const end = (): Promise<void> => (ending ??= app.close().then(() => stack.disposeAsync()))
  return {
    url,
    models: gateway.routes.offered().map((offer) => offer.name),
    example: exampleModel(gateway.routes, loaded.config.model_list),
    database,
    ledger,
    telemetry,
    reconfigure: (changed) => live.reconfigure(changed),
    requestsInFlight: () => connections.requests,
    drain: () => departure.drain(),
    afterRequests: (requests, then) => connections.afterRequests(requests, then),
    retire: async () => {
      // As long as a client may still hold an idle connection open: it closes it, or sends its last request.
      const lingerMs = options.keepAliveTimeoutMs + KEEP_ALIVE_MARGIN_MS
      await connections.close({ noticeMs: 0, lingerMs, graceMs: undefined }, cut)
      await callsWithoutClient(ledger, Infinity, Date.now)
      await end()
    },
    stop: async (forMs, noticeMs = 0) => {
      departure.begin()
      const times = departure.closingTimes(forMs, noticeMs)
      const untilMs = Date.now() + times.graceMs
      await connections.close(times, cut)
      await callsWithoutClient(ledger, untilMs, Date.now)
      await end()
    },
  }
}

interface WiredParts {
  readonly telemetry: Telemetry
  readonly redis: OpenRedis | undefined
  readonly prices: PriceBook
  readonly ledger: OpenLedger
  readonly identity: Identity
  readonly limits: ConfigurableLimits
  readonly alerts: Alerts
  readonly redactor: Redactor
}

function wire(options: GatewayOptions, parts: WiredParts, stack: AsyncDisposableStack): Gateway {
  const pools = new UpstreamPools({ connectTimeoutMs: 10_000, keepAliveTimeoutMs: 55_000 })
  stack.defer(async () => {
    await pools.close()
    // Calls that this ends are reported when their records are written: at the end of the turn.
    await nextTurn()
  })
  const { config } = options.loaded
  const authObserver = serviceObserver(config, parts.telemetry, 'auth')
  return {
    identity: authObserver === undefined ? parts.identity : timedIdentity(parts.identity, authObserver),
    limits: parts.limits,
    cache: new ResponseCache({ redis: parts.redis, clock: Date.now }),
    ledger: parts.ledger,
    observer: parts.telemetry.observer,
    alerts: parts.alerts,
    pools,
    bodyRoom: new BodyRoom(options.mostBodyBytes ?? mostBodyBytes(1)),
    redact: (text) => parts.redactor.redact(text),
    routes: deploymentTable(config, parts.prices, gatewayScopes(config, parts.identity)),
    settings: callSettings(config, VERSION),
    tracing: callTracing(config, options.environment),
  }
}

/** All processes count limits together where there is Redis; without it, the workers of a host do. */
function openLimits(
  { loaded, shared }: GatewayOptions,
  redis: OpenRedis | undefined,
  telemetry: Telemetry,
): ConfigurableLimits {
  return createLimits({
    redis,
    store: shared?.limitStore,
    settings: limitSettings(loaded.config),
    clock: Date.now,
    observer: new LimitMetrics(telemetry, Date.now),
  })
}

/** Undefined where the configuration names no Redis. It connects in the background: the start goes on without it. */
async function openSharedRedis(
  { config }: LoadedConfig,
  telemetry: Telemetry,
): Promise<OpenRedis | undefined> {
  if (config.redis === undefined) return undefined
  const { openRedis } = await import('../redis/open-redis.ts')
  const observer = serviceObserver(config, telemetry, 'redis')
  const redis = openRedis(config.redis, { log: telemetry.log, observer })
  reportRedis(telemetry, redis)
  return redis
}

function openTelemetry(
  options: GatewayOptions,
  redactor: Redactor,
  isKnownModel: (model: string) => boolean,
): Telemetry {
  return createTelemetry({
    settings: metricsSettings(options.loaded.config, isKnownModel),
    level: options.logLevel,
    version: VERSION,
    redactor,
    ...(options.destination === undefined ? {} : { destination: options.destination }),
  })
}

/** The address to call it by: a wildcard address is called by `localhost`. */
function listeningUrl(address: AddressInfo, options: GatewayOptions): string {
  const host = ['0.0.0.0', '::'].includes(address.address) ? 'localhost' : address.address
  return `${options.tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${address.port}`
}
