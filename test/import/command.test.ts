/** The command as an operator runs it: errors that say what to do, a report, and a run that was killed. */
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import pg from 'pg'
import { runCommand, RunningCommand } from '../e2e/command.ts'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import type { ImportReport } from '../../src/import/report.ts'
import { importInto } from './imported.ts'
import { LitellmDatabase } from './litellm-database.ts'
import { fillSample } from './sample-rows.ts'

const MAIN = join(import.meta.dirname, '../../src/main.ts')
const COMMAND = [process.execPath, MAIN] as const

let server: TestPostgresql
let old: LitellmDatabase
let url: string
let directory: string

beforeAll(async () => {
  server = await startPostgresql()
})

afterAll(async () => await server?.[Symbol.asyncDispose]())

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sluice-import-command-'))
  old = await LitellmDatabase.create(await server.createDatabase())
  url = await server.createDatabase()
})

afterEach(async () => {
  await old.close()
  rmSync(directory, { recursive: true, force: true })
})

const run = async (args: readonly string[], env: Record<string, string> = {}) =>
  await runCommand(['import', ...args], {
    cwd: directory,
    command: COMMAND,
    env: { DATABASE_URL: url, SLUICE_DATABASE_WAIT_SECONDS: '0', ...env },
  })

test('the command takes a database, prints what it did, and writes it as JSON', async () => {
  await fillSample(old)
  const result = await run(['--from', old.url, '--report', 'report.json'])
  expect(result).toMatchObject({ exitCode: 0 })
  expect(result.stdout).toMatch(/keys +9 +6 +0 +0 +3\n/)
  expect(result.stdout).toMatch(/- keys, skipped: 1 × a session of the dashboard \(sk-\.\.\.sion\)\n/)
  expect(result.stdout).toMatch(/\nDone\.\n$/)
  const report = JSON.parse(readFileSync(join(directory, 'report.json'), 'utf8')) as ImportReport
  expect(report.tables.find(({ name }) => name === 'keys')).toMatchObject({ read: 9, new: 6, skipped: 3 })
})

test('without --from it reads the database that Sluice itself uses', async () => {
  await fillSample(old)
  const result = await run(['--dry-run'], { DATABASE_URL: `${old.url}?schema=sluice` })
  expect(result).toMatchObject({ exitCode: 0 })
  expect(result.stdout).toMatch(/A dry run: nothing was written\.\n$/)
  expect(result.stdout).not.toContain('Take care')
  const shared = await run([], { DATABASE_URL: old.url })
  expect(shared.stdout).toContain('drops tables that it does not know')
  expect(shared.stderr).toContain('drops tables that it does not know')
})

test('--from os.environ/NAME reads the URL from the environment', async () => {
  const result = await run(['--from', 'os.environ/OLD_DATABASE', '--dry-run'], { OLD_DATABASE: old.url })
  expect(result).toMatchObject({ exitCode: 0 })
})

