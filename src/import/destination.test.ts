import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startPostgresql, type TestPostgresql } from '../../test/postgresql.ts'
import { openDatabase } from '../storage/open-database.ts'
import { tryingOut } from './destination.ts'

let server: TestPostgresql

beforeAll(async () => {
  server = await startPostgresql()
})

afterAll(async () => await server[Symbol.asyncDispose]())

test('trying out waits for the other database longer than a statement may run', async () => {
  const here = await openDatabase({ url: await server.createDatabase(), statementTimeoutMs: 1_000 })
  const there = await openDatabase({ url: server.url })
  const tried = await tryingOut(here, async (destination) => {
    await sql`select pg_sleep(1.5)`.execute(there.sql)
    return await destination.page(async (transaction) => await sql`select 1 as one`.execute(transaction))
  })
  expect(tried.rows).toEqual([{ one: 1 }])
  await there.close()
  await here.close()
})
