/**
 * The right to send an alert: one process has it, by a row in the database. While the database does not answer, each
 * process goes by what it knows itself, and an alert may then be sent by several.
 */
import { createHash } from 'node:crypto'
import { insertAlertClaims, pruneAlertClaims, type AlertClaim } from '../storage/queries/alert-claims.ts'
import type { Database } from '../storage/database.ts'

/** How long the database has to answer before the alert is sent without it. */
const ANSWER_TIMEOUT_MS = 5_000

/** Claims that this process remembers or still has to write down. */
const MAX_KEPT = 10_000

const PRUNE_EVERY_MS = 3_600_000

/** Longer names are hashed: an index takes no more than some 2,700 bytes. */
const LONGEST_NAME = 500

/** The name of a claim, equal in all processes for equal parts. */
export function claimName(...parts: readonly string[]): string {
  const name = JSON.stringify(parts)
  return name.length <= LONGEST_NAME ? name : createHash('sha256').update(name).digest('hex')
}

export class Claims {
  readonly #database: Database
  /** Taken while the database was away. */
  readonly #own = new Set<string>()
  #unwritten: AlertClaim[] = []
  #prunedAtMs = 0

  constructor(database: Database) {
    this.#database = database
  }

  /** The names of those that are this process's to send. */
  async take(claims: readonly AlertClaim[]): Promise<ReadonlySet<string>> {
    const unknown = claims.filter(({ claim }) => !this.#own.has(claim))
    if (unknown.length === 0) return new Set()
    const answered = await this.#insert(unknown)
    return answered ?? this.#takeAlone(unknown)
  }

  #takeAlone(claims: readonly AlertClaim[]): ReadonlySet<string> {
    for (const claim of claims) {
      if (this.#own.size >= MAX_KEPT) this.#forgetOldest()
      this.#own.add(claim.claim)
      if (this.#unwritten.length < MAX_KEPT) this.#unwritten.push(claim)
    }
    return new Set(claims.map(({ claim }) => claim))
  }

  #forgetOldest(): void {
    const [oldest] = this.#own
    if (oldest !== undefined) this.#own.delete(oldest)
  }

  /** Undefined when the database does not answer, or not in time. */
  async #insert(claims: readonly AlertClaim[]): Promise<ReadonlySet<string> | undefined> {
    const timeout = Promise.withResolvers<undefined>()
    const timer = setTimeout(() => timeout.resolve(undefined), ANSWER_TIMEOUT_MS)
    try {
      const inserted = insertAlertClaims(this.#database.sql, claims).catch(() => undefined)
      return await Promise.race([inserted, timeout.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Writes down what was claimed while the database was away, and deletes, once an hour, what has expired. */
  async maintain(nowMs: number): Promise<void> {
    if (this.#unwritten.length > 0) {
      const batch = this.#unwritten.slice(0, 1_000)
      if ((await this.#insert(batch)) === undefined) return
      this.#unwritten = this.#unwritten.slice(batch.length)
    }
    if (nowMs - this.#prunedAtMs < PRUNE_EVERY_MS) return
    this.#prunedAtMs = nowMs
    // Expired claims are no reason to disturb anybody: the next round tries again.
    await pruneAlertClaims(this.#database.sql, new Date(nowMs)).catch(() => undefined)
  }
}
