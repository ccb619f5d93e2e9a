/** Connections to a PostgreSQL server: pool, time-outs, and errors that name the server but never a password. */
import {
  PostgresDialect,
  type Dialect,
  type PostgresCursor,
  type PostgresPool,
  type PostgresPoolClient,
  type PostgresQueryResult,
} from 'kysely'
import pg from 'pg'
import type { ServiceObserver } from '../telemetry/service-observer.ts'
import { driverUrl, ENCRYPTED, leavesEncryptionOpen } from './driver-url.ts'

export interface PostgresqlOptions {
  /** `postgresql://user:password@host:port/name?…`; `connection_limit`, `connect_timeout`, `schema` and `sslmode` are read. */
  readonly url: string
  /** In place of the URL's, asked for before each connection. Connections are encrypted then, unless the URL forbids it. */
  readonly password?: () => Promise<string>
  /** Connections at most; the URL's `connection_limit` wins. Default 10. */
  readonly connectionLimit?: number
  /** Default 5 s; the URL's `connect_timeout` (seconds) wins. */
  readonly connectTimeoutMs?: number
  /** How long one statement may run. Default 60 s. */
  readonly statementTimeoutMs?: number
  /** Told of each statement, when somebody wants to know. */
  readonly observer?: ServiceObserver | undefined
}

/** The server cannot be reached, or refuses the connection. */
export class DatabaseUnreachableError extends Error {
  override readonly name = 'DatabaseUnreachableError'
  readonly code: string | undefined

  constructor(message: string, cause: unknown) {
    super(message, { cause })
    this.code = codeOf(cause)
  }
}

/** A pool, and whether its last try to get a connection succeeded. */
export interface PostgresqlServer {
  readonly dialect: Dialect
  /**
   * Over the same pool; a statement that gets no answer in this time is given up: a connection that a network has lost
   * is silent for ever.
   */
  readonly dialectWithin: (answerMs: number) => Dialect
  readonly reachable: boolean
  /** Whether notifications come through, as far as the URL says. */
  readonly notifies: boolean
  /** For a connection that only listens, with what the pool has learnt of the server. */
  listener(): Promise<pg.ClientConfig>
}

export function postgresqlServer(options: PostgresqlOptions): PostgresqlServer {
  const url = parseUrl(options.url)
  const pool = new pg.Pool(poolConfig(url, options))
  const state = { reachable: true }
  const onBroken = (): void => {
    state.reachable = false
  }
  // A connection that breaks while it is idle, or between two statements, would otherwise end the process.
  pool.on('error', onBroken)
  pool.on('connect', (client) => client.on('error', onBroken))
  const renew = async (): Promise<void> => {
    if (options.password === undefined) return
    try {
      pool.options.connectionString = driverUrl(url, await options.password())
    } catch (error) {
      // Connections that are open need no password: whoever gives it may be away for as long as they last.
      if (pool.idleCount === 0 && pool.totalCount < pool.options.max) throw error
    }
  }
  const place = `${url.hostname || 'the local socket'}${url.port === '' ? '' : `:${url.port}`}${url.pathname}`
  const dialect = (timeoutMs: number | undefined): Dialect =>
    new PostgresDialect({ pool: watchedPool(pool, place, state, timeoutMs, options.observer, renew) })
  return {
    dialect: dialect(undefined),
    dialectWithin: dialect,
    get reachable() {
      return state.reachable
    },
    notifies: url.searchParams.get('pgbouncer') !== 'true',
    listener: async () => ({
      connectionString: driverUrl(url, await options.password?.()),
      connectionTimeoutMillis: options.connectTimeoutMs ?? 5000,
      application_name: 'sluice listener',
      keepAlive: true,
      ...(pool.options.ssl === undefined ? {} : { ssl: pool.options.ssl }),
    }),
  }
}

function parseUrl(text: string): URL {
  try {
    return new URL(text)
  } catch {
    // The text itself may hold a password: it is not repeated.
    throw new Error('The database URL is not valid: expected postgresql://user:password@host:port/name')
  }
}

