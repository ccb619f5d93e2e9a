/**
 * Brings rows to the database, whatever it takes: an unreachable or busy database is tried again for ever, and a row
 * that the database refuses is set aside so that it holds up no other.
 */
import { appendFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import type { Database } from '../storage/database.ts'
import { sqlState } from '../storage/partitions.ts'
import { bookCalls, type Booked } from '../storage/queries/book-calls.ts'
import { observed } from '../telemetry/observed.ts'
import type { ServiceObserver } from '../telemetry/service-observer.ts'
import type { LedgerLog } from './journal/journal.ts'

export interface BookerOptions {
  readonly database: Database
  /** File that gets the rows which the database refuses. */
  readonly rejectedFile: string
  readonly log: LedgerLog
  /** Told how long each batch took. */
  readonly observer?: ServiceObserver | undefined
  /** First pause after a failure; it doubles up to 5 s. Default 100 ms. */
  readonly retryDelayMs?: number
  /** How long the first try may be without an answer. Default 10 s. */
  readonly answerMs?: number | undefined
}

const MAX_RETRY_DELAY_MS = 5000

/**
 * A connection that a network has lost is silent for ever, and a batch takes milliseconds. A database that is only slow
 * gets twice the time with each further try, until its own time-out decides.
 */
const ANSWER_MS = 10_000
const DOUBLINGS = [1, 2, 4]

/** SQLSTATE classes that blame the data: data exception, integrity violation, program limit. */
const DATA_CLASSES = new Set(['22', '23', '54'])

const NOTHING: Booked = { booked: 0, interrupted: 0 }

export class Booker {
  readonly #options: BookerOptions
  readonly #stop = new AbortController()
  /** The database, with more patience from one try to the next. */
  readonly #hasty: readonly Database[]
  #failures = 0
  #rejected = 0
  #away = false

  constructor(options: BookerOptions) {
    this.#options = options
    const { database, answerMs = ANSWER_MS } = options
    this.#hasty = DOUBLINGS.map((factor) => database.within?.(factor * answerMs) ?? database)
  }

  /** Tries that failed since the start. */
  get failures(): number {
    return this.#failures
  }

  /** Rows that the database refused. */
  get rejected(): number {
    return this.#rejected
  }

  get stopped(): boolean {
    return this.#stop.signal.aborted
  }

  /** Books rows, in one transaction if they are sound; returns when each is booked or set aside. @throws after `stop`. */
  async book(rows: readonly string[]): Promise<Booked> {
    if (rows.length === 0) return NOTHING
    return await this.persist(async (database) => await this.#bookOrSplit(database, rows))
  }

  /**
   * Repeats a step until the database does it.
   * @param step may get no answer and have been done all the same: to do it again must change nothing.
   * @throws after `stop`.
   */
  async persist<Result>(step: (database: Database) => Promise<Result>): Promise<Result> {
    let delayMs = this.#options.retryDelayMs ?? 100
    for (let failures = 0; ; failures += 1) {
      this.#stop.signal.throwIfAborted()
      try {
        const result = await step(this.#hasty[failures] ?? this.#options.database)
        this.#succeeded()
        return result
      } catch (error) {
        this.#failed(error)
        // Spread out, so that many processes do not come back at the same moment.
        await delay(delayMs * (0.5 + Math.random() / 2), undefined, { signal: this.#stop.signal, ref: false })
        delayMs = Math.min(delayMs * 2, MAX_RETRY_DELAY_MS)
      }
    }
  }

  /** Ends all trying. */
  stop(): void {
    this.#stop.abort()
  }

  async #bookOrSplit(database: Database, rows: readonly string[]): Promise<Booked> {
    try {
      const { observer } = this.#options
      return await observed(observer, 'book_calls', () => bookCalls(database, rows))
    } catch (error) {
      if (!blamesData(error)) throw error
      if (rows.length === 1) return await this.#setAside(rows.join(''), error)
      const middle = rows.length >>> 1
      const first = await this.#bookOrSplit(database, rows.slice(0, middle))
      const second = await this.#bookOrSplit(database, rows.slice(middle))
      return { booked: first.booked + second.booked, interrupted: first.interrupted + second.interrupted }
    }
  }

  async #setAside(row: string, error: unknown): Promise<Booked> {
    this.#rejected += 1
    this.#options.log.error('The database refuses a call: it is set aside and not counted.', {
      file: this.#options.rejectedFile,
      row: row.slice(0, 200),
      err: error,
    })
    await appendFile(this.#options.rejectedFile, `${row}\n`, { mode: 0o600 }).catch(() => {})
    return NOTHING
  }

  #succeeded(): void {
    if (!this.#away) return
    this.#away = false
    this.#options.log.info('The database takes calls again.')
  }

  #failed(error: unknown): void {
    this.#failures += 1
    if (this.#away) return
    this.#away = true
    this.#options.log.error(
      'Calls cannot be booked now: they wait in the journal until the database takes them.',
      {
        err: error,
      },
    )
  }
}

function blamesData(error: unknown): boolean {
  return DATA_CLASSES.has((sqlState(error) ?? '').slice(0, 2))
}
