/** Reads principals from the database: one query for all that ask for a key at the same time, never an outdated answer. */
import type { Database } from '../storage/database.ts'
import { findPrincipal, type PrincipalRow } from '../storage/queries/principals.ts'
import { buildPrincipal } from './build-principal.ts'
import type { Principal } from './principal.ts'
import type { ScopeBook } from './scope-book.ts'

/** How often a lookup begins anew because something changed while it was under way. */
const LOOKUP_ROUNDS = 3

export class PrincipalSource {
  readonly #database: Database
  readonly #book: ScopeBook
  readonly #lookups = new Map<string, Promise<Principal | undefined>>()
  #generation = 0

  constructor(database: Database, book: ScopeBook) {
    this.#database = database
    this.#book = book
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
      if (generation === this.#generation) break
    }
    if (row === undefined) return undefined
    const principal = buildPrincipal(row, this.#book)
    await this.#book.writeWindows(principal.scopes)
    for (const scopes of principal.modelScopes?.values() ?? []) await this.#book.writeWindows(scopes)
    return principal
  }
}
