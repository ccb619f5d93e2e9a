/** What the call path works with. `routes` and `settings` are replaced as a whole by a config reload; a call reads them once. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Picodollars } from '../money/picodollars.ts'
import type { Alerts } from '../alerts/alerts.ts'
import type { ResponseCache } from '../cache/response-cache.ts'
import type { UpstreamPools } from '../upstream/upstream-pools.ts'
import type { Principal } from '../identity/principal.ts'
import type { Limits } from '../limits/limits.ts'
import type { Scope } from '../record/scope.ts'
import type { DeploymentTable } from '../routing/deployment-table.ts'
import type { Ledger } from '../spend/ledger.ts'
import type { CallObserver } from '../telemetry/call-observer.ts'
import type { CallTracing } from '../telemetry/traces/call-tracing.ts'
import type { BodyRoom } from './body-room.ts'

/** The part of identity that a call needs. All but `authenticate` are synchronous, and it is too for a known key. */
export interface CallIdentity {
  /** @throws GatewayError `key_…` or `identity_unavailable`. */
  authenticate(headers: IncomingHttpHeaders): Principal | Promise<Principal>
  /** @throws GatewayError `route_forbidden`. */
  authorizeRoute(principal: Principal, method: string, path: string): void
  /** @throws GatewayError `…_model_access_denied`. */
  authorizeModel(
    principal: Principal,
    requestedModel: string,
    modelGroup: string,
    accessGroups: readonly string[],
  ): void
  /**
   * All that a call is counted for. Without a promise when it is known.
   * @throws GatewayError when its end user is blocked.
   */
  callScopes(
    principal: Principal,
    endUser: string | undefined,
    tags: readonly string[],
    modelGroup: string,
  ): readonly Scope[] | Promise<readonly Scope[]>
  /** Adds a settled cost to each scope, in memory: the ledger writes it down. */
  recordSpend(scopes: readonly Scope[], amount: Picodollars): void
}

export interface CallSettings {
  readonly version: string
  readonly maxBodyBytes: number
  /** Longest silence while a client sends its body. */
  readonly bodyIdleTimeoutMs: number
  /** Longest time for a client to send its whole body. */
  readonly bodyTimeoutMs: number
  /** Largest whole (not streamed) answer that is held in memory. */
  readonly maxAnswerBytes: number
  /** Tries after the first one, before any content has gone to the client. */
  readonly retries: number
  /** Least time between two tries. */
  readonly retryAfterMs: number
  /** Longest silence of a provider within an answer. */
  readonly idleTimeoutMs: number
  /** True: a client that leaves cancels the provider's work; false: it is read to its end and billed exactly. */
  readonly cancelOnDisconnect: boolean
  /** Silence in a stream after which its client gets a comment; undefined for none. */
  readonly keepAliveMs: number | undefined
  /** Clients get the usage of a stream whether they ask for it or not. */
  readonly alwaysIncludeStreamUsage: boolean
  readonly storePrompts: boolean
  readonly refuseUnpriced: boolean
  /** Model name → model group, for all callers (`litellm_settings.model_alias_map`). */
  readonly modelAliases: ReadonlyMap<string, string>
}

export interface Gateway {
  readonly identity: CallIdentity
  readonly limits: Limits
  readonly cache: ResponseCache
  readonly ledger: Ledger
  readonly observer: CallObserver
  readonly alerts: Pick<Alerts, 'spent'>
  readonly pools: UpstreamPools
  readonly bodyRoom: BodyRoom
  /** Takes secrets out of a text that goes into a log or an error row. */
  readonly redact: (text: string) => string
  routes: DeploymentTable
  settings: CallSettings
  /** Undefined when tracing is off. */
  tracing: CallTracing | undefined
}
