/**
 * All scopes of this process, by kind and id, in the time and the calendar that their windows follow; and their spend,
 * which is read anew while they are in use, so that processes without a shared store know of each other's.
 */
import { picodollars, type Picodollars } from '../money/picodollars.ts'
import type { Scope } from '../record/scope.ts'
import type { Database } from '../storage/database.ts'
import { alignWindows, beginDueWindows, readSpends } from '../storage/queries/spend-windows.ts'
import { UTC_CALENDAR, type Calendar } from './calendar.ts'
import { nextBudgetWindow, parseDuration } from './duration.ts'
import { NO_KEY_DEFAULTS, type KeyDefaults } from './key-defaults.ts'
import { SharedScope, type ScopeFacts } from './shared-scope.ts'

/** A scope that no call has asked for this long is not read anew. */
const IN_USE_MS = 60_000
/** How long scopes that are new are gathered before they are read. */
const GATHER_MS = 100
/** How many scopes one query reads: its rows are taken apart in one turn of the event loop. */
const BATCH = 500

export class ScopeBook {
  calendar: Calendar = UTC_CALENDAR
  keyDefaults: KeyDefaults = NO_KEY_DEFAULTS
  readonly #database: Database
  readonly #clock: () => number
  /** Weak, so that a scope lives as long as a principal or a call under way holds it, and no longer. */
  readonly #scopes = new Map<string, WeakRef<SharedScope>>()
  readonly #collected = new FinalizationRegistry<string>((key) => {
    if (this.#scopes.get(key)?.deref() === undefined) this.#scopes.delete(key)
  })
  /** Scopes with budgets that calls have asked for lately. */
  readonly #inUse = new Set<SharedScope>()
  /** Scopes whose spend was never read. */
  #unread = new Set<SharedScope>()
  #reading: NodeJS.Timeout | undefined

  constructor(database: Database, clock: () => number) {
    this.#database = database
    this.#clock = clock
  }

  close(): void {
    clearTimeout(this.#reading)
  }

  /** The shared object of a scope, brought up to what the database says. */
  take(facts: ScopeFacts): SharedScope {
    const key = `${facts.kind} ${facts.id}`
    let scope = this.#scopes.get(key)?.deref()
    if (scope === undefined) {
      scope = new SharedScope(facts.kind, facts.id)
      this.#scopes.set(key, new WeakRef(scope))
      this.#collected.register(scope, key)
    }
    scope.refresh(this.#withDefaults(facts), this.#clock(), this.calendar)
    return scope
  }

  #withDefaults(facts: ScopeFacts): ScopeFacts {
    const isOpen = facts.kind === 'key' && facts.parallelRequests === null
    return isOpen ? { ...facts, parallelRequests: this.keyDefaults.parallelRequests } : facts
  }

  /** The scopes that somebody holds, brought up to the clock. */
  *live(): Generator<SharedScope> {
    const nowMs = this.#clock()
    for (const reference of this.#scopes.values()) {
      const scope = reference.deref()
      if (scope === undefined) continue
      scope.advance(nowMs, this.calendar)
      yield scope
    }
  }

  /** Brings scopes that a call asks for up to the clock, and has their spend read anew from now on. */
  use(scopes: readonly Scope[]): void {
    const nowMs = this.#clock()
    for (const scope of scopes) {
      if (!(scope instanceof SharedScope)) continue
      scope.advance(nowMs, this.calendar)
      if (scope.maxBudget === undefined && scope.softBudget === undefined) continue
      if (scope.usedAtMs === 0) this.#inUse.add(scope)
      scope.usedAtMs = nowMs
    }
  }

  /** Adds a settled cost to all that it is counted for. */
  recordSpend(scopes: readonly Scope[], amount: Picodollars): void {
    const nowMs = this.#clock()
    for (const scope of scopes) {
      if (scope instanceof SharedScope) scope.advance(nowMs, this.calendar)
      scope.spent = picodollars(scope.spent + amount)
    }
  }

  /** Opens the windows that stand in no row yet, or are of another length. @throws when the database does not answer. */
  async writeWindows(scopes: readonly Scope[]): Promise<void> {
    const shared = scopes.filter((scope) => scope instanceof SharedScope)
    const changes = shared.flatMap(({ windowToWrite }) => windowToWrite ?? [])
    if (changes.length === 0) return
    await alignWindows(this.#database.sql, changes)
    for (const scope of shared) scope.windowWritten()
  }

  /** Has the spend of a scope read for the first time, together with others that come meanwhile. */
  readSoon(scope: SharedScope): void {
    this.#unread.add(scope)
    this.#reading ??= setTimeout(() => {
      this.#reading = undefined
      // A database that does not answer is the storage room's to report; the next round asks again.
      this.readUnread().catch(() => undefined)
    }, GATHER_MS).unref()
  }

  /** Reads what scopes have spent whose spend was never read. @throws when the database does not answer. */
  async readUnread(): Promise<void> {
    if (this.#unread.size === 0) return
    const unread = this.#unread
    this.#unread = new Set()
    try {
      await this.readSpends([...unread])
    } catch (error) {
      for (const scope of unread) this.#unread.add(scope)
      throw error
    }
  }

  /** Reads what the scopes in use have spent, in few queries. @throws when the database does not answer. */
  async readInUse(): Promise<void> {
    const nowMs = this.#clock()
    for (const scope of this.#inUse) {
      if (nowMs - scope.usedAtMs <= IN_USE_MS) continue
      scope.usedAtMs = 0
      this.#inUse.delete(scope)
    }
    await this.readSpends([...this.#inUse])
  }

  /** Reads what scopes have spent. @throws when the database does not answer. */
  async readSpends(scopes: readonly SharedScope[]): Promise<void> {
    for (let from = 0; from < scopes.length; from += BATCH) {
      const batch = scopes.slice(from, from + BATCH)
      const spends = await readSpends(this.#database.sql, batch)
      const nowMs = this.#clock()
      spends.forEach((spend, index) => batch[index]?.takeSpend(spend, nowMs, this.calendar))
      await this.writeWindows(batch)
    }
  }

  /** Begins, in the database, the next window of all budgets whose window has ended. */
  async beginDueWindows(): Promise<void> {
    const nowMs = this.#clock()
    const { calendar } = this
    await beginDueWindows(this.#database.sql, nowMs, (text, endedAtMs) => {
      const duration = parseDuration(text)
      return duration === undefined ? undefined : nextBudgetWindow(duration, endedAtMs, nowMs, calendar)
    })
  }
}