function poolConfig(url: URL, options: PostgresqlOptions): pg.PoolConfig {
  const given = url.searchParams
  const viaPgBouncer = given.get('pgbouncer') === 'true'
  const schema = given.get('schema')
  const statementTimeoutMs = secondsToMs(given.get('socket_timeout')) ?? options.statementTimeoutMs ?? 60_000
  return {
    connectionString: driverUrl(url),
    ...(options.password === undefined && leavesEncryptionOpen(given) ? { ssl: ENCRYPTED } : {}),
    max: Number(given.get('connection_limit') ?? options.connectionLimit ?? 10),
    connectionTimeoutMillis:
      secondsToMs(given.get('connect_timeout')) ??
      secondsToMs(given.get('pool_timeout')) ??
      options.connectTimeoutMs ??
      5000,
    // PgBouncer refuses start-up parameters that it does not know; the client's own limit stands behind.
    ...(viaPgBouncer || given.has('options')
      ? {}
      : {
          statement_timeout: statementTimeoutMs,
          // A process that is lost in the midst of a transaction must not keep its locks until TCP gives it up.
          idle_in_transaction_session_timeout: statementTimeoutMs,
        }),
    query_timeout: Math.ceil(statementTimeoutMs * 1.2),
    application_name: 'sluice',
    keepAlive: true,
    types: { getTypeParser },
    ...(schema === null || viaPgBouncer ? {} : { options: `-c search_path=${schema}` }),
  }
}

function secondsToMs(text: string | null): number | undefined {
  const seconds = Number(text ?? 0)
  return seconds > 0 ? seconds * 1000 : undefined
}

/** The same JavaScript forms as the embedded database gives (see `embedded/pglite-worker.ts`). */
const PARSERS = new Map<number, (text: string) => unknown>([
  [/* int8 */ 20, BigInt],
  [/* int8[] */ 1016, (text) => plainArray(text, BigInt)],
  [/* date */ 1082, String],
  [/* date[] */ 1182, (text) => plainArray(text, String)],
  [/* numeric */ 1700, BigInt],
  [/* numeric[] */ 1231, (text) => plainArray(text, BigInt)],
])

/** Reads a one-dimensional array whose items need no quotes. */
function plainArray<Item>(text: string, parse: (item: string) => Item): (Item | null)[] {
  if (text === '{}') return []
  return text
    .slice(1, -1)
    .split(',')
    .map((item) => (item === 'NULL' ? null : parse(item)))
}

const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: 'text' | 'binary') =>
  PARSERS.get(oid) ?? pg.types.getTypeParser(oid, format)

/** @param timeoutMs of each statement; undefined leaves it to the connection's own. */
function watchedPool(
  pool: pg.Pool,
  place: string,
  state: { reachable: boolean },
  timeoutMs: number | undefined,
  observer: ServiceObserver | undefined,
  renew: () => Promise<void>,
): PostgresPool {
  const lost = (error: unknown): DatabaseUnreachableError =>
    new DatabaseUnreachableError(`The database ${place} does not answer: ${reasonOf(error)}.`, error)
  const connect = async (): Promise<PooledClient> => {
    try {
      await renew()
      const client = new PooledClient(await pool.connect(), timeoutMs, lost)
      state.reachable = true
      return client
    } catch (error) {
      if (refusesTimeout(pool, error) || mustBePlain(pool, error)) return await connect()
      encryptAgain(pool, error)
      state.reachable = false
      // A statement that gets no connection is never sent, and so is told of nowhere else.
      observer?.failed('connect', DatabaseUnreachableError.name)
      throw new DatabaseUnreachableError(
        `The database ${place} cannot be reached: ${reasonOf(error)}. Check that it runs and that the address, ` +
          `user and password of the database URL are right.`,
        error,
      )
    }
  }
  return { options: pool.options, end: async () => await pool.end(), connect }
}

