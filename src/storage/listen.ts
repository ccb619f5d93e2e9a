/**
 * Hears PostgreSQL's notifications, over a connection of its own that is made again when it breaks. A pooler in
 * transaction mode passes no notifications on: whoever listens must also look by itself from time to time.
 */
import pg from 'pg'

export interface Listening {
  close(): Promise<void>
}

const FIRST_RETRY_MS = 250
const LAST_RETRY_MS = 5_000

/**
 * @param connection asked for each time that the connection is made.
 * @param onNotice told of each notification, and each time the connection has been made: some may have been missed.
 */
export function listenToPostgresql(
  connection: () => Promise<pg.ClientConfig>,
  channel: string,
  onNotice: () => void,
): Listening {
  const listener = new PostgresqlListener(connection, channel, onNotice)
  void listener.connect()
  return listener
}

class PostgresqlListener implements Listening {
  readonly #connection: () => Promise<pg.ClientConfig>
  readonly #channel: string
  readonly #onNotice: () => void
  #client: pg.Client | undefined
  #retryMs = FIRST_RETRY_MS
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(connection: () => Promise<pg.ClientConfig>, channel: string, onNotice: () => void) {
    this.#connection = connection
    this.#channel = channel
    this.#onNotice = onNotice
  }

  async connect(): Promise<void> {
    const config = await this.#connection().catch(() => undefined)
    if (this.#isClosed) return
    if (config === undefined) return this.#tryLater()
    const client = new pg.Client(config)
    this.#client = client
    // That the database is away is told by those who need an answer from it.
    client.on('error', () => undefined)
    client.on('notification', ({ channel }) => {
      if (channel === this.#channel) this.#onNotice()
    })
    client.once('end', () => this.#retry(client))
    try {
      await client.connect()
      await client.query(`listen ${pg.escapeIdentifier(this.#channel)}`)
      this.#retryMs = FIRST_RETRY_MS
      this.#onNotice()
    } catch {
      this.#retry(client)
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    await this.#client?.end().catch(() => undefined)
  }

  /** Told once or twice of the same connection. */
  #retry(client: pg.Client): void {
    if (this.#client !== client || this.#isClosed) return
    this.#client = undefined
    void client.end().catch(() => undefined)
    this.#tryLater()
  }

  #tryLater(): void {
    this.#timer = setTimeout(() => void this.connect(), this.#retryMs)
    this.#timer.unref()
    this.#retryMs = Math.min(2 * this.#retryMs, LAST_RETRY_MS)
  }
}
