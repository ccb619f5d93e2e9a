/** The face of identity to the call path and the management API: who is calling, and what they may do. */
import type { IncomingHttpHeaders } from 'node:http'
import type { Secret } from '../config/secret.ts'
import type { Picodollars } from '../money/picodollars.ts'
import type { Scope } from '../record/scope.ts'
import type { Redis } from '../redis/redis.ts'
import type { Database } from '../storage/database.ts'
import type { PrincipalChange } from '../storage/queries/principals.ts'
import type { Population } from '../storage/queries/principals-survey.ts'
import type { ServiceObserver } from '../telemetry/service-observer.ts'
import { CachedIdentity } from './cached-identity.ts'
import { UTC_CALENDAR, type Calendar } from './calendar.ts'
import type { CallScopeSettings } from './call-scopes.ts'
import type { ConfiguredLimits } from './configured-scopes.ts'
import { NO_KEY_DEFAULTS, type KeyDefaults } from './key-defaults.ts'
import type { Principal } from './principal.ts'

/** What the configuration says about identity. Plain data, so that a reload can swap it. */
export interface IdentitySettings extends CallScopeSettings {
  /** `general_settings.litellm_key_header_name`: when set, the key is read from this header and no other. */
  readonly keyHeaderName: string | undefined
  /** `general_settings.user_api_key_cache_ttl`, in milliseconds: a principal older than this is read anew. */
  readonly refreshAfterMs: number
  /** How many credentials are kept in memory. */
  readonly maxCachedCredentials: number
  /** `general_settings.allow_requests_on_db_unavailable`: an unknown key may call models while no database answers. */
  readonly allowRequestsOnDatabaseUnavailable: boolean
  readonly keyDefaults: KeyDefaults
  /** What budget windows are aligned to. */
  readonly calendar: Calendar
  /** Metrics show the budgets of all that have one, before their first call. */
  readonly showsAllBudgets: boolean
}

export const DEFAULT_IDENTITY_SETTINGS: IdentitySettings = {
  keyHeaderName: undefined,
  refreshAfterMs: 60_000,
  maxCachedCredentials: 10_000,
  allowRequestsOnDatabaseUnavailable: false,
  keyDefaults: NO_KEY_DEFAULTS,
  calendar: UTC_CALENDAR,
  showsAllBudgets: false,
  endUserDefaults: { maxBudget: undefined, budgetId: undefined },
  tagBudgets: new Map(),
}

export interface IdentityOptions {
  readonly database: Database
  readonly masterKey: Secret | undefined
  readonly settings: IdentitySettings
  /** Epoch milliseconds. */
  readonly clock: () => number
  /** Wakes the other processes at a change, and is woken by theirs. */
  readonly redis?: Redis | undefined
  /** Told how long it takes to begin budget windows. */
  readonly resetObserver?: ServiceObserver | undefined
  /** How often changes are looked for when nobody wakes it. */
  readonly pollIntervalMs?: number
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
   * @throws GatewayError `key_model_access_denied`, `team_model_access_denied`, `user_model_access_denied`,
   *   `org_model_access_denied`.
   */
  authorizeModel(
    principal: Principal,
    requestedModel: string,
    resolvedGroup: string,
    accessGroups: readonly string[],
  ): void
  /**
   * All that a call is counted for, limited or not. Without a promise, and the principal's own list, when neither the
   * model nor the end user nor a tag has limits of its own.
   *
   * @param modelGroup the group that serves the call, after all aliases.
   * @throws GatewayError (thrown, or as rejection) `customer_blocked`; `identity_unavailable` when limits of the end
   *   user or of a tag are not known here and the database does not answer.
   */
  callScopes(
    principal: Principal,
    endUser: string | undefined,
    tags: readonly string[],
    modelGroup: string,
  ): readonly Scope[] | Promise<readonly Scope[]>
  /**
   * The principal of a key by its hash, whatever its state: for work that is done for it later.
   * @returns undefined when there is no such key. @throws when the database does not answer.
   */
  principalOf(keyHash: string): Promise<Principal | undefined>
  /**
   * The scopes that a configuration limits, instead of those of the one before: kept up to the clock, and to what is
   * spent of them. In the order of the limits.
   */
  configuredScopes(limits: readonly ConfiguredLimits[]): readonly Scope[]
  /** Adds a settled cost to each scope, in memory: the ledger writes it down. */
  recordSpend(scopes: readonly Scope[], amount: Picodollars): void
  /** The scopes in memory, brought up to the clock. While metrics ask, they follow what other processes do. */
  scopes(): Iterable<Scope>
  /** How many users, teams and members there are, where `showsAllBudgets`; undefined until they were counted. */
  readonly population: Population | undefined
  /** Memory of the callers that are known, by their number. */
  readonly heldBytes: number
  /** Makes the next call that something has changed for read the database, in this process. */
  changed(change: PrincipalChange): void
  /** Wakes the other processes, in the background, after changes are in the database. */
  tellOthers(): void
  /** Takes up a reloaded configuration. */
  configure(masterKey: Secret | undefined, settings: IdentitySettings): void
  /**
   * Once: forgets what other processes have changed, begins budget windows that are due, and reads what the scopes in
   * use have spent. `createIdentity` does so every second, and every minute where the database is its own.
   * @throws when the database does not answer.
   */
  maintain(): Promise<void>
  /** Begins the budget windows that are due, in the database too. @throws when the database does not answer. */
  beginDueWindows(): Promise<void>
  /** Ends background work. */
  close(): Promise<void>
}

/** Builds identity over a migrated database, and begins its background work. */
export function createIdentity(options: IdentityOptions): Identity {
  return new CachedIdentity(options)
}
