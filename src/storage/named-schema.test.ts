import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPostgresql, type TestPostgresql } from '../../test/postgresql.ts'
import { requireNamedSchema, SchemaNotUsedError } from './named-schema.ts'
import { migrate } from './migrate.ts'
import { openDatabase } from './open-database.ts'

let server: TestPostgresql

beforeAll(async () => {
  server = await startPostgresql()
})

afterAll(async () => await server[Symbol.asyncDispose]())

test('a schema that a pooler does not pass on is refused by name, until the database gives it by itself', async () => {
  const plain = await server.createDatabase()
  const url = `${plain}?pgbouncer=true&schema=gateway`
  const before = await openDatabase({ url })
  await expect(requireNamedSchema(before, url)).rejects.toThrow(SchemaNotUsedError)
  await expect(requireNamedSchema(before, url)).rejects.toThrow(
    /"gateway", and its connections use "public".*set search_path = gateway/,
  )
  const database = sql.raw(new URL(plain).pathname.slice(1))
  await sql`alter database ${database} set search_path = gateway`.execute(before.sql)
  await before.close()
  const after = await openDatabase({ url })
  // Wanted, and made with the first step.
  await requireNamedSchema(after, url)
  await migrate(after)
  await requireNamedSchema(after, url)
  const { rows } = await sql`select current_schema() as used`.execute(after.sql)
  expect(rows).toEqual([{ used: 'gateway' }])
  await after.close()
})

test('nothing is asked where the connection itself brings the schema, or none is named', async () => {
  const plain = await server.createDatabase()
  for (const query of ['', '?schema=gateway', '?pgbouncer=true', '?pgbouncer=true&schema=public']) {
    const database = await openDatabase({ url: plain + query })
    await requireNamedSchema(database, plain + query)
    await database.close()
  }
})
