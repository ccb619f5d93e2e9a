/** Migrated databases of both kinds, for suites that hold both to the same behaviour. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database, DatabaseKind } from '../src/storage/database.ts'
import { migrate } from '../src/storage/migrate.ts'
import { openDatabase } from '../src/storage/open-database.ts'
import { startPostgresql } from './postgresql.ts'

export interface TestDatabase extends AsyncDisposable {
  readonly database: Database
}

/** An empty database with the current schema; PostgreSQL runs as long as it is held. */
export async function migratedDatabase(kind: DatabaseKind): Promise<TestDatabase> {
  const stack = new AsyncDisposableStack()
  const database = await openDatabase(await place(kind, stack))
  stack.defer(() => database.close())
  await migrate(database)
  return { database, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

async function place(kind: DatabaseKind, stack: AsyncDisposableStack) {
  if (kind === 'postgresql') return { url: stack.use(await startPostgresql()).url }
  const dataDir = mkdtempSync(join(tmpdir(), 'sluice-database-'))
  stack.defer(() => rmSync(dataDir, { recursive: true, force: true }))
  return { dataDir }
}
