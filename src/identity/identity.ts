/** The face of identity to the call path and the management API: who is calling, and what they may do. */
import { timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Secret } from '../config/secret.ts'
import type { Picodollars } from '../money/picodollars.ts'
import type { Scope } from '../record/scope.ts'
import type { Database } from '../storage/database.ts'
import type { PrincipalChange } from '../storage/queries/principals.ts'
import { recordSpend } from './budgets.ts'
import { MASTER_PRINCIPAL, unverifiedPrincipal } from './build-principal.ts'
import { ChangeFeed, type ChangeListener } from './change-feed.ts'
import { hashCredential, readCredential } from './credential.ts'
import { CredentialCache, type CacheEntry } from './credential-cache.ts'
import { authorizeModel } from './model-rights.ts'
import type { Principal } from './principal.ts'
import { PrincipalSource } from './principal-source.ts'
import { identityUnavailable, requireValid, unknownKey } from './refusals.ts'
import { authorizeRoute, isPublicRoute } from './route-rights.ts'
import { UnknownKeys } from './unknown-keys.ts'

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
  /** All that a call is counted for. */
  callScopes(
    principal: Principal,
    endUser: string | undefined,
    tags: readonly string[],
    modelGroup: string,
  ): readonly Scope[] | Promise<readonly Scope[]>
  /** Adds a settled cost to each scope, in memory: the ledger writes it down. */
  recordSpend(scopes: readonly Scope[], amount: Picodollars): void
  /** Makes the next call of this key read the database, in this process. The same for a user's and a team's keys. */
  forgetKey(keyHash: string): void
  forgetUser(userId: string): void
  forgetTeam(teamId: string): void
  /** Takes up a reloaded configuration. */
  configure(masterKey: Secret | undefined, settings: IdentitySettings): void
  /**
   * Once: forgets what other processes have changed, and begins budget windows that are due. `createIdentity` does so
   * every second, and every minute where the database is its own.
   * @throws when the database does not answer.
   */
  maintain(): Promise<void>
  /** Ends background work. */
  close(): Promise<void>
}

/** Longer than any key: what is longer is not looked up. */
const LONGEST_CREDENTIAL = 512
/** After a refresh that failed, the next one waits this long. */
const RETRY_REFRESH_MS = 1_000
const MAINTENANCE_MS = 1_000
/** The embedded database serves one process: nobody else changes anything. */
const EMBEDDED_MAINTENANCE_MS = 60_000
const WINDOWS_EVERY_MS = 60_000

/** Builds identity over a migrated database, and begins its background work. */
export function createIdentity(options: IdentityOptions): Identity {
  return new CachedIdentity(options)
}

class CachedIdentity implements Identity, ChangeListener {
  readonly isPublicRoute = isPublicRoute
  readonly authorizeRoute = authorizeRoute
  readonly authorizeModel = authorizeModel
  readonly recordSpend = recordSpend
  readonly #clock: () => number
  readonly #cache: CredentialCache
  readonly #source: PrincipalSource
  readonly #unknown = new UnknownKeys()
  readonly #feed: ChangeFeed
  readonly #maintenanceMs: number
  #settings: IdentitySettings
  #masterDigest: Buffer | undefined
  #windowsSweptAtMs = 0
  #maintenance: NodeJS.Timeout | undefined
  #maintaining: Promise<void> | undefined
  #closed = false

  constructor({ database, masterKey, settings, clock }: IdentityOptions) {
    this.#maintenanceMs = database.kind === 'embedded' ? EMBEDDED_MAINTENANCE_MS : MAINTENANCE_MS
    this.#clock = clock
    this.#settings = settings
    this.#masterDigest = digestOf(masterKey)
    this.#cache = new CredentialCache(settings.maxCachedCredentials)
    this.#source = new PrincipalSource(database, clock)
    this.#feed = new ChangeFeed(database, this)
    this.#scheduleMaintenance()
  }

  authenticate(headers: IncomingHttpHeaders): Principal | Promise<Principal> {
    const credential = readCredential(headers, this.#settings.keyHeaderName)
    const entry = this.#cache.get(credential)
    if (entry === undefined || entry.forgotten) return this.#lookUp(credential)
    const nowMs = this.#clock()
    if (nowMs >= entry.refreshAtMs && !entry.refreshing) void this.#refresh(entry)
    return requireValid(entry.principal, nowMs)
  }

  callScopes(principal: Principal): readonly Scope[] {
    return principal.scopes
  }

  #lookUp(credential: string): Principal | Promise<Principal> {
    if (credential.length > LONGEST_CREDENTIAL) throw unknownKey()
    const keyHash = hashCredential(credential)
    if (this.#isMasterKey(keyHash)) {
      this.#remember(credential, keyHash, MASTER_PRINCIPAL, Infinity)
      return MASTER_PRINCIPAL
    }
    if (!credential.startsWith('sk-') || this.#unknown.has(keyHash, this.#clock())) throw unknownKey()
    return this.#lookUpKey(credential, keyHash)
  }

  /** The digests are compared, in constant time: how much of a guess was right cannot be measured. */
  #isMasterKey(keyHash: string): boolean {
    return (
      this.#masterDigest !== undefined && timingSafeEqual(this.#masterDigest, Buffer.from(keyHash, 'hex'))
    )
  }

