/**
 * What a PostgreSQL server does by background processes and the embedded one does not: checkpoints, without which
 * its log grows without end, and vacuuming of the tables whose rows are updated over and over.
 */
import type { EmbeddedEngine } from './embedded-engine.ts'

const CHECK_INTERVAL_MS = 15_000
const LONGEST_PAUSE_MS = 300_000
const LOG_BYTES = 32 * 1024 * 1024

const HOT_TABLES = [
  'sluice_spend_total',
  'sluice_daily_spend',
  'sluice_virtual_key',
  'sluice_user',
  'sluice_team',
]

export class Upkeep {
  readonly #engine: EmbeddedEngine
  readonly #clock: () => number
  readonly #timer: NodeJS.Timeout
  #statementsSeen = 0
  #logPosition = 0n
  #doneAtMs: number

  /** @param clock epoch milliseconds. */
  constructor(engine: EmbeddedEngine, clock: () => number) {
    this.#engine = engine
    this.#clock = clock
    this.#doneAtMs = clock()
    // A database that fails tells whoever asks it something; upkeep need not say so too.
    this.#timer = setInterval(() => void this.run().catch(() => {}), CHECK_INTERVAL_MS).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Does what is due. @returns whether anything was. */
  async run(): Promise<boolean> {
    if (this.#engine.statements === this.#statementsSeen) return false
    await this.#engine.acquire()
    try {
      const written = (await this.#position()) - this.#logPosition
      const waited = this.#clock() - this.#doneAtMs
      if (written < LOG_BYTES && (waited < LONGEST_PAUSE_MS || written === 0n)) return false
      await this.#tidyUp()
      this.#logPosition = await this.#position()
      this.#doneAtMs = this.#clock()
      return true
    } finally {
      this.#statementsSeen = this.#engine.statements
      this.#engine.release()
    }
  }

  async #tidyUp(): Promise<void> {
    const found = await this.#engine.query(
      'select relname as name from pg_class where relname = any($1::text[]) and pg_table_is_visible(oid)',
      [HOT_TABLES],
    )
    // The statement gives rows of this shape.
    const tables = found.rows as { name: string }[]
    for (const { name } of tables) await this.#engine.query(`vacuum (analyze) ${name}`, [])
    await this.#engine.query('checkpoint', [])
  }

  /** Bytes that the write-ahead log has ever got. */
  async #position(): Promise<bigint> {
    const answer = await this.#engine.query(
      `select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::int8 as position`,
      [],
    )
    const [row] = answer.rows as { position: bigint }[]
    return row?.position ?? 0n
  }
}
