/** A real PostgreSQL server for tests: own directory, own port, stopped and started at will. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import pg from 'pg'
import { freePort } from './free-port.ts'

export interface TestPostgresql extends AsyncDisposable {
  /** URL of the database `postgres`. */
  readonly url: string
  /** Makes an empty database and gives its URL. */
  createDatabase(): Promise<string>
  /** Everything that the server has logged so far. */
  log(): string
  /** `immediate` is a crash: no goodbye to clients, recovery at the next start. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>
  /** Starts again, on the same port with the same data. */
  start(): Promise<void>
}

export interface PostgresqlSettings {
  /**
   * As managed databases do: with a certificate that nobody can verify, and no connection without it. A user
   * `by_password` has to give its password; one `in_plain_text` gets in without encryption alone.
   */
  readonly encryptedOnly?: boolean
}

/**
 * Starts a server. As root it runs as `postgres` or `nobody`, since PostgreSQL refuses to run as root.
 *
 * @throws when no PostgreSQL is installed: these tests have no substitute.
 */
export async function startPostgresql(settings: PostgresqlSettings = {}): Promise<TestPostgresql> {
  const server = new Server(findBinaries(), await freePort())
  if (settings.encryptedOnly === true) server.encryptOnly()
  await server.start()
  return server
}

const SETTINGS = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'fsync=off',
  'max_connections=200',
  'shared_buffers=32MB',
  'log_lock_waits=on',
]

class Server implements TestPostgresql {
  readonly url: string
  readonly #port: number
  readonly #binaries: string
  readonly #directory: string
  readonly #data: string
  readonly #account: Account | undefined
  readonly #settings: string[] = [...SETTINGS]
  #process: ChildProcess | undefined
  #log = ''

  constructor(binaries: string, port: number) {
    this.#binaries = binaries
    this.#port = port
    this.#account = process.getuid?.() === 0 ? unprivilegedAccount() : undefined
    this.#directory = mkdtempSync(join(tmpdir(), 'sluice-postgresql-'))
    this.#data = join(this.#directory, 'data')
    if (this.#account !== undefined) chownSync(this.#directory, this.#account.uid, this.#account.gid)
    this.url = `postgresql://sluice@127.0.0.1:${port}/postgres`
    const [command, ...rest] = this.#command('initdb', [
      `--pgdata=${this.#data}`,
      '--username=sluice',
      '--auth=trust',
      '--no-sync',
      '--encoding=UTF8',
      '--locale=C',
    ])
    execFileSync(command, rest, { stdio: 'pipe', cwd: this.#directory })
  }

  encryptOnly(): void {
    const file = join(this.#data, 'server.pem')
    copyFileSync(new URL('sim/localhost.pem', import.meta.url), file)
    chmodSync(file, 0o600)
    if (this.#account !== undefined) chownSync(file, this.#account.uid, this.#account.gid)
    const rules = [
      'hostssl all by_password 127.0.0.1/32 password',
      'hostssl all in_plain_text 127.0.0.1/32 reject',
      'hostnossl all in_plain_text 127.0.0.1/32 trust',
      'hostssl all all 127.0.0.1/32 trust',
    ]
    writeFileSync(join(this.#data, 'pg_hba.conf'), rules.map((rule) => `${rule}\n`).join(''))
    this.#settings.push('ssl=on', `ssl_cert_file=${file}`, `ssl_key_file=${file}`)
  }

  async createDatabase(): Promise<string> {
    const name = `test_${randomBytes(6).toString('hex')}`
    const client = new pg.Client({ connectionString: this.url })
    await client.connect()
    try {
      await client.query(`create database ${name}`)
    } finally {
      await client.end()
    }
    return this.url.replace(/postgres$/, name)
  }

  log(): string {
    return this.#log
  }

  async start(): Promise<void> {
    const [command, ...rest] = this.#command('postgres', [
      '-D',
      this.#data,
      ...this.#settings.map((setting) => `--${setting}`),
      `--port=${this.#port}`,
    ])
    const child = spawn(command, rest, { stdio: ['ignore', 'ignore', 'pipe'], cwd: this.#directory })
    this.#process = child
    const since = this.#log.length
    const ready = Promise.withResolvers<void>()
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log += text
      if (this.#log.includes('ready to accept connections', since)) ready.resolve()
    })
    child.on('exit', () => ready.reject(new Error(`PostgreSQL did not start:\n${this.#log.slice(since)}`)))
    await ready.promise
  }

  async stop(mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null) return
    const exited = once(child, 'exit')
    child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
    await exited
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('immediate')
    rmSync(this.#directory, { recursive: true, force: true })
  }

  #command(program: string, programArguments: readonly string[]): [string, ...string[]] {
    const path = join(this.#binaries, program)
    if (this.#account === undefined) return [path, ...programArguments]
    const { uid, gid } = this.#account
    // The server dies with the test process, however that ends.
    const drop = ['--reuid', String(uid), '--regid', String(gid), '--clear-groups', '--pdeathsig', 'SIGQUIT']
    return ['setpriv', ...drop, path, ...programArguments]
  }
}

interface Account {
  readonly uid: number
  readonly gid: number
}

function unprivilegedAccount(): Account {
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (flag: string): number =>
        Number(execFileSync('id', [flag, name], { stdio: 'pipe' }).toString())
      return { uid: id('-u'), gid: id('-g') }
    } catch {
      // No such account: the next name.
    }
  }
  throw new Error('PostgreSQL does not run as root, and there is neither an account postgres nor nobody')
}

function findBinaries(): string {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).toSorted((a, b) => Number(b) - Number(a)) : []
  const candidates = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ]
  const found = candidates.find(
    (path) => existsSync(join(path, 'postgres')) && existsSync(join(path, 'initdb')),
  )
  if (found === undefined) {
    throw new Error(
      'These tests need PostgreSQL 15 or newer: install it (Debian: apt-get install postgresql)',
    )
  }
  return found
}
