/**
 * Rows of keys from the database, many in a statement: keys that are asked for while others are being read go together
 * in the next one, so that a thousand new keys, or all keys that are due for a fresh look, take a few statements.
 */
import type { Database } from '../storage/database.ts'
import { findPrincipals, type PrincipalRow } from '../storage/queries/principals.ts'

/** Keys in one statement: its rows are taken apart in one turn of the event loop. */
const BATCH = 50

export interface PrincipalRowsOptions {
  readonly database: Database
  /** Statements at the same time. */
  readonly statements: number
  /** How long the first key waits for others. */
  readonly gatherMs: number
}

interface Asked {
  readonly keyHash: string
  readonly answer: PromiseWithResolvers<PrincipalRow | undefined>
}

export class PrincipalRows {
  readonly #options: PrincipalRowsOptions
  /** Asked for and not sent yet. */
  readonly #waiting = new Map<string, Asked>()
  #underWay = 0
  #gathering: NodeJS.Timeout | undefined

  constructor(options: PrincipalRowsOptions) {
    this.#options = options
  }

  /** @returns undefined when there is no such key. @throws when the database does not answer. */
  read(keyHash: string): Promise<PrincipalRow | undefined> {
    const waiting = this.#waiting.get(keyHash)
    if (waiting !== undefined) return waiting.answer.promise
    const asked = { keyHash, answer: Promise.withResolvers<PrincipalRow | undefined>() }
    this.#waiting.set(keyHash, asked)
    this.#gather()
    return asked.answer.promise
  }

  /** Begins no more statements by itself. */
  close(): void {
    clearTimeout(this.#gathering)
  }

  #gather(): void {
    const { statements, gatherMs } = this.#options
    if (this.#underWay >= statements) return
    if (gatherMs === 0) this.#send()
    else this.#gathering ??= setTimeout(() => this.#send(), gatherMs).unref()
  }

  #send(): void {
    this.#gathering = undefined
    this.#underWay += 1
    void this.#readBatch(this.#takeBatch()).finally(() => {
      this.#underWay -= 1
      if (this.#waiting.size >= BATCH) this.#send()
      else if (this.#waiting.size > 0) this.#gather()
    })
  }

  /** Those that have waited longest. */
  #takeBatch(): readonly Asked[] {
    const batch: Asked[] = []
    for (const asked of this.#waiting.values()) {
      if (batch.length === BATCH) break
      this.#waiting.delete(asked.keyHash)
      batch.push(asked)
    }
    return batch
  }

  /** Never rejects: who asked is told. */
  async #readBatch(batch: readonly Asked[]): Promise<void> {
    try {
      const keyHashes = batch.map(({ keyHash }) => keyHash)
      const rows = await findPrincipals(this.#options.database.sql, keyHashes)
      const byHash = new Map(rows.map((row) => [row.key_hash, row]))
      for (const { keyHash, answer } of batch) answer.resolve(byHash.get(keyHash))
    } catch (error) {
      for (const { answer } of batch) answer.reject(error)
    }
  }
}