const FAULTS: readonly {
  readonly name: string
  readonly prepare?: () => Promise<string>
  readonly args?: readonly string[]
  readonly expected: RegExp
}[] = [
  {
    name: 'a URL that is none',
    args: ['--from', 'mysql://user:hush@host/name'],
    expected: /--from: expected a URL of the form postgresql:/,
  },
  {
    name: 'a server that is not there',
    args: ['--from', 'postgresql://user:hush@127.0.0.1:1/name'],
    expected: /The database 127\.0\.0\.1:1\/name cannot be reached/,
  },
  {
    name: 'a database that is not LiteLLM’s',
    prepare: async () => await server.createDatabase(),
    expected: /not a LiteLLM database: it has no table "LiteLLM_VerificationToken"/,
  },
  {
    name: 'a user that may not read',
    prepare: async () => {
      await old.run('drop role if exists guest')
      await old.run('create role guest login')
      return old.url.replace('sluice@', 'guest@')
    },
    expected: /The user guest of the source may not read .*"LiteLLM_UserTable".*grant select/,
  },
  {
    name: 'a table that is missing',
    prepare: async () => {
      await old.run('drop table "LiteLLM_TeamMembership"')
      return old.url
    },
    expected: /- the table "LiteLLM_TeamMembership" is missing/,
  },
  {
    name: 'a column that is missing',
    prepare: async () => {
      await old.run('alter table "LiteLLM_UserTable" drop column spend')
      return old.url
    },
    expected: /- the column "LiteLLM_UserTable"\."spend" is missing/,
  },
  {
    name: 'a column of another type',
    prepare: async () => {
      await old.run('alter table "LiteLLM_TeamTable" alter column spend type numeric')
      return old.url
    },
    expected: /"LiteLLM_TeamTable"\."spend" is numeric, expected double precision/,
  },
  {
    name: 'a column that changes the meaning of others',
    prepare: async () => {
      await old.run('alter table "LiteLLM_UserTable" add column spend_at_last_reset double precision')
      return old.url
    },
    expected: /with the column "LiteLLM_UserTable"\."spend_at_last_reset" `spend` is no longer/,
  },
  {
    name: 'a migration that is newer than known',
    prepare: async () => {
      await old.addMigration('20991231000000_another_world')
      return old.url
    },
    expected:
      /newest migration is 20991231000000_another_world.*--accept-schema 20991231000000_another_world/s,
  },
  {
    name: 'a time that cannot be read',
    args: ['--spend-logs', '--since', 'yesterday'],
    expected: /--since: expected a day/,
  },
]

test.each(FAULTS)(
  '$name is refused, with what to do and without a password',
  async ({ prepare, args, expected }) => {
    const from = prepare === undefined ? [] : ['--from', await prepare()]
    const result = await run([...from, ...(args ?? [])])
    expect(result.exitCode).toBe(1)
    expect(result.stderr).toMatch(expected)
    expect(result.stderr + result.stdout).not.toContain('hush')
  },
)

test('a newer migration is accepted by its name, and columns that are not known are told', async () => {
  await old.addMigration('20991231000000_another_world')
  await old.run('alter table "LiteLLM_UserTable" add column favourite_colour text')
  const result = await run(['--from', old.url, '--accept-schema', '20991231000000_another_world'])
  expect(result).toMatchObject({ exitCode: 0 })
  expect(result.stdout).toContain('- LiteLLM_UserTable.favourite_colour\n')
})

test('a run that is killed halfway is completed by the next, as if nothing had happened', async () => {
  await old.run(`insert into "LiteLLM_UserTable" (user_id, user_role, spend)
    select 'user-' || i, 'internal_user', i / 7.0 from generate_series(1, 5000) i`)
  await old.run(`insert into "LiteLLM_VerificationToken" (token, key_name, user_id, spend)
    select encode(sha256(('key-' || i)::bytea), 'hex'), 'sk-...', 'user-' || i, i / 7.0 from generate_series(1, 5000) i`)
  const killed = new RunningCommand(['import', '--from', old.url], {
    cwd: directory,
    command: COMMAND,
    env: { DATABASE_URL: url },
  })
  await killed.printed(/^users: 2000 read$/m)
  // Nobody asks a process that is killed: what it had begun, it has not done.
  await killed[Symbol.asyncDispose]()
  const users = await countOf('sluice_user')
  expect(users).toBeGreaterThanOrEqual(2000)
  expect(await countOf('sluice_virtual_key')).toBeLessThan(5000)

  const report = await importInto(url, old.url)
  expect(report.tables.find(({ name }) => name === 'users')).toMatchObject({ new: 5000 - users, same: users })
  const once = await server.createDatabase()
  await importInto(once, old.url)
  expect(await digestOf(url)).toBe(await digestOf(once))
})

async function query(database: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: database })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

async function countOf(table: string): Promise<number> {
  return Number((await query(url, `select count(*) from ${table}`))[0]?.['count'])
}

async function digestOf(database: string): Promise<string> {
  const parts = await Promise.all([
    query(database, 'select * from sluice_spend_total order by scope, scope_id'),
    query(database, 'select key_hash, user_id, key_name from sluice_virtual_key order by 1'),
    query(database, 'select user_id, user_role from sluice_user order by 1'),
    query(database, 'select kind, row_id, source_digest from sluice_imported_row order by 1, 2'),
  ])
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}
