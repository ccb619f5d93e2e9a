/** Identity as it runs: callers that are known are answered from memory, and all that is known is kept fresh. */
import { timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import type { Secret } from '../config/secret.ts'
import type { Picodollars } from '../money/picodollars.ts'
import type { Scope } from '../record/scope.ts'
import type { PrincipalChange } from '../storage/queries/principals.ts'
import type { Population } from '../storage/queries/principals-survey.ts'
import { observed } from '../telemetry/observed.ts'
import type { ServiceObserver } from '../telemetry/service-observer.ts'
import { BudgetSurvey } from './budget-survey.ts'
import { MASTER_PRINCIPAL, unverifiedPrincipal } from './build-principal.ts'
import { CallScopes } from './call-scopes.ts'
import { ChangeFeed, type ChangeListener } from './change-feed.ts'
import { ConfiguredScopes, type ConfiguredLimits } from './configured-scopes.ts'
import { openChangeNotifier, type ChangeNotifier } from './change-notifier.ts'
import { hashCredential, readCredential } from './credential.ts'
import { CredentialCache, type CacheEntry } from './credential-cache.ts'
import type { Identity, IdentityOptions, IdentitySettings } from './identity.ts'
import { authorizeModel } from './model-rights.ts'
import type { Principal } from './principal.ts'
import { PrincipalSource, type Found } from './principal-source.ts'
import { identityUnavailable, requireValid, unknownKey } from './refusals.ts'
import { authorizeRoute, isPublicRoute } from './route-rights.ts'
import { ScopeBook } from './scope-book.ts'
import { UnknownKeys } from './unknown-keys.ts'

/** Longer than any key: what is longer is not looked up. */
const LONGEST_CREDENTIAL = 512
/** Calls wait for what is asked here: a statement without an answer is given up long before those of the ledger. */
const ANSWER_MS = 5_000
/** After a refresh that failed, the next one waits this long. */
const RETRY_REFRESH_MS = 1_000
/** A change is in force within a second, the query included. */
const MAINTENANCE_MS = 800
/** From one look at the changes to the next, at least: a process may be woken all the time, and reads them all again. */
const LOOK_PAUSE_MS = 100
/** The embedded database serves one process: nobody else changes anything. */
const EMBEDDED_MAINTENANCE_MS = 60_000
/** How often it is read what other processes have spent. */
const SPENDS_EVERY_MS = 2_000

export class CachedIdentity implements Identity, ChangeListener {
  readonly isPublicRoute = isPublicRoute
  readonly authorizeRoute = authorizeRoute
  readonly authorizeModel = authorizeModel
  readonly #clock: () => number
  readonly #cache: CredentialCache
  readonly #book: ScopeBook
  readonly #source: PrincipalSource
  readonly #callScopes: CallScopes
  readonly #configured: ConfiguredScopes
  readonly #unknown = new UnknownKeys()
  readonly #feed: ChangeFeed
  readonly #notifier: ChangeNotifier
  readonly #survey: BudgetSurvey
  readonly #resetObserver: ServiceObserver | undefined
  readonly #maintenanceMs: number
  #settings: IdentitySettings
  #masterDigest: Buffer | undefined
  /** Other processes spend from the same scopes. */
  readonly #shared: boolean
  #spendsReadAtMs = 0
  #maintenance: NodeJS.Timeout | undefined
  /** Woken while a round was under way: what it reads may be older than the change. */
  #wokenAgain = false
  #maintaining: Promise<void> | undefined
  #following: Promise<void> | undefined
  /** By `performance.now()`. */
  #lookedAtMs = -Infinity
  #followedAtMs = -Infinity
  #closed = false

  constructor(options: IdentityOptions) {
    const { database: given, masterKey, settings, clock, redis, pollIntervalMs } = options
    this.#resetObserver = options.resetObserver
    const database = given.within?.(ANSWER_MS) ?? given
    this.#shared = database.kind !== 'embedded'
    this.#maintenanceMs = pollIntervalMs ?? (this.#shared ? MAINTENANCE_MS : EMBEDDED_MAINTENANCE_MS)
    this.#clock = clock
    this.#settings = settings
    this.#masterDigest = digestOf(masterKey)
    this.#cache = new CredentialCache(settings.maxCachedCredentials)
    this.#book = new ScopeBook(database, clock)
    this.#configureBook(settings)
    this.#source = new PrincipalSource(database, this.#book)
    this.#callScopes = new CallScopes(database, this.#book, settings)
    void this.#callScopes.load()
    this.#configured = new ConfiguredScopes(this.#book)
    this.#survey = new BudgetSurvey({ database: given, book: this.#book, clock, shared: this.#shared })
    this.#survey.configure(settings.showsAllBudgets)
    this.#feed = new ChangeFeed(database, this)
    this.#scheduleMaintenance(this.#maintenanceMs)
    this.#notifier = openChangeNotifier(database, redis, () => this.#wake())
  }

  authenticate(headers: IncomingHttpHeaders): Principal | Promise<Principal> {
    const credential = readCredential(headers, this.#settings.keyHeaderName)
    const entry = this.#cache.get(credential)
    if (entry === undefined || entry.forgotten) return this.#lookUp(credential)
    const nowMs = this.#clock()
    if (nowMs >= entry.refreshAtMs && !entry.refreshing)
      void this.#refresh(entry, this.#source.findSoon(entry.keyHash))
    return requireValid(entry.principal, nowMs)
  }

  callScopes(
    principal: Principal,
    endUser: string | undefined,
    tags: readonly string[],
    modelGroup: string,
  ): readonly Scope[] | Promise<readonly Scope[]> {
    return this.#callScopes.of(principal, endUser, tags, modelGroup)
  }

  async principalOf(keyHash: string): Promise<Principal | undefined> {
    if (keyHash === MASTER_PRINCIPAL.facts.keyHash) return MASTER_PRINCIPAL
    return (await this.#source.find(keyHash)).principal
  }

  configuredScopes(limits: readonly ConfiguredLimits[]): readonly Scope[] {
    return this.#configured.replace(limits)
  }

  recordSpend(scopes: readonly Scope[], amount: Picodollars): void {
    this.#book.recordSpend(scopes, amount)
  }

  scopes(): Iterable<Scope> {
    return this.#survey.scopes()
  }

  get heldBytes(): number {
    return this.#cache.heldBytes
  }

  get population(): Population | undefined {
    return this.#survey.population
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
    let found: Found
    try {
      found = await this.#source.find(keyHash)
    } catch (cause) {
      const known = this.#cache.byHash(keyHash)
      // A change that was heard of and not read may be a block.
      if (!this.#settings.allowRequestsOnDatabaseUnavailable || known?.changed === true)
        throw identityUnavailable(cause)
      const assumed = known?.principal ?? unverifiedPrincipal(keyHash)
      const nowMs = this.#clock()
      this.#remember(credential, keyHash, assumed, nowMs + RETRY_REFRESH_MS)
      return requireValid(assumed, nowMs)
    }
    const nowMs = this.#clock()
    const known = this.#cache.byHash(keyHash)
    const { principal } = found
    // The answer is right for this call, and the next one asks again.
    const outdated = this.#source.isOutdated(found)
    if (principal === undefined) {
      if (known !== undefined) this.#cache.remove(known)
      if (!outdated) this.#unknown.add(keyHash, nowMs)
      throw unknownKey()
    }
    const shared = known === undefined ? principal : withSharedFacts(principal, known.principal)
    this.#remember(credential, keyHash, shared, nowMs + this.#settings.refreshAfterMs).forgotten = outdated
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
      changed: false,
      usedSinceSweep: false,
    }
    this.#cache.put(entry)
    return entry
  }

  /** Runs while calls go on with what is known; when the database does not answer, that stays so. */
  async #refresh(entry: CacheEntry, finding: Promise<Found>): Promise<void> {
    entry.refreshing = true
    try {
      const found = await finding
      const { principal } = found
      if (principal === undefined) {
        this.#cache.remove(entry)
        return
      }
      entry.principal = withSharedFacts(principal, entry.principal)
      entry.refreshAtMs = this.#clock() + this.#settings.refreshAfterMs
      const outdated = this.#source.isOutdated(found)
      entry.forgotten = outdated
      entry.changed &&= outdated
    } catch {
      entry.refreshAtMs = this.#clock() + RETRY_REFRESH_MS
    } finally {
      entry.refreshing = false
    }
  }

  changed(change: PrincipalChange): void {
    const { subject, id } = change
    this.#source.changed(change)
    this.#survey.changed()
    this.#callScopes.changed(change)
    switch (subject) {
      case 'key':
        return this.#forgetKey(id)
      case 'user':
        return this.#forgetWhere('userId', id)
      case 'team':
        return this.#forgetWhere('teamId', id)
      case 'organization':
        return this.#forgetWhere('organizationId', id)
      case 'budget':
        // Which keys it limits, the database knows: a change of it is rare enough to read all of them anew.
        return this.#forgetAll()
      case 'all':
        return this.changesLost()
      case 'customer':
      case 'tag':
        return
    }
  }

  changesLost(): void {
    this.#source.changed({ subject: 'all', id: '' })
    this.#survey.changed()
    this.#callScopes.changesLost()
    this.#unknown.clear()
    this.#forgetAll()
  }

  #forgetKey(keyHash: string): void {
    this.#unknown.delete(keyHash)
    const entry = this.#cache.byHash(keyHash)
    if (entry === undefined || entry.principal.kind === 'master_key') return
    forgetEntry(entry, true)
    // Read at once, and not only at its next use: by then the database may be away.
    if (!entry.refreshing) void this.#refresh(entry, this.#source.find(keyHash))
  }

  #forgetWhere(fact: 'userId' | 'teamId' | 'organizationId', id: string): void {
    for (const entry of this.#cache.entries()) {
      if (entry.principal.facts[fact] === id) forgetEntry(entry, true)
    }
  }

  #forgetAll(): void {
    for (const entry of this.#cache.entries()) forgetEntry(entry, false)
  }

  configure(masterKey: Secret | undefined, settings: IdentitySettings): void {
    this.#masterDigest = digestOf(masterKey)
    this.#settings = settings
    this.#configureBook(settings)
    this.#callScopes.configure(settings)
    this.#survey.configure(settings.showsAllBudgets)
    void this.#callScopes.load()
    this.#cache.resize(settings.maxCachedCredentials)
    for (const entry of this.#cache.entries()) {
      if (entry.principal.kind === 'master_key') this.#cache.remove(entry)
    }
  }

  #configureBook({ calendar, keyDefaults }: IdentitySettings): void {
    // What is in memory has the limits of before.
    if (!isDeepStrictEqual(keyDefaults, this.#book.keyDefaults)) this.#forgetAll()
    this.#book.keyDefaults = keyDefaults
    this.#book.calendar = calendar
  }

  async maintain(): Promise<void> {
    try {
      await this.#takeUpChanges()
    } finally {
      // Tried while the database is away too: that budgets do not begin anew is what its metric is watched for.
      await this.#followBudgets()
    }
  }

  async #takeUpChanges(): Promise<void> {
    await this.#feed.poll()
    await this.#callScopes.load()
  }

  async #followBudgets(): Promise<void> {
    await this.beginDueWindows()
    await this.#book.readUnread()
    const nowMs = this.#clock()
    if (!this.#shared || nowMs - this.#spendsReadAtMs < SPENDS_EVERY_MS) return
    this.#spendsReadAtMs = nowMs
    await this.#book.readInUse()
  }

  async beginDueWindows(): Promise<void> {
    await observed(this.#resetObserver, 'begin_due_windows', () => this.#book.beginDueWindows())
  }

  tellOthers(): void {
    this.#notifier.announce()
  }

  #wake(): void {
    if (this.#maintenance === undefined) {
      this.#wokenAgain = true
      return
    }
    clearTimeout(this.#maintenance)
    this.#scheduleMaintenance(this.#untilNextLookMs())
  }

  #untilNextLookMs(): number {
    return Math.max(0, this.#lookedAtMs + LOOK_PAUSE_MS - performance.now())
  }

  #scheduleMaintenance(delayMs: number): void {
    if (this.#closed) return
    this.#maintenance = setTimeout(() => {
      this.#maintenance = undefined
      this.#lookedAtMs = performance.now()
      this.#wokenAgain = false
      // A database that does not answer is the storage room's to report; the next round asks again.
      this.#maintaining = this.#takeUpChanges()
        .catch(() => undefined)
        .finally(() => this.#scheduleMaintenance(this.#pauseMs()))
      this.#followBudgetsSoon()
    }, delayMs)
    this.#maintenance.unref()
  }

  /** Beside the looks at the changes: where thousands of windows end at midnight, a key that is blocked does not wait. */
  #followBudgetsSoon(): void {
    const sinceMs = performance.now() - this.#followedAtMs
    if (this.#following !== undefined || sinceMs < this.#maintenanceMs / 2) return
    this.#followedAtMs = performance.now()
    this.#following = this.#followBudgets()
      .catch(() => undefined)
      .finally(() => (this.#following = undefined))
  }

  /** A change is in force within a second, also while nobody can be woken. */
  #pauseMs(): number {
    if (this.#wokenAgain) return this.#untilNextLookMs()
    return this.#shared && !this.#notifier.reaches ? this.#maintenanceMs / 2 : this.#maintenanceMs
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#maintenance)
    this.#configured.close()
    this.#book.close()
    this.#source.close()
    await this.#survey.close()
    await this.#notifier.close()
    await this.#maintaining
    await this.#following
  }
}

function digestOf(masterKey: Secret | undefined): Buffer | undefined {
  return masterKey === undefined ? undefined : Buffer.from(hashCredential(masterKey.reveal()), 'hex')
}

/** @param changed whether something about the key itself has changed, rather than perhaps what limits it. */
function forgetEntry(entry: CacheEntry, changed: boolean): void {
  if (entry.principal.kind === 'master_key') return
  entry.forgotten = true
  entry.changed ||= changed
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
    fresh.facts.organizationId === facts.organizationId &&
    isDeepStrictEqual(fresh.facts.metadata, facts.metadata)
  return same ? { ...fresh, facts } : fresh
}
