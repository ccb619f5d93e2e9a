import { sql } from 'kysely'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPostgresql, type TestPostgresql } from '../../test/postgresql.ts'
import type { Database } from './database.ts'
import { migrate, requireSchema, schemaState, SchemaTooNewError, SchemaTooOldError } from './migrate.ts'
import { MIGRATIONS } from './migrations/index.ts'
import type { Migration } from './migrations/migration.ts'
import { connectDatabase, openDatabase } from './open-database.ts'

let server: TestPostgresql
let directory: string

function addTable(name: string): Migration['up'] {
  return async (transaction) =>
    void (await sql`create table ${sql.table(name)} (value int)`.execute(transaction))
}

beforeAll(async () => {
  server = await startPostgresql()
  directory = mkdtempSync(join(tmpdir(), 'sluice-storage-'))
})

afterAll(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(directory, { recursive: true, force: true })
})

describe.each(['postgresql', 'embedded'] as const)('%s', (kind) => {
  let database: Database

  beforeAll(async () => {
    const options =
      kind === 'embedded' ? { dataDir: join(directory, 'one') } : { url: await server.createDatabase() }
    database = await openDatabase(options)
  })

  afterAll(async () => await database.close())

  test('is of its kind and reachable', () => {
    expect(database.kind).toBe(kind)
    expect(database.reachable).toBe(true)
  })

  test('int8, count and numeric are bigint, date is text, timestamptz is a Date, jsonb is parsed', async () => {
    const { rows } = await sql`select 9007199254740993::int8 as wide, count(*) as count, sum(2::int8) as sum,
      12345678901234567890123456789012345678::numeric(38, 0) as wider, date '2026-02-03' as day, timestamptz '2026-02-03T04:05:06.789Z' as moment,
      '{"a":[1,null]}'::jsonb as json, 3::int4 as small, true as flag, null as nothing,
      array['a','b'] as texts, 1.5::float8 as float`.execute(database.sql)
    expect(rows).toEqual([
      {
        wide: 9007199254740993n,
        count: 1n,
        sum: 2n,
        wider: 12345678901234567890123456789012345678n,
        day: '2026-02-03',
        moment: new Date('2026-02-03T04:05:06.789Z'),
        json: { a: [1, null] },
        small: 3,
        flag: true,
        nothing: null,
        texts: ['a', 'b'],
        float: 1.5,
      },
    ])
  })

  test('every kind of parameter arrives as it was sent', async () => {
    const texts = ['plain', 'quo"te', 'back\\slash', 'com,ma', '{brace}', 'NULL', '', 'ü\n', null]
    const { rows } = await sql`select ${texts}::text[] as texts, ${[1n, -(2n ** 62n)]}::int8[] as wides,
      ${[true, false]}::bool[] as flags, ${{ a: 'x' }}::jsonb as json, ${JSON.stringify([1])}::jsonb as list,
      ${new Date(1_770_091_506_789)}::timestamptz as moment, ${null}::text as nothing, ${7}::int4 as small,
      ${[1.25, 2]}::float8[] as floats, encode(${Buffer.from([0, 255])}::bytea, 'hex') as bytes`.execute(
      database.sql,
    )
    expect(rows).toEqual([
      {
        texts,
        wides: [1n, -(2n ** 62n)],
        flags: [true, false],
        json: { a: 'x' },
        list: [1],
        moment: new Date(1_770_091_506_789),
        nothing: null,
        small: 7,
        floats: [1.25, 2],
        bytes: '00ff',
      },
    ])
  })

  test('errors carry their SQLSTATE', async () => {
    await expect(sql`select 1/0`.execute(database.sql)).rejects.toMatchObject({ code: '22012' })
    await expect(sql`select * from nowhere`.execute(database.sql)).rejects.toMatchObject({ code: '42P01' })
  })

  test('a query of another caller never lands in an open transaction', async () => {
    await sql`create table apart (value int)`.execute(database.sql)
    const failed = database.sql.transaction().execute(async (transaction) => {
      await sql`insert into apart values (1)`.execute(transaction)
      // Sent while the transaction is open: on the embedded database it has to wait for its end.
      const outside = sql`insert into apart values (2)`.execute(database.sql)
      await sql`select pg_sleep(0.01)`.execute(transaction)
      throw Object.assign(new Error('rolled back'), { outside })
    })
    const error: unknown = await failed.catch((reason: unknown) => reason)
    await (error as { outside: Promise<unknown> }).outside
    const { rows } = await sql`select value from apart`.execute(database.sql)
    expect(rows).toEqual([{ value: 2 }])
  })

  test('several processes at once: one migrates, the others wait, each step runs once', async () => {
    const results = await Promise.all([migrate(database), migrate(database), migrate(database)])
    const ran = results.flat()
    expect(ran).toContain('0001-spend')
    expect(new Set(ran).size).toBe(ran.length)
    expect(await migrate(database)).toEqual([])
  })

  test('a step that fails leaves nothing behind', async () => {
    const broken = {
      id: '9998-broken',
      up: async (transaction: Parameters<typeof migrate>[0]['sql']) => {
        await sql`create table half_done (value int)`.execute(transaction)
        await sql`select 1/0`.execute(transaction)
      },
    }
    await expect(migrate(database, [...MIGRATIONS, broken])).rejects.toMatchObject({ code: '22012' })
    const { rows } = await sql`select to_regclass('half_done') as it`.execute(database.sql)
    expect(rows).toEqual([{ it: null }])
  })

  test('a schema with more steps serves as long as they only add to what the code uses', async () => {
    const adding = { id: '9990-adding', up: addTable('added_later') }
    await migrate(database, [...MIGRATIONS, adding])
    expect(await schemaState(database)).toBe('current')
    expect(await migrate(database)).toEqual([])
    const changing = { id: '9991-changing', oldestCompatible: '9990-adding', up: addTable('changed_later') }
    await migrate(database, [...MIGRATIONS, adding, changing])
    // The version that knows the step before the change still may; the one before that may not.
    expect(await schemaState(database, [...MIGRATIONS, adding])).toBe('current')
    const refused = schemaState(database)
    await expect(refused).rejects.toThrow(SchemaTooNewError)
    await expect(refused).rejects.toThrow(
      new RegExp(`at step 9991-changing.*up to ${MIGRATIONS.at(-1)!.id}.*after 9991-changing`),
    )
    await sql`delete from sluice_migration where id > '9'`.execute(database.sql)
  })

  test('a schema that lacks steps is refused with both versions where it may not be migrated', async () => {
    await expect(requireSchema(database)).resolves.toBeUndefined()
    const further = [...MIGRATIONS, { id: '9992-missing', up: addTable('missing') }]
    const refused = requireSchema(database, further)
    await expect(refused).rejects.toThrow(SchemaTooOldError)
    await expect(refused).rejects.toThrow(
      new RegExp(`is at step ${MIGRATIONS.at(-1)!.id}.*needs step 9992-missing.*sluice migrate`),
    )
  })

  test('a schema that is newer than the code is refused by name', async () => {
    await sql`insert into sluice_migration (id) values ('9999-tomorrow')`.execute(database.sql)
    const refused = migrate(database)
    await expect(refused).rejects.toThrow(SchemaTooNewError)
    await expect(refused).rejects.toThrow(/9999-tomorrow/)
  })
})

