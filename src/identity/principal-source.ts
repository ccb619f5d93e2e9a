/** Reads principals from the database: one query for all that ask for a key at the same time, never an outdated answer. */
import { beginDueBudgetWindows } from '../storage/queries/budget-windows.ts'
import type { Database } from '../storage/database.ts'
import { findPrincipal, type PrincipalRow } from '../storage/queries/principals.ts'
import { buildPrincipal } from './build-principal.ts'
import { budgetWindowEndMs, parseDuration } from './duration.ts'
import type { Principal } from './principal.ts'
import { SpendScopes } from './spend-scopes.ts'

/** How often a lookup begins anew because something changed while it was under way. */
const LOOKUP_ROUNDS = 3

export class PrincipalSource {
  readonly #database: Database
  readonly #clock: () => number
  readonly #scopes = new SpendScopes()
  readonly #lookups = new Map<string, Promise<Principal | undefined>>()
  #generation = 0

  constructor(database: Database, clock: () => number) {
    this.#database = database
    this.#clock = clock
  }

  /** Counts changes: an answer that was asked for before one may be outdated. */
  get generation(): number {
    return this.#generation
  }

  /** Told of each change, so that lookups under way ask again. */
  somethingChanged(): void {
    this.#generation++
  }

  /** @returns undefined when there is no such key. @throws when the database does not answer. */
  find(keyHash: string): Promise<Principal | undefined> {
    const underWay = this.#lookups.get(keyHash)
    if (underWay !== undefined) return underWay
    const lookup = this.#read(keyHash).finally(() => this.#lookups.delete(keyHash))
    this.#lookups.set(keyHash, lookup)
    return lookup
  }

  async #read(keyHash: string): Promise<Principal | undefined> {
    let row: PrincipalRow | undefined
    for (let round = 0; round < LOOKUP_ROUNDS; round++) {
      const generation = this.#generation
      row = await findPrincipal(this.#database.sql, keyHash)
      if (row !== undefined && hasEndedWindow(row, this.#clock())) {
        await this.beginDueWindows()
        row = await findPrincipal(this.#database.sql, keyHash)
      }
      if (generation === this.#generation) break
    }
    return row === undefined ? undefined : buildPrincipal(row, this.#scopes)
  }

  /** Begins the next window of all budgets whose window has ended. */
  async beginDueWindows(): Promise<void> {
    const nowMs = this.#clock()
    await beginDueBudgetWindows(this.#database.sql, new Date(nowMs), (text) => {
      const duration = parseDuration(text)
      return duration === undefined ? undefined : new Date(budgetWindowEndMs(duration, nowMs))
    })
  }
}

function hasEndedWindow(row: PrincipalRow, nowMs: number): boolean {
  return [
    row.key_reset_at,
    row.user_reset_at,
    row.team_reset_at,
    row.member_reset_at,
    row.organization_reset_at,
  ].some((resetAt) => resetAt !== null && resetAt.getTime() <= nowMs)
}
