/** The face of identity to the call path and the management API: who is calling, and what they may do. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Secret } from '../config/secret.ts'
import type { Picodollars } from '../money/picodollars.ts'
import type { Database } from '../storage/database.ts'
import type { Principal } from './principal.ts'

/** What the configuration says about identity. Plain data, so that a reload can swap it. */
export interface IdentitySettings {
  /** `general_settings.litellm_key_header_name`: when set, the key is read from this header and no other. */
  readonly keyHeaderName: string | undefined
  /** `general_settings.user_api_key_cache_ttl`, in milliseconds: a principal older than this is read anew. */
  readonly refreshAfterMs: number
  /** How many credentials are kept in memory. */
  readonly maxCachedCredentials: number
  /** `general_settings.allow_requests_on_db_unavailable`: an unknown key may call models while no database answers. */
  readonly allowRequestsOnDatabaseUnavailable: boolean
}

export const DEFAULT_IDENTITY_SETTINGS: IdentitySettings = {
  keyHeaderName: undefined,
  refreshAfterMs: 60_000,
  maxCachedCredentials: 10_000,
  allowRequestsOnDatabaseUnavailable: false,
}

export interface IdentityOptions {
  readonly database: Database
  readonly masterKey: Secret | undefined
  readonly settings: IdentitySettings
  /** Epoch milliseconds. */
  readonly clock: () => number
}

export interface Identity {
  /**
   * Finds the caller. A known credential is answered at once, without a promise; another waits for one database query.
   *
   * @throws GatewayError (thrown, or as rejection) `key_missing`, `key_malformed`, `key_unknown`, `key_expired`,
   *   `key_blocked`, `identity_unavailable`.
   */
  authenticate(headers: IncomingHttpHeaders): Principal | Promise<Principal>
  /** True for the routes that need no key. `path` is the registered route or the path of a request. */
  isPublicRoute(method: string, path: string): boolean
  /** @throws GatewayError `route_forbidden` unless the route table, the role and the key's `allowed_routes` allow it. */
  authorizeRoute(principal: Principal, method: string, path: string): void
  /**
   * @param requestedModel The name as the client sent it.
   * @param resolvedGroup The model group that it stands for, after all aliases.
   * @param accessGroups `model_info.access_groups` of that group's deployments.
   * @throws GatewayError `key_model_access_denied`, `team_model_access_denied`, `user_model_access_denied`.
   */
  authorizeModel(
    principal: Principal,
    requestedModel: string,
    resolvedGroup: string,
    accessGroups: readonly string[],
  ): void
  /** @throws GatewayError `budget_exceeded` when a scope of the caller has spent its budget. */
  checkBudgets(principal: Principal): void
  /** Adds a settled cost to every scope of the caller, in memory: the ledger writes it down. */
  recordSpend(principal: Principal, amount: Picodollars): void
  /** Makes the next call of this key read the database, in this process. The same for a user's and a team's keys. */
  forgetKey(keyHash: string): void
  forgetUser(userId: string): void
  forgetTeam(teamId: string): void
  /** Takes up a reloaded configuration. */
  configure(masterKey: Secret | undefined, settings: IdentitySettings): void
  /** Ends background work. */
  close(): Promise<void>
}

/** Builds identity over a migrated database. */
export function createIdentity(options: IdentityOptions): Identity {
  throw new Error(`identity is not built yet (${options.database.kind})`)
}