/** A PgBouncer that the URL does not mention: it is asked again without the parameter that it does not know. */
function refusesTimeout(pool: pg.Pool, error: unknown): boolean {
  if (pool.options.statement_timeout === undefined || codeOf(error) !== '08P01') return false
  delete pool.options.statement_timeout
  delete pool.options.idle_in_transaction_session_timeout
  return true
}

/** What the driver says to a server that answers that it has no certificate. */
const NO_ENCRYPTION = 'The server does not support SSL connections'

/** A server that cannot or will not encrypt, where the URL leaves it open: it is asked again in plain text. */
function mustBePlain(pool: pg.Pool, error: unknown): boolean {
  // False where another connection has learnt it meanwhile; undefined where the URL decides.
  if (pool.options.ssl === undefined) return false
  const isRefusal = reasonOf(error) === NO_ENCRYPTION || isFailedHandshake(error)
  if (!isRefusal && !forbids(error, /SSL encryption|SSL on$/)) return false
  pool.options.ssl = false
  return true
}

/** A server that has got its certificate since it was asked: the next connection is encrypted. */
function encryptAgain(pool: pg.Pool, error: unknown): void {
  if (pool.options.ssl === false && forbids(error, /no encryption|SSL off$/)) pool.options.ssl = ENCRYPTED
}

/** Both speak TLS, and find no version or cipher that they share. */
function isFailedHandshake(error: unknown): boolean {
  return /^(EPROTO$|ERR_SSL_)/.test(codeOf(error) ?? '')
}

/** Whether `pg_hba.conf` lets nobody in by this kind of connection. */
function forbids(error: unknown, kind: RegExp): boolean {
  return codeOf(error) === '28000' && kind.test(reasonOf(error))
}

/** A connection from the pool, which does not go back to it when a statement got no answer. */
class PooledClient implements PostgresPoolClient {
  readonly #client: pg.PoolClient
  readonly #timeoutMs: number | undefined
  readonly #lost: (error: unknown) => DatabaseUnreachableError
  #broken = false

  constructor(
    client: pg.PoolClient,
    timeoutMs: number | undefined,
    lost: (error: unknown) => DatabaseUnreachableError,
  ) {
    this.#client = client
    this.#timeoutMs = timeoutMs
    this.#lost = lost
  }

  query<Row>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>>
  query<Row>(cursor: PostgresCursor<Row>): PostgresCursor<Row>
  query<Row>(
    statement: string | PostgresCursor<Row>,
    parameters?: readonly unknown[],
  ): Promise<PostgresQueryResult<Row>> | PostgresCursor<Row> {
    if (typeof statement !== 'string') throw new Error('rows are not streamed: read them in pages')
    return this.#query<Row>(statement, parameters ?? [])
  }

  release(destroy?: boolean): void {
    this.#client.release(destroy === true || this.#broken)
  }

  #queryOf(text: string, values: unknown[]): pg.QueryConfig & { query_timeout?: number } {
    return this.#timeoutMs === undefined ? { text, values } : { text, values, query_timeout: this.#timeoutMs }
  }

  async #query<Row>(sql: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>> {
    const values = [...parameters]
    try {
      const { command, rowCount, rows } = await this.#client.query(this.#queryOf(sql, values))
      // What the driver keeps of a statement outlives it, and would hold the text of a whole batch of calls.
      values.length = 0
      // The statement decides what its rows are; Kysely's callers name it.
      return {
        command: command as PostgresQueryResult<Row>['command'],
        rowCount: rowCount ?? 0,
        rows: rows as Row[],
      }
    } catch (error) {
      // An error without SQLSTATE is the connection's, not the statement's; so is the server's goodbye.
      if (error instanceof pg.DatabaseError && !isGoodbye(error)) throw error
      this.#broken = true
      throw this.#lost(error)
    }
  }
}

/** The server ends the connection: it is told to stop, has crashed, or someone has ended it by name. */
function isGoodbye(error: pg.DatabaseError): boolean {
  return error.code === '57P01' || error.code === '57P02'
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0])
  return error instanceof Error ? error.message : String(error)
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
