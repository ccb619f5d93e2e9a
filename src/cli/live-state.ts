/** What changes while a gateway runs: the configuration in force. */
import type { Alerts } from '../alerts/alerts.ts'
import type { BatchServices } from '../batches/batch-services.ts'
import type { Gateway } from '../calls/gateway.ts'
import type { Config } from '../config/config.ts'
import type { Environment } from '../config/environment.ts'
import type { LoadedConfig } from '../config/load-config.ts'
import type { LitellmSettings } from '../config/schema/litellm-settings.ts'
import type { Secret } from '../config/secret.ts'
import type { Identity } from '../identity/identity.ts'
import type { DeploymentConfig } from '../config/build-deployments.ts'
import type { HealthSource } from '../server/health-routes.ts'
import type { MetricsSource } from '../server/metrics-routes.ts'
import type { ModelSource } from '../server/model-routes.ts'
import type { ConfigurableLimits } from '../limits/create-limits.ts'
import { modelFacts } from '../spend/prices/model-facts.ts'
import type { OpenLedger } from '../spend/open-ledger.ts'
import { readPriceOverrides } from '../spend/prices/price-overrides.ts'
import type { PriceBook } from '../spend/prices/price-book.ts'
import type { OpenRedis } from '../redis/open-redis.ts'
import type { Database } from '../storage/database.ts'
import type { Telemetry } from '../telemetry/index.ts'
import type { CallExports } from '../telemetry/export/call-exports.ts'
import type { Redactor } from '../telemetry/redaction.ts'
import { alertSettings } from './alert-settings.ts'
import { batchSettings } from './batch-settings.ts'
import { callExporters } from './call-exporters.ts'
import { callTracing, silentTraceCallbacks } from './call-tracing.ts'
import { cacheSettings } from './cache-settings.ts'
import {
  callSettings,
  deploymentTable,
  identitySettings,
  ledgerSettings,
  pricedModel,
} from './call-settings.ts'
import { collectSecrets } from './collect-secrets.ts'
import type { Departure } from './departure.ts'
import { gatewayScopes, limitSettings } from './gateway-limits.ts'
import { settingsThatNeedRestart } from './needs-restart.ts'
import type { ConfiguredDeployment } from './report-scopes.ts'
import { VERSION } from './version.ts'

/** Time that calls get which wait for where the configuration no longer sends them. */
const EXPORT_FAREWELL_MS = 30_000

export interface LiveParts {
  readonly gateway: Gateway
  readonly batches: BatchServices
  readonly identity: Identity
  readonly prices: PriceBook
  readonly redactor: Redactor
  readonly telemetry: Telemetry
  readonly database: Database
  readonly ledger: OpenLedger
  readonly redis: OpenRedis | undefined
  readonly limits: ConfigurableLimits
  readonly alerts: Alerts
  readonly exports: CallExports
  readonly environment: Environment
  readonly masterKey: Secret
}

export class LiveState {
  readonly #parts: LiveParts
  /** What the process was started with. */
  readonly #atStart: Config
  #loaded: LoadedConfig
  #entries: ReadonlyMap<string, DeploymentConfig>

  constructor(parts: LiveParts, loaded: LoadedConfig) {
    this.#parts = parts
    this.#atStart = loaded.config
    this.#loaded = loaded
    this.#entries = entriesById(loaded)
    parts.telemetry.sampleLog(loaded.config.litellm_settings.request_log_sample_ratio)
    this.#configureCache()
    this.#reportFaults()
  }

