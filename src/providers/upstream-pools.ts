/** Connections to providers: one undici pool an origin, kept alive, shared by all deployments of that origin. */
import { Pool, type Dispatcher } from 'undici'

/** Code of the error that ends the calls which are under way when the pools are closed. */
export const GATEWAY_STOPPING = 'GATEWAY_STOPPING'

/** undici's code of the error that ends a call which begins after that. */
export const POOL_DESTROYED = 'UND_ERR_DESTROYED'

export interface UpstreamPoolOptions {
  readonly connectTimeoutMs: number
  /** Idle connections are closed after this long, below the usual idle time of providers' load balancers. */
  readonly keepAliveTimeoutMs: number
}

export class UpstreamPools {
  readonly #options: UpstreamPoolOptions
  readonly #pools = new Map<string, Pool>()
  #closed = false

  constructor(options: UpstreamPoolOptions) {
    this.#options = options
  }

  /** The pool of an origin such as `https://api.openai.com`; made at the first call. */
  forOrigin(origin: string): Dispatcher {
    let pool = this.#pools.get(origin)
    if (pool === undefined) {
      pool = new Pool(origin, {
        connections: null,
        pipelining: 1,
        connectTimeout: this.#options.connectTimeoutMs,
        keepAliveTimeout: this.#options.keepAliveTimeoutMs,
        keepAliveMaxTimeout: 600_000,
        maxHeaderSize: 65_536,
      })
      this.#pools.set(origin, pool)
      if (this.#closed) void pool.destroy(stopping())
    }
    return pool
  }

  /**
   * Ends all connections: calls under way end with an error of code `GATEWAY_STOPPING`, later ones with one of code
   * `POOL_DESTROYED`.
   */
  async close(): Promise<void> {
    this.#closed = true
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy(stopping())))
  }
}

function stopping(): Error {
  return Object.assign(new Error('the gateway is stopping'), { code: GATEWAY_STOPPING })
}
