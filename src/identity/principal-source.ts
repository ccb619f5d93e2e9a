/** Reads principals from the database: one query for all that ask for a key at the same time, never an outdated answer. */
import type { Database } from '../storage/database.ts'
import type { PrincipalChange, PrincipalRow } from '../storage/queries/principals.ts'
import { buildPrincipal } from './build-principal.ts'
import type { Principal } from './principal.ts'
import { PrincipalRows } from './principal-rows.ts'
import { RecentChanges, type ChangePosition } from './recent-changes.ts'
import type { ScopeBook } from './scope-book.ts'

/** How often a lookup begins anew because the key has changed while it was under way. */
const LOOKUP_ROUNDS = 3
/** Of the connections that the process has, calls that wait for their key take up no more. */
const WAITED_FOR_STATEMENTS = 4
/** Keys that are to be read anew are gathered so long: a few statements a second, however many keys are in use. */
const GATHER_MS = 100

/** What a lookup has found. */
export interface Found extends RowRead {
  /** Undefined when there is no such key. */
  readonly principal: Principal | undefined
}

interface RowRead {
  readonly keyHash: string
  readonly row: PrincipalRow | undefined
  /** Later changes may be missing in it. */
  readonly asOf: ChangePosition
}

export class PrincipalSource {
  readonly #book: ScopeBook
  readonly #lookups = new Map<string, Promise<Found>>()
  readonly #changes = new RecentChanges()
  readonly #rowsNow: PrincipalRows
  readonly #rowsSoon: PrincipalRows

  constructor(database: Database, book: ScopeBook) {
    this.#book = book
    this.#rowsNow = new PrincipalRows({ database, statements: WAITED_FOR_STATEMENTS, gatherMs: 0 })
    this.#rowsSoon = new PrincipalRows({ database, statements: 1, gatherMs: GATHER_MS })
  }

  close(): void {
    this.#rowsNow.close()
    this.#rowsSoon.close()
  }

  /** Told of each change, so that lookups under way ask again which it concerns. */
  changed(change: PrincipalChange): void {
    this.#changes.add(change)
  }

  /** Whether something has changed that may be missing in what was found. */
  isOutdated({ keyHash, row, asOf }: RowRead): boolean {
    return this.#changes.since(asOf, (change) => concerns(change, keyHash, row))
  }

  /** At once, for who waits for it. @throws when the database does not answer. */
  find(keyHash: string): Promise<Found> {
    const underWay = this.#lookups.get(keyHash)
    if (underWay !== undefined) return underWay
    const lookup = this.#read(keyHash, this.#rowsNow).finally(() => this.#lookups.delete(keyHash))
    this.#lookups.set(keyHash, lookup)
    return lookup
  }

  /** Together with others that are to be read anew while nobody waits. @throws when the database does not answer. */
  async findSoon(keyHash: string): Promise<Found> {
    return await this.#read(keyHash, this.#rowsSoon)
  }

  async #read(keyHash: string, rows: PrincipalRows): Promise<Found> {
    for (let round = 1; ; round += 1) {
      const asOf = this.#changes.position
      const read = { keyHash, asOf, row: await rows.read(keyHash) }
      if (round < LOOKUP_ROUNDS && this.isOutdated(read)) continue
      const principal = read.row && buildPrincipal(read.row, this.#book)
      if (principal !== undefined) await this.#writeWindows(principal)
      return { ...read, principal }
    }
  }

  async #writeWindows(principal: Principal): Promise<void> {
    await this.#book.writeWindows(principal.scopes)
    for (const scopes of principal.modelScopes?.values() ?? []) await this.#book.writeWindows(scopes)
  }
}

/** @param row undefined where the key was not found: nothing but the key itself can change that. */
function concerns({ subject, id }: PrincipalChange, keyHash: string, row: PrincipalRow | undefined): boolean {
  switch (subject) {
    case 'key':
      return id === keyHash
    case 'user':
      return id === row?.user_id
    case 'team':
      return id === row?.team_id
    case 'organization':
      return id === row?.organization_id
    case 'budget':
      // Which keys it limits, the database knows.
      return row !== undefined
    case 'all':
      return true
    case 'customer':
    case 'tag':
      return false
  }
}
