/** Turns crossed lines into alerts: gathers them, asks whose they are to send, and sends. */
import type { CallerFacts } from '../record/call-record.ts'
import type { Scope } from '../record/scope.ts'
import type { Alert } from './alert.ts'
import { budgetAlert, lineClaim } from './budget-alert.ts'
import { linesToTell } from './budget-lines.ts'
import { BudgetWatch, type Crossing } from './budget-watch.ts'
import type { Claims } from './claims.ts'

/** Crossings that wait for the database; each scope has four lines a window, so that this is a great many scopes. */
const MOST_WAITING = 10_000

/** Crossings that are claimed at once. */
const BATCH = 250

export class BudgetAlerts {
  readonly #claims: Claims
  readonly #send: (alert: Alert) => void
  readonly #clock: () => number
  readonly #onDropped: () => void
  readonly #watch = new BudgetWatch((crossing) => this.#crossed(crossing))
  #waiting: Crossing[] = []
  #telling: Promise<void> | undefined

  /** @param onDropped is told of each crossing that there was no room for. */
  constructor(claims: Claims, send: (alert: Alert) => void, clock: () => number, onDropped: () => void) {
    this.#claims = claims
    this.#send = send
    this.#clock = clock
    this.#onDropped = onDropped
  }

  spent(scopes: readonly Scope[], caller: CallerFacts | undefined): void {
    this.#watch.spent(scopes, caller)
  }

  sweep(): void {
    this.#watch.sweep()
  }

  /** Resolves when all that was crossed so far is with the channels. */
  async settled(): Promise<void> {
    await this.#telling
  }

  #crossed(crossing: Crossing): void {
    if (this.#waiting.length >= MOST_WAITING) {
      this.#onDropped()
      return
    }
    this.#waiting.push(crossing)
    this.#telling ??= this.#tellAll()
  }

  async #tellAll(): Promise<void> {
    // The rest of this turn of the event loop joins the first batch, and the call path goes on before it.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.slice(0, BATCH)
      this.#waiting = this.#waiting.slice(batch.length)
      await this.#tell(batch).catch(() => {
        for (const _ of batch) this.#onDropped()
      })
    }
    // In the same step as the look at the list: what comes later begins anew.
    this.#telling = undefined
  }

  async #tell(crossings: readonly Crossing[]): Promise<void> {
    const atMs = this.#clock()
    const ours = new Set(
      await this.#claims.take(
        crossings.flatMap(({ scope, lines }) => lines.map((line) => lineClaim(scope, line, atMs))),
      ),
    )
    for (const { scope, caller, lines } of crossings) {
      for (const line of linesToTell(lines)) {
        // Deleted: a scope may stand in a batch twice, as two objects.
        if (ours.delete(lineClaim(scope, line, atMs).claim))
          this.#send(budgetAlert(scope, line, caller, atMs))
      }
    }
  }
}