  async #lookUpKey(credential: string, keyHash: string): Promise<Principal> {
    const { generation } = this.#source
    let principal: Principal | undefined
    try {
      principal = await this.#source.find(keyHash)
    } catch (cause) {
      if (!this.#settings.allowRequestsOnDatabaseUnavailable) throw identityUnavailable(cause)
      const unverified = unverifiedPrincipal(keyHash)
      this.#remember(credential, keyHash, unverified, this.#clock() + RETRY_REFRESH_MS)
      return unverified
    }
    const nowMs = this.#clock()
    const known = this.#cache.byHash(keyHash)
    // True when something changed meanwhile: the answer is right for this call, and the next one asks again.
    const outdated = generation !== this.#source.generation
    if (principal === undefined) {
      if (known !== undefined) this.#cache.remove(known)
      if (!outdated) this.#unknown.add(keyHash, nowMs)
      throw unknownKey()
    }
    const shared = known === undefined ? principal : withSharedFacts(principal, known.principal)
    this.#remember(credential, keyHash, shared, this.#refreshTime(principal, nowMs)).forgotten = outdated
    return requireValid(shared, nowMs)
  }

  #remember(credential: string, keyHash: string, principal: Principal, refreshAtMs: number): CacheEntry {
    const entry = {
      credential,
      keyHash,
      principal,
      refreshAtMs,
      refreshing: false,
      forgotten: false,
      usedSinceSweep: false,
    }
    this.#cache.put(entry)
    return entry
  }

  /** Runs while calls go on with what is known; when the database does not answer, that stays so. */
  async #refresh(entry: CacheEntry): Promise<void> {
    entry.refreshing = true
    try {
      const { generation } = this.#source
      const principal = await this.#source.find(entry.keyHash)
      if (principal === undefined) {
        this.#cache.remove(entry)
        return
      }
      entry.principal = withSharedFacts(principal, entry.principal)
      entry.refreshAtMs = this.#refreshTime(principal, this.#clock())
      if (generation !== this.#source.generation) entry.forgotten = true
    } catch {
      entry.refreshAtMs = this.#clock() + RETRY_REFRESH_MS
    } finally {
      entry.refreshing = false
    }
  }

  #refreshTime(principal: Principal, nowMs: number): number {
    let refreshAtMs = nowMs + this.#settings.refreshAfterMs
    for (const { resetsAtMs } of principal.scopes) {
      if (resetsAtMs !== undefined && resetsAtMs < refreshAtMs) refreshAtMs = Math.max(resetsAtMs, nowMs)
    }
    return refreshAtMs
  }

  forgetKey(keyHash: string): void {
    this.#source.somethingChanged()
    this.#unknown.delete(keyHash)
    const entry = this.#cache.byHash(keyHash)
    if (entry !== undefined) forgetEntry(entry)
  }

  forgetUser(userId: string): void {
    this.#source.somethingChanged()
    for (const entry of this.#cache.entries()) {
      if (entry.principal.facts.userId === userId) forgetEntry(entry)
    }
  }

  forgetTeam(teamId: string): void {
    this.#source.somethingChanged()
    for (const entry of this.#cache.entries()) {
      if (entry.principal.facts.teamId === teamId) forgetEntry(entry)
    }
  }

  changed({ subject, id }: PrincipalChange): void {
    if (subject === 'key') this.forgetKey(id)
    else if (subject === 'user') this.forgetUser(id)
    else this.forgetTeam(id)
  }

  changesLost(): void {
    this.#source.somethingChanged()
    this.#unknown.clear()
    for (const entry of this.#cache.entries()) forgetEntry(entry)
  }

  configure(masterKey: Secret | undefined, settings: IdentitySettings): void {
    this.#masterDigest = digestOf(masterKey)
    this.#settings = settings
    this.#cache.resize(settings.maxCachedCredentials)
    for (const entry of this.#cache.entries()) {
      if (entry.principal.kind === 'master_key') this.#cache.remove(entry)
    }
  }

  async maintain(): Promise<void> {
    await this.#feed.poll()
    const nowMs = this.#clock()
    if (nowMs - this.#windowsSweptAtMs < WINDOWS_EVERY_MS) return
    this.#windowsSweptAtMs = nowMs
    await this.#source.beginDueWindows()
  }

  #scheduleMaintenance(): void {
    if (this.#closed) return
    this.#maintenance = setTimeout(() => {
      // A database that does not answer is the storage room's to report; the next round asks again.
      this.#maintaining = this.maintain()
        .catch(() => undefined)
        .finally(() => this.#scheduleMaintenance())
    }, this.#maintenanceMs)
    this.#maintenance.unref()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#maintenance)
    await this.#maintaining
  }
}

function digestOf(masterKey: Secret | undefined): Buffer | undefined {
  return masterKey === undefined ? undefined : Buffer.from(hashCredential(masterKey.reveal()), 'hex')
}

function forgetEntry(entry: CacheEntry): void {
  if (entry.principal.kind !== 'master_key') entry.forgotten = true
}

/** Observers keep state by the identity of the facts: it stays the same as long as the facts do. */
function withSharedFacts(fresh: Principal, known: Principal): Principal {
  const { facts } = known
  const same =
    fresh.facts.keyAlias === facts.keyAlias &&
    fresh.facts.userId === facts.userId &&
    fresh.facts.userEmail === facts.userEmail &&
    fresh.facts.teamId === facts.teamId &&
    fresh.facts.teamAlias === facts.teamAlias &&
    fresh.facts.organizationId === facts.organizationId
  return same ? { ...fresh, facts } : fresh
}
