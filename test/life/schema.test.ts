/** The schema and those who bring it: several at once, some that die, some that may not. */
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MIGRATIONS } from '../../src/storage/migrations/index.ts'
import { startSimulator, type Simulator } from '../../src/sim/index.ts'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { ask } from './client.ts'
import { Installation } from './gateway-process.ts'

let simulator: Simulator
let postgresql: TestPostgresql

beforeAll(async () => {
  simulator = await startSimulator({ port: 0 })
  postgresql = await startPostgresql()
})

afterAll(async () => {
  await simulator.close()
  await postgresql[Symbol.asyncDispose]()
})

async function connected(url: string): Promise<pg.Client & AsyncDisposable> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  return Object.assign(client, { [Symbol.asyncDispose]: async () => await client.end() })
}

async function stepsOf(url: string): Promise<readonly string[]> {
  await using client = await connected(url)
  const { rows } = await client.query<{ id: string }>('select id from sluice_migration order by id')
  return rows.map(({ id }) => id)
}

/** Resolves when a session of the database waits for a lock. */
async function someoneWaits(client: pg.Client): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ waiting: boolean }>(
      `select count(*) > 0 as waiting from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock'`,
    )
    if (rows[0]!.waiting) return
  }
}

const ALL_STEPS = MIGRATIONS.map(({ id }) => id)

test('of processes that start at the same time one migrates, and all of them serve', async () => {
  const url = await postgresql.createDatabase()
  const installations = [new Installation(simulator.url, url), new Installation(simulator.url, url)]
  const gateways = installations.map((one) => one.start())
  try {
    for (const gateway of gateways)
      expect((await ask(`${await gateway.url()}/health/readiness`)).status).toBe(200)
    const told = gateways.flatMap((one) =>
      one.events.filter(({ msg }) => msg === 'the schema was brought up to date'),
    )
    expect(told).toHaveLength(1)
    expect(await stepsOf(url)).toEqual(ALL_STEPS)
  } finally {
    for (const gateway of gateways) await gateway[Symbol.asyncDispose]()
    for (const installation of installations) installation[Symbol.dispose]()
  }
})

test('a migration that is killed halfway leaves nothing behind, and the next one comes to the end', async () => {
  const url = await postgresql.createDatabase()
  using installation = new Installation(simulator.url, url)
  await using watcher = await connected(url)
  {
    // A table of the last but one step is being made by somebody else: the migration has done half and waits there.
    await using other = await connected(url)
    await other.query('begin')
    await other.query('create table sluice_user (user_id text)')
    await using killed = installation.start(['--skip_server_startup'])
    await someoneWaits(watcher)
    expect(await killed.stop('SIGKILL')).toBe('SIGKILL')
    await other.query('rollback')
  }
  // The server notices only now that nobody waits for the answer any more.
  await using again = installation.start(['--skip_server_startup'])
  expect(await again.ended()).toBe(0)
  expect(await stepsOf(url)).toEqual(ALL_STEPS)
  await using serving = installation.start()
  expect((await ask(`${await serving.url()}/health/readiness`)).status).toBe(200)
})

test('where schema updates are switched off a process waits for the one that migrates, and then serves', async () => {
  const url = await postgresql.createDatabase()
  using installation = new Installation(simulator.url, url)
  await using waiting = installation.start([], { DISABLE_SCHEMA_UPDATE: 'true' })
  await waiting.printed(/has not been made yet, and this version of Sluice needs step .*Trying again for/)
  // The job that migrates has the same environment as the pods.
  await using job = installation.start(['--skip_server_startup'], { DISABLE_SCHEMA_UPDATE: 'true' })
  expect(await job.ended()).toBe(0)
  expect((await ask(`${await waiting.url()}/health/readiness`)).status).toBe(200)
})

test('with IAM_TOKEN_DB_AUTH processes log in by an AWS role, and one that has none ends with what to do', async () => {
  // As RDS is: a token never goes out in plain text.
  await using rds = await startPostgresql({ encryptedOnly: true })
  using installation = new Installation(simulator.url, rds.url)
  const byRole = { IAM_TOKEN_DB_AUTH: 'true', AWS_REGION: 'eu-west-1' }
  await using without = installation.start(['--database_wait', '0'], byRole)
  expect(await without.ended()).toBe(1)
  expect(without.output).toMatch(/^sluice: .*IAM_TOKEN_DB_AUTH needs an AWS role: a service account/m)
  const keys = { AWS_ACCESS_KEY_ID: 'AKID', AWS_SECRET_ACCESS_KEY: 'secret' }
  await using job = installation.start(['--skip_server_startup'], { ...byRole, ...keys })
  expect(await job.ended()).toBe(0)
})

test('a process whose schema stays too old, or is too new, ends with both versions and what to do', async () => {
  const url = await postgresql.createDatabase()
  using installation = new Installation(simulator.url, url)
  const newest = ALL_STEPS.at(-1)!
  await using tooEarly = installation.start(['--database_wait', '0'], { DISABLE_SCHEMA_UPDATE: 'true' })
  expect(await tooEarly.ended()).toBe(1)
  expect(tooEarly.output).toMatch(
    new RegExp(`^sluice: The database's schema has not been made yet.*${newest}.*sluice migrate`, 'm'),
  )

  await using job = installation.start(['--skip_server_startup'])
  expect(await job.ended()).toBe(0)
  await using client = await connected(url)
  await client.query(
    `insert into sluice_migration (id, oldest_compatible) values ('9998-more', '0001-spend')`,
  )
  await using old = installation.start()
  expect((await ask(`${await old.url()}/health/readiness`)).status).toBe(200)
  expect(await old.stop()).toBe(0)

  await client.query(
    `insert into sluice_migration (id, oldest_compatible) values ('9999-other', '9998-more')`,
  )
  await using tooOld = installation.start()
  expect(await tooOld.ended()).toBe(1)
  expect(tooOld.output).toMatch(
    new RegExp(`^sluice: .*at step 9999-other.*steps up to ${newest}.*Start that version`, 'm'),
  )
})

test('with allow_requests_on_db_unavailable a process starts without its database, and is whole when that comes', async () => {
  const own = await startPostgresql()
  try {
    const url = await own.createDatabase()
    await own.stop()
    const settings = '\ngeneral_settings:\n  allow_requests_on_db_unavailable: true\n'
    using installation = new Installation(simulator.url, url, settings)
    await using gateway = installation.start()
    const base = await gateway.url()
    expect((await ask(`${base}/health/readiness`)).status).toBe(200)
    const body = { model: 'gpt', messages: [{ role: 'user', content: 'Hello' }] }
    expect((await ask(`${base}/v1/chat/completions`, { body, key: 'sk-not-known-yet' })).status).toBe(200)
    await own.start()
    await gateway.printed(/the database is back/)
    expect((await ask(`${base}/v1/chat/completions`, { body, key: 'sk-never-known' })).status).toBe(401)
  } finally {
    await own[Symbol.asyncDispose]()
  }
})
