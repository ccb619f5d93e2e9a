/** The thread in which the embedded PostgreSQL runs, so that a slow query never stops the gateway's event loop. */
import { PGlite } from '@electric-sql/pglite'
import { parentPort, workerData } from 'node:worker_threads'
import type { ErrorFacts, Request, Response, WorkerOptions } from './messages.ts'

/** Types whose JavaScript form must be the same as with the `pg` driver (see `postgresql.ts`). */
const PARSERS: Record<number, (text: string) => unknown> = {
  /* int8 */ 20: (text) => BigInt(text),
  /* date */ 1082: (text) => text,
  /* numeric */ 1700: (text) => BigInt(text),
}

/** Values arrive as PostgreSQL text already: whatever the type, they are handed on. */
const AS_TEXT = new Proxy<Record<number, (value: unknown) => string>>({}, { get: () => String })

const port = parentPort
if (port === null) throw new Error('pglite-worker runs as a worker thread only')

// `workerData` is typed as any; the one starter of this thread passes WorkerOptions.
const options = workerData as WorkerOptions
const database = await PGlite.create(options.dataDir, {
  parsers: PARSERS,
  postgresqlconf: ['shared_buffers=8MB', 'min_wal_size=32MB', 'max_wal_size=64MB'],
})

port.on('message', (request: Request) => {
  void answer(request).then((response) => port.postMessage(response))
})
const ready: Response = { id: 0, answer: { rows: [], affectedRows: undefined } }
port.postMessage(ready)

async function answer(request: Request): Promise<Response> {
  try {
    if (request.kind === 'close') {
      await database.query('CHECKPOINT')
      await database.close()
      return { id: request.id, answer: { rows: [], affectedRows: undefined } }
    }
    const result = await database.query(request.sql, request.values, { serializers: AS_TEXT })
    return { id: request.id, answer: { rows: result.rows, affectedRows: result.affectedRows } }
  } catch (error) {
    return { id: request.id, error: errorFacts(error) }
  }
}

function errorFacts(error: unknown): ErrorFacts {
  const text = (name: string): string | undefined => {
    const value: unknown = error instanceof Error ? Reflect.get(error, name) : undefined
    return typeof value === 'string' ? value : undefined
  }
  return {
    message: text('message') ?? String(error),
    code: text('code'),
    detail: text('detail'),
    constraint: text('constraint'),
    table: text('table'),
  }
}
