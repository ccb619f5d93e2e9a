/**
 * Budgets as metrics show them: of the scopes in memory, kept near what other processes change and spend while metrics
 * are scraped; and, when asked for, of all that the database has, in pages.
 */
import { isLimited } from '../record/scope.ts'
import type { Database } from '../storage/database.ts'
import {
  countPopulation,
  findSurveyed,
  listBudgeted,
  SURVEYED_KINDS,
  type Population,
  type SurveyedKind,
  type SurveyedScope,
} from '../storage/queries/principals-survey.ts'
import { readSpend } from '../storage/queries/spend-windows.ts'
import { keyLabel, scopeLimits, temporaryIncrease, userLabel } from './principal-scopes.ts'
import type { ScopeBook } from './scope-book.ts'
import type { SharedScope } from './shared-scope.ts'

/** How old figures of other processes may be at a scrape. */
const ROUND_MS = 5_000
/** Without a scrape for so long nobody looks at them. */
const IN_USE_MS = 300_000
/** All are listed anew so often, and after changes. */
const LIST_EVERY_MS = 300_000
const LIST_AFTER_CHANGE_MS = 10_000

const PAGE = 500
/** Of a kind: more are not shown before their first call. */
const MOST_LISTED = 10_000

export interface SurveyOptions {
  readonly database: Database
  readonly book: ScopeBook
  /** Epoch milliseconds. */
  readonly clock: () => number
  /** Other processes change and spend too. */
  readonly shared: boolean
  readonly roundMs?: number
}

interface Listing {
  /** Held so that they live: the book lets go of scopes that nobody uses. */
  readonly scopes: ReadonlySet<SharedScope>
  readonly population: Population
}

export class BudgetSurvey {
  readonly #options: SurveyOptions
  #listing: Listing | undefined
  #listsAll = false
  #changed = true
  /** Counts changes: what was asked for before one may be outdated, and is left. */
  #generation = 0
  #listedAtMs = -Infinity
  #askedAtMs = -Infinity
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> | undefined
  #closed = false

  constructor(options: SurveyOptions) {
    this.#options = options
  }

  /** Users, teams and members; undefined until they were counted, and where nobody asked for that. */
  get population(): Population | undefined {
    return this.#listing?.population
  }

  /** @param listsAll whether budgets are shown of whom this process has not seen. */
  configure(listsAll: boolean): void {
    if (listsAll === this.#listsAll && this.#timer !== undefined) return
    this.#listsAll = listsAll
    if (!listsAll) this.#listing = undefined
    this.#changed = true
    clearTimeout(this.#timer)
    this.#schedule(0)
  }

  /** The scopes in memory, brought up to the clock: for a scrape. */
  *scopes(): Generator<SharedScope> {
    this.#askedAtMs = this.#options.clock()
    yield* this.#options.book.live()
  }

  /** Something that limits somebody has changed. */
  changed(): void {
    this.#changed = true
    this.#generation += 1
  }

  /** Reads once what is due. @throws when the database does not answer. */
  async round(): Promise<void> {
    const nowMs = this.#options.clock()
    const wait = this.#changed ? LIST_AFTER_CHANGE_MS : LIST_EVERY_MS
    if (this.#listsAll && nowMs - this.#listedAtMs >= wait) await this.#list(nowMs)
    if (this.#options.shared && nowMs - this.#askedAtMs < IN_USE_MS) await this.#refresh()
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#timer)
    await this.#running
  }

  #schedule(delayMs: number): void {
    if (this.#closed) return
    this.#timer = setTimeout(() => {
      // A database that does not answer is the storage room's to report; the next round asks again.
      this.#running = this.round()
        .catch(() => undefined)
        .finally(() => this.#schedule(this.#options.roundMs ?? ROUND_MS))
    }, delayMs).unref()
  }

  async #list(nowMs: number): Promise<void> {
    const { database } = this.#options
    this.#changed = false
    const listed = new Set<SharedScope>()
    for (const kind of SURVEYED_KINDS) {
      let after = ''
      for (let read = 0; read < MOST_LISTED && !this.#closed; read += PAGE) {
        const generation = this.#generation
        const rows = await listBudgeted(database.sql, kind, after, PAGE)
        if (generation !== this.#generation) return
        for (const row of rows) listed.add(this.#take(kind, row))
        after = rows.at(-1)?.id ?? ''
        if (rows.length < PAGE) break
      }
    }
    this.#listing = { scopes: listed, population: await countPopulation(database.sql, MOST_LISTED) }
    this.#listedAtMs = nowMs
  }

  /** What is in memory, whoever brought it there. */
  async #refresh(): Promise<void> {
    const { book, database } = this.#options
    const byKind = Map.groupBy([...book.live()].filter(isLimited), ({ kind }) => kind)
    const rest = new Set([...byKind.values()].flat())
    for (const kind of SURVEYED_KINDS) {
      const ids = (byKind.get(kind) ?? []).map(({ id }) => id)
      for (let from = 0; from < ids.length && !this.#closed; from += PAGE) {
        const generation = this.#generation
        const rows = await findSurveyed(database.sql, kind, ids.slice(from, from + PAGE))
        if (generation !== this.#generation) return
        for (const row of rows) rest.delete(this.#take(kind, row))
      }
    }
    await book.readSpends([...rest].filter(({ maxBudget }) => maxBudget !== undefined))
  }

  #take(kind: SurveyedKind, row: SurveyedScope): SharedScope {
    const { id, alias, email, limits, spend, metadata } = row
    return this.#options.book.take({
      kind,
      id,
      label: labelOf(kind, row),
      alias: alias ?? undefined,
      email: email ?? undefined,
      ...scopeLimits(limits),
      spend: readSpend(spend),
      increase: temporaryIncrease(metadata ?? {}),
    })
  }
}

function labelOf(kind: SurveyedKind, { id, key_name: name, alias, email }: SurveyedScope): string {
  if (kind === 'key') return keyLabel(alias, name ?? id)
  return kind === 'user' ? userLabel(email, alias, id) : (alias ?? id)
}
