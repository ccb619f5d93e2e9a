/** Notices a database that does not answer, and spend that was not written down. */
import type { Database } from '../storage/database.ts'
import type { Alert } from './alert.ts'

/** What the ledger counts of its losses. */
export interface LedgerLosses {
  readonly rejectedCalls: number
  readonly lostCalls: number
}

/** A database that restarts is no alert. */
const PATIENCE_MS = 10_000

export class SystemWatch {
  readonly #database: Pick<Database, 'reachable'>
  readonly #losses: () => LedgerLosses
  readonly #send: (alert: Alert) => void
  #awaySinceMs: number | undefined
  #toldAway = false
  #lost: number

  constructor(
    database: Pick<Database, 'reachable'>,
    losses: () => LedgerLosses,
    send: (alert: Alert) => void,
  ) {
    this.#database = database
    this.#losses = losses
    this.#send = send
    this.#lost = lostOf(losses())
  }

  look(nowMs: number): void {
    this.#lookAtDatabase(nowMs)
    this.#lookAtLosses(nowMs)
  }

  #lookAtDatabase(nowMs: number): void {
    if (this.#database.reachable) {
      if (this.#toldAway) this.#tellBack(nowMs, this.#awaySinceMs ?? nowMs)
      this.#awaySinceMs = undefined
      this.#toldAway = false
      return
    }
    this.#awaySinceMs ??= nowMs
    if (this.#toldAway || nowMs - this.#awaySinceMs < PATIENCE_MS) return
    this.#toldAway = true
    this.#send({
      type: 'db_exceptions',
      level: 'high',
      atMs: nowMs,
      title: 'The database does not answer',
      facts: [
        ['Since', new Date(this.#awaySinceMs).toISOString()],
        ['Effect', 'calls of known keys go on, and are kept in the journal until the database is back'],
      ],
    })
  }

  #tellBack(nowMs: number, sinceMs: number): void {
    this.#send({
      type: 'db_exceptions',
      level: 'low',
      atMs: nowMs,
      title: 'The database answers again',
      facts: [['Was away since', new Date(sinceMs).toISOString()]],
    })
  }

  #lookAtLosses(nowMs: number): void {
    const lost = lostOf(this.#losses())
    if (lost === this.#lost) return
    this.#send({
      type: 'failed_tracking_spend',
      level: 'high',
      atMs: nowMs,
      title: `The spend of ${lost - this.#lost} calls is not counted`,
      facts: [['See', 'the log, and rejected.log in the journal directory']],
    })
    this.#lost = lost
  }
}

function lostOf({ rejectedCalls, lostCalls }: LedgerLosses): number {
  return rejectedCalls + lostCalls
}
