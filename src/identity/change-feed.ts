/**
 * Brings changes of keys, users and teams from other processes within a second: each change is a row, and each process
 * asks for the new ones. Polling works through PgBouncer in transaction mode, where notifications do not.
 */
import type { Database } from '../storage/database.ts'
import { pruneChanges, readChanges, type PrincipalChange } from '../storage/queries/principals.ts'

/** Rows are asked for again for this long, since transactions may end in another order than they took their time. */
const OVERLAP_MS = 15_000
const KEPT_MS = 3_600_000
const PRUNE_EVERY_MS = 600_000

export interface ChangeListener {
  changed(change: PrincipalChange): void
  /** Changes may have been missed: the database did not answer for too long. */
  changesLost(): void
}

export class ChangeFeed {
  readonly #database: Database
  readonly #listener: ChangeListener
  /** Time of the database's clock at the last answer. */
  #readUntil: Date | undefined
  /** By `performance.now()`: nothing was read of the database before. */
  readonly #openedAtMs = performance.now()
  #prunedAtMs = 0
  readonly #seen = new Map<string, number>()

  constructor(database: Database, listener: ChangeListener) {
    this.#database = database
    this.#listener = listener
  }

  /** Asks once. @throws when the database does not answer: what was missed comes with the next answer. */
  async poll(): Promise<void> {
    const { now, changes } = await readChanges(this.#database.sql, this.#since())
    const nowMs = now.getTime()
    if (this.#readUntil !== undefined && nowMs - this.#readUntil.getTime() > KEPT_MS / 2) {
      this.#listener.changesLost()
    }
    this.#readUntil = now
    for (const change of changes) {
      if (this.#seen.has(change.id)) continue
      this.#seen.set(change.id, nowMs)
      this.#listener.changed({ subject: change.subject, id: change.subject_id })
    }
    this.#forgetSeen(nowMs)
    await this.#prune(nowMs)
  }

  /** What was read before the first look may have changed before it, too. */
  #since(): Date | number {
    return this.#readUntil === undefined
      ? performance.now() - this.#openedAtMs + OVERLAP_MS
      : new Date(this.#readUntil.getTime() - OVERLAP_MS)
  }

  #forgetSeen(nowMs: number): void {
    for (const [id, seenAtMs] of this.#seen) {
      if (nowMs - seenAtMs <= 2 * OVERLAP_MS) return
      this.#seen.delete(id)
    }
  }

  async #prune(nowMs: number): Promise<void> {
    if (nowMs - this.#prunedAtMs < PRUNE_EVERY_MS) return
    this.#prunedAtMs = nowMs
    await pruneChanges(this.#database.sql, new Date(nowMs - KEPT_MS))
  }
}
