/** The main thread's side of the embedded database: one worker thread, one session, one user of it at a time. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { encodeValue } from './encode-value.ts'
import type { ErrorFacts, QueryAnswer, Request, Response, WorkerOptions } from './messages.ts'

/** An error that the embedded PostgreSQL gave; `code` is its SQLSTATE, as with the `pg` driver. */
export class EmbeddedDatabaseError extends Error {
  override readonly name = 'EmbeddedDatabaseError'
  readonly code: string | undefined
  readonly detail: string | undefined
  readonly constraint: string | undefined
  readonly table: string | undefined

  constructor(facts: ErrorFacts) {
    super(facts.message)
    this.code = facts.code
    this.detail = facts.detail
    this.constraint = facts.constraint
    this.table = facts.table
  }
}

interface Waiter {
  resolve(answer: QueryAnswer): void
  reject(error: unknown): void
}

export class EmbeddedEngine {
  readonly #worker: Worker
  readonly #waiters = new Map<number, Waiter>()
  readonly #queue: (() => void)[] = []
  #nextId = 1
  #statements = 0
  #busy = false
  #failure: Error | undefined

  private constructor(worker: Worker) {
    this.#worker = worker
    worker.on('message', (response: Response) => this.#onResponse(response))
    worker.on('error', (error) => {
      this.#onFailure(new Error('the embedded database has failed: restart the gateway', { cause: error }))
    })
    worker.on('exit', () => this.#onFailure(new Error('the embedded database has been closed')))
  }

  /** Starts the thread and waits until the database answers; makes the directory when it is new. */
  static async start(dataDir: string): Promise<EmbeddedEngine> {
    const workerData: WorkerOptions = { dataDir }
    // Built code is JavaScript, the source tree TypeScript: the thread's file stands beside this one, in its form.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const worker = new Worker(new URL(`./pglite-worker.${extension}`, import.meta.url), {
      workerData,
      execArgv: [],
      name: 'embedded-database',
    })
    await once(worker, 'message')
    return new EmbeddedEngine(worker)
  }

  /** Statements run so far. */
  get statements(): number {
    return this.#statements
  }

  get failed(): boolean {
    return this.#failure !== undefined
  }

  /** Waits for the session; whoever gets it must `release` it. */
  async acquire(): Promise<void> {
    if (!this.#busy) {
      this.#busy = true
      return
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#queue.push(resolve)
    await promise
  }

  release(): void {
    const next = this.#queue.shift()
    if (next === undefined) this.#busy = false
    else next()
  }

  /** Runs one statement in the session. */
  async query(sql: string, parameters: readonly unknown[]): Promise<QueryAnswer> {
    this.#statements += 1
    return await this.#ask({ id: this.#nextId++, kind: 'query', sql, values: parameters.map(encodeValue) })
  }

  /** Writes everything to the data files and ends the thread. */
  async close(): Promise<void> {
    await this.acquire()
    try {
      if (!this.failed) await this.#ask({ id: this.#nextId++, kind: 'close' })
    } finally {
      await this.#worker.terminate()
      this.release()
    }
  }

  async #ask(request: Request): Promise<QueryAnswer> {
    if (this.#failure !== undefined) throw this.#failure
    const { promise, resolve, reject } = Promise.withResolvers<QueryAnswer>()
    this.#waiters.set(request.id, { resolve, reject })
    this.#worker.postMessage(request)
    return await promise
  }

  #onResponse(response: Response): void {
    const waiter = this.#waiters.get(response.id)
    this.#waiters.delete(response.id)
    if ('error' in response) waiter?.reject(new EmbeddedDatabaseError(response.error))
    else waiter?.resolve(response.answer)
  }

  #onFailure(error: Error): void {
    this.#failure ??= error
    for (const waiter of this.#waiters.values()) waiter.reject(this.#failure)
    this.#waiters.clear()
  }
}