  /** Calls under way keep the table and the settings that they began with. */
  reconfigure(loaded: LoadedConfig): void {
    const {
      gateway,
      batches,
      identity,
      limits,
      prices,
      redactor,
      telemetry,
      ledger,
      alerts,
      exports,
      environment,
      masterKey,
    } = this.#parts
    redactor.register(collectSecrets(loaded.config))
    const routes = deploymentTable(loaded.config, prices, gatewayScopes(loaded.config, identity))
    limits.configure(limitSettings(loaded.config))
    gateway.settings = callSettings(loaded.config, VERSION)
    gateway.routes = routes
    batches.settings = batchSettings(loaded.config)
    gateway.tracing = callTracing(loaded.config, environment)
    telemetry.sampleLog(loaded.config.litellm_settings.request_log_sample_ratio)
    identity.configure(
      loaded.config.general_settings.master_key ?? masterKey,
      identitySettings(loaded.config),
    )
    ledger.configure(ledgerSettings(loaded.config, (text) => redactor.redact(text)))
    alerts.configure(alertSettings(loaded.config))
    exports.configure(callExporters(loaded.config, environment, redactor), EXPORT_FAREWELL_MS)
    for (const setting of settingsThatNeedRestart(this.#atStart, loaded.config)) {
      telemetry.log.warn(
        `${setting} changed since the start, and is not taken up: restart to use the new value`,
      )
    }
    this.#loaded = loaded
    this.#entries = entriesById(loaded)
    this.#configureCache()
    telemetry.log.info('the changed configuration is in force', { models: routes.offered().length })
    this.#reportFaults()
  }

  /** The configuration in force, for those who read it at each request. */
  get config(): { readonly litellm_settings: LitellmSettings } {
    const loaded = (): LoadedConfig => this.#loaded
    return {
      get litellm_settings() {
        return loaded().config.litellm_settings
      },
    }
  }

  /**
   * @param departure asked when a request comes: it is made after the server.
   * @param host this process, with those that share its listener.
   */
  healthOf(departure: () => Departure, host: Pick<HealthSource, 'backlog' | 'drain'>): HealthSource {
    const loaded = (): LoadedConfig => this.#loaded
    const { gateway, database, redis } = this.#parts
    return {
      get accepting() {
        return departure().accepting
      },
      get database() {
        return database.reachable ? 'connected' : 'unreachable'
      },
      get cache() {
        return cacheSettings(loaded().config)?.kind
      },
      get redis() {
        return redis && (redis.available ? 'connected' : 'unreachable')
      },
      get servesWithoutDatabase() {
        return loaded().config.general_settings.allow_requests_on_db_unavailable
      },
      version: VERSION,
      get offersDrain() {
        return loaded().config.general_settings.enable_drain_endpoint
      },
      get drainToken() {
        return loaded().config.general_settings.drain_endpoint_token
      },
      readinessAsked: () => departure().readinessAsked(),
      backlog: () => host.backlog(),
      drain: () => host.drain(),
      deployments: () =>
        gateway.routes
          .groups()
          .flatMap((group) => group.deployments)
          .map(({ facts, family }) => ({
            model: facts.litellmModel,
            model_group: facts.modelGroup,
            api_base: facts.apiBase,
            model_id: facts.modelId,
            family,
            mode: this.#entries.get(facts.modelId)?.model_info.mode,
          })),
      offered: () => gateway.routes.offered(),
    }
  }

  /** @param renderer writes the page: of this process, or of all workers. */
  metricsOf(renderer: Pick<Telemetry, 'renderMetrics'>): MetricsSource {
    const loaded = (): LoadedConfig => this.#loaded
    return {
      get requiresKey() {
        return loaded().config.litellm_settings.require_auth_for_metrics_endpoint
      },
      render: (accept) => renderer.renderMetrics(accept),
    }
  }

  /** The deployments that serve, each with its entry in the configuration. */
  configuredDeployments(): readonly ConfiguredDeployment[] {
    return this.#parts.gateway.routes
      .groups()
      .flatMap((group) => group.deployments)
      .map(({ facts }) => ({ facts, entry: this.#entries.get(facts.modelId) }))
  }

  get models(): ModelSource {
    const { gateway, prices } = this.#parts
    return {
      get table() {
        return gateway.routes
      },
      factsOf: ({ facts }) => {
        const entry = this.#entries.get(facts.modelId)
        if (entry === undefined) return {}
        const question = { provider: facts.provider, upstreamModel: facts.upstreamModel, entry }
        return { ...modelFacts(prices, pricedModel(question)), ...shownInfo(entry) }
      },
      quotaOf: ({ facts }) => {
        const { rpm, tpm } = this.#entries.get(facts.modelId)?.litellm_params ?? {}
        return { rpm, tpm }
      },
    }
  }

  #configureCache(): void {
    const { gateway, telemetry } = this.#parts
    if (gateway.cache.configure(cacheSettings(this.#loaded.config))) return
    telemetry.log.warn(
      'litellm_settings.cache asks for Redis, and this process was started without one: answers are not cached. ' +
        'Restart it, or set cache_params.type to local.',
    )
  }

  /** Entries that cannot serve, and models without a price, are told once a configuration. */
  #reportFaults(): void {
    const { gateway, telemetry, environment } = this.#parts
    for (const name of silentTraceCallbacks(this.#loaded.config, environment)) {
      telemetry.log.warn(
        `the callback ${name} exports nothing: its environment names no receiver with an http or https address, or a ` +
          'protocol other than grpc, http/protobuf and http/json',
      )
    }
    for (const fault of gateway.routes.faults) {
      telemetry.log.error(`model ${fault.modelName} is not served: ${fault.message}`)
    }
    for (const entry of this.#entries.values()) {
      const { errors, warnings } = readPriceOverrides({ ...entry.prices, mode: entry.model_info.mode }, {})
      for (const text of [...errors, ...warnings]) telemetry.log.warn(`model ${entry.model_name}: ${text}`)
    }
    for (const group of gateway.routes.groups()) {
      if (group.deployments.every((deployment) => deployment.price !== undefined)) continue
      telemetry.log.warn(
        `model ${group.name} has no known price: its calls cost nothing in the books. Set input_cost_per_token and ` +
          'output_cost_per_token in its model_info.',
      )
    }
  }
}

function entriesById(loaded: LoadedConfig): ReadonlyMap<string, DeploymentConfig> {
  return new Map(loaded.config.model_list.map((entry) => [entry.model_info.id, entry]))
}

/** What the entry's own `model_info` says, over what the price book knows. Secrets in it print as a mask. */
function shownInfo(entry: DeploymentConfig): Record<string, unknown> {
  const { rest, ...known } = entry.model_info
  const stated = Object.entries(known).filter(([, value]) => value !== undefined)
  return { ...rest, ...Object.fromEntries(stated) }
}