test('a data directory in use is refused with a message that says what to do', async () => {
  const dataDir = join(directory, 'locked')
  const first = await openDatabase({ dataDir })
  await expect(openDatabase({ dataDir })).rejects.toThrow(/in use by another process.*DATABASE_URL/)
  await first.close()
  const again = await openDatabase({ dataDir })
  await again.close()
})

test('what was written to the embedded database is there after a close and a reopen', async () => {
  const dataDir = join(directory, 'kept')
  const first = await openDatabase({ dataDir })
  await sql`create table kept as select 42 as answer`.execute(first.sql)
  await first.close()
  await expect(sql`select 1`.execute(first.sql)).rejects.toThrow(/closed/)
  const again = await openDatabase({ dataDir })
  expect((await sql`select * from kept`.execute(again.sql)).rows).toEqual([{ answer: 42 }])
  await again.close()
})

test('an unreachable server is named in the error, its password never', async () => {
  const url = 'postgresql://someone:hunter2@127.0.0.1:1/gateway?connect_timeout=2'
  const error: unknown = await openDatabase({ url }).catch((reason: unknown) => reason)
  expect(String(error)).toMatch(/127\.0\.0\.1:1\/gateway/)
  expect(JSON.stringify(error, Object.getOwnPropertyNames(error)) + String(error)).not.toContain('hunter2')
  const database = connectDatabase({ url })
  await expect(sql`select 1`.execute(database.sql)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  expect(database.reachable).toBe(false)
  await database.close()
})

test('a URL that cannot be read is refused without being repeated', async () => {
  const error: unknown = await openDatabase({ url: '//user:hunter2' }).catch((reason: unknown) => reason)
  expect(String(error)).toMatch(/postgresql:\/\/user:password@host/)
  expect(String(error)).not.toContain('hunter2')
})

test('the pool is as large as connection_limit says, and named in the server', async () => {
  const database = await openDatabase({ url: `${await server.createDatabase()}?connection_limit=2` })
  const names = await Promise.all(
    [1, 2, 3, 4].map(
      async () =>
        await sql<{ pid: number; name: string }>`select pg_backend_pid() as pid,
          current_setting('application_name') as name from pg_sleep(0.05)`.execute(database.sql),
    ),
  )
  const rows = names.flatMap((result) => result.rows)
  expect(new Set(rows.map((row) => row.pid)).size).toBe(2)
  expect(rows.every((row) => row.name === 'sluice')).toBe(true)
  await database.close()
})

test('a server that was away is reachable again when it is back', async () => {
  const own = await startPostgresql()
  const database = await openDatabase({ url: own.url })
  await own.stop('immediate')
  await expect(sql`select 1`.execute(database.sql)).rejects.toThrow()
  await expect(sql`select 1`.execute(database.sql)).rejects.toThrow()
  expect(database.reachable).toBe(false)
  await own.start()
  await sql`select 1`.execute(database.sql)
  expect(database.reachable).toBe(true)
  await database.close()
  await own[Symbol.asyncDispose]()
})

test('the schema that the URL names is the one that is used', async () => {
  const url = await server.createDatabase()
  const outside = await openDatabase({ url })
  await sql`create schema gateway`.execute(outside.sql)
  const database = await openDatabase({ url: `${url}?schema=gateway` })
  await migrate(database)
  const { rows } = await sql`select schemaname as schema from pg_tables
    where tablename = 'sluice_spend_total'`.execute(outside.sql)
  expect(rows).toEqual([{ schema: 'gateway' }])
  await database.close()
  await outside.close()
})
