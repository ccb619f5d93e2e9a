/** Connections to providers: a pool an origin, shared by all deployments of that origin. */
import type { Dispatcher, Pool } from 'undici'
import type { ConnectionOptions } from './connection.ts'
import { TICK_MS } from './silence-watch.ts'
import { gatewayStopping } from './upstream-error.ts'
import { UpstreamPool } from './upstream-pool.ts'

/** undici's code of the error that ends a transfer which begins after the close. */
export const POOL_DESTROYED = 'UND_ERR_DESTROYED'

export class UpstreamPools {
  readonly #options: ConnectionOptions
  readonly #pools = new Map<string, UpstreamPool>()
  readonly #transferPools = new Map<string, Promise<Pool>>()
  #ticker: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: ConnectionOptions) {
    this.#options = options
  }

  /** The pool of model calls to an origin such as `https://api.openai.com`; made at the first call. */
  forOrigin(origin: string): UpstreamPool {
    let pool = this.#pools.get(origin)
    if (pool === undefined) {
      pool = new UpstreamPool(origin, this.#options)
      this.#pools.set(origin, pool)
      if (this.#closed) pool.close()
      else this.#ticker ??= setInterval(() => this.#tick(), TICK_MS).unref()
    }
    return pool
  }

  /** undici's pool for files: their bodies are streams in both directions. It is loaded for the first of them. */
  forTransfers(origin: string): Promise<Dispatcher> {
    let pool = this.#transferPools.get(origin)
    if (pool === undefined) {
      pool = this.#openTransferPool(origin)
      this.#transferPools.set(origin, pool)
      // The next transfer tries anew.
      pool.catch(() => this.#transferPools.delete(origin))
    }
    return pool
  }

  /**
   * Ends all connections: what is under way ends with an error of code `GATEWAY_STOPPING`, as do calls that begin
   * later; later transfers end with one of code `POOL_DESTROYED`.
   */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#ticker)
    for (const pool of this.#pools.values()) pool.close()
    await Promise.all([...this.#transferPools.values()].map(destroy))
  }

  async #openTransferPool(origin: string): Promise<Pool> {
    const { Pool } = await import('undici')
    const pool = new Pool(origin, {
      connections: null,
      pipelining: 1,
      connectTimeout: this.#options.connectTimeoutMs,
      keepAliveTimeout: this.#options.keepAliveTimeoutMs,
      keepAliveMaxTimeout: 600_000,
      maxHeaderSize: 65_536,
    })
    if (this.#closed) void pool.destroy(gatewayStopping())
    return pool
  }

  #tick(): void {
    for (const pool of this.#pools.values()) pool.tick()
  }
}

async function destroy(pool: Promise<Pool>): Promise<void> {
  await (await pool).destroy(gatewayStopping())
}
