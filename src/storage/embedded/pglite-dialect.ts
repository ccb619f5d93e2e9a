/**
 * The embedded database as a Kysely dialect. PGlite has one session, so the driver hands out one connection at a
 * time: a query never lands in another caller's transaction.
 */
import {
  CompiledQuery,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
} from 'kysely'
import type { EmbeddedEngine } from './embedded-engine.ts'

export function embeddedDialect(engine: EmbeddedEngine): Dialect {
  return {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new EmbeddedDriver(engine),
    createIntrospector: (database) => new PostgresIntrospector(database),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  }
}

class EmbeddedDriver implements Driver {
  readonly #engine: EmbeddedEngine
  readonly #connection: DatabaseConnection

  constructor(engine: EmbeddedEngine) {
    this.#engine = engine
    this.#connection = new EmbeddedConnection(engine)
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    await this.#engine.acquire()
    return this.#connection
  }

  async releaseConnection(): Promise<void> {
    this.#engine.release()
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin'))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'))
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('rollback'))
  }

  async destroy(): Promise<void> {
    await this.#engine.close()
  }
}

class EmbeddedConnection implements DatabaseConnection {
  readonly #engine: EmbeddedEngine

  constructor(engine: EmbeddedEngine) {
    this.#engine = engine
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const answer = await this.#engine.query(query.sql, query.parameters)
    return {
      // The statement decides the shape of its rows; Kysely's callers name it.
      rows: answer.rows as Row[],
      ...(answer.affectedRows === undefined ? {} : { numAffectedRows: BigInt(answer.affectedRows) }),
    }
  }

  // oxlint-disable-next-line require-yield
  async *streamQuery<Row>(): AsyncIterableIterator<QueryResult<Row>> {
    throw new Error('the embedded database does not stream rows: read them in pages')
  }
}
