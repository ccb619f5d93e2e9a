/** A real Redis server for tests: own directory, own port, stopped, hung and started at will. */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './free-port.ts'

export interface TestRedisOptions {
  /** The port to listen on; a free one without it. */
  readonly port?: number
  /** Password of the default user. */
  readonly password?: string
  /** Listens with TLS only; the certificate is made for `localhost` and 127.0.0.1, by an authority of its own. */
  readonly tls?: boolean
  /** More lines of its configuration: `['maxmemory 10mb']`. */
  readonly settings?: readonly string[]
}

export interface TestRedis extends AsyncDisposable {
  /** `redis://127.0.0.1:<port>`, `rediss://` with TLS; holds the password where there is one. */
  readonly url: string
  readonly port: number
  /** PEM file of the authority that signed the certificate; empty without TLS. */
  readonly caFile: string
  /** Hangs the server: connections stand, nothing is answered. */
  pause(): void
  resume(): void
  /** Kills the server and all its connections; what it held is gone. */
  stop(): Promise<void>
  /** Starts again, on the same port. */
  start(): Promise<void>
  flush(): Promise<void>
  /** A command by the server's own client. @returns what it prints, without the last line end. */
  command(...words: readonly string[]): Promise<string>
}

/** @throws when no Redis is installed: these tests have no substitute. */
export async function startRedis(options: TestRedisOptions = {}): Promise<TestRedis> {
  const server = new Server('server', options, options.port ?? (await freePort()))
  await server.start()
  return server
}

/** Watches over the named primary; with one of its kind a quorum is one. */
export async function startSentinel(settings: readonly string[]): Promise<TestRedis> {
  const server = new Server('sentinel', { settings }, await freePort())
  await server.start()
  return server
}

class Server implements TestRedis {
  readonly url: string
  readonly port: number
  readonly caFile: string
  readonly #directory: string
  readonly #command: readonly string[]
  readonly #client: readonly string[]
  #process: ChildProcess | undefined
  #log = ''

  constructor(mode: 'server' | 'sentinel', options: TestRedisOptions, port: number) {
    this.port = port
    this.#directory = mkdtempSync(join(tmpdir(), 'sluice-redis-'))
    const { password, tls = false } = options
    if (tls) makeCertificate(this.#directory)
    this.caFile = tls ? join(this.#directory, 'ca.pem') : ''
    this.url = `${tls ? 'rediss' : 'redis'}://${password === undefined ? '' : `:${password}@`}127.0.0.1:${port}`
    const configuration = join(this.#directory, 'redis.conf')
    const lines = mode === 'server' ? serverSettings(options, port, this.#directory) : [`port ${port}`]
    writeFileSync(configuration, [...lines, 'bind 127.0.0.1', ...(options.settings ?? []), ''].join('\n'))
    const program = [...DIES_WITH_THE_TEST, findBinary('redis-server'), configuration]
    this.#command = mode === 'server' ? program : [...program, '--sentinel']
    this.#client = [
      '-h',
      '127.0.0.1',
      '-p',
      String(port),
      ...(password === undefined ? [] : ['-a', password, '--no-auth-warning']),
      ...(tls ? ['--tls', '--cacert', this.caFile] : []),
    ]
  }

  async start(): Promise<void> {
    const [program = '', ...rest] = this.#command
    const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.#directory })
    this.#process = child
    const since = this.#log.length
    const ready = Promise.withResolvers<void>()
    const onText = (text: string): void => {
      this.#log += text
      if (/Ready to accept connections|Sentinel ID is/.test(this.#log.slice(since))) ready.resolve()
    }
    child.stdout.setEncoding('utf8').on('data', onText)
    child.stderr.setEncoding('utf8').on('data', onText)
    child.on('exit', () => ready.reject(new Error(`Redis did not start:\n${this.#log.slice(since)}`)))
    await ready.promise
  }

  async stop(): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  pause(): void {
    this.#process?.kill('SIGSTOP')
  }

  resume(): void {
    this.#process?.kill('SIGCONT')
  }

  async flush(): Promise<void> {
    await this.command('flushall')
  }

  async command(...words: readonly string[]): Promise<string> {
    const { stdout } = await promisify(execFile)(findBinary('redis-cli'), [...this.#client, ...words])
    return stdout.replace(/\n$/, '')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

// The server dies with the test process, however that ends, and even while it is hung.
const DIES_WITH_THE_TEST =
  process.platform === 'linux' ? (['setpriv', '--pdeathsig', 'SIGKILL'] as const) : ([] as const)

function serverSettings(options: TestRedisOptions, port: number, directory: string): readonly string[] {
  const { password, tls = false } = options
  return [
    `dir ${directory}`,
    'save ""',
    'repl-diskless-sync-delay 0',
    ...(tls ? tlsSettings(port, directory) : [`port ${port}`]),
    ...(password === undefined ? [] : [`requirepass ${password}`, `masterauth ${password}`]),
  ]
}

function tlsSettings(port: number, directory: string): readonly string[] {
  return [
    'port 0',
    `tls-port ${port}`,
    `tls-cert-file ${join(directory, 'server.pem')}`,
    `tls-key-file ${join(directory, 'server.key')}`,
    `tls-ca-cert-file ${join(directory, 'ca.pem')}`,
    'tls-auth-clients no',
  ]
}

function makeCertificate(directory: string): void {
  const openssl = (...words: readonly string[]): unknown =>
    execFileSync('openssl', ['req', '-x509', ...NEW_KEY, ...words], { stdio: 'pipe', cwd: directory })
  openssl('-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=sluice test authority')
  const server = ['-keyout', 'server.key', '-out', 'server.pem', '-subj', '/CN=localhost']
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-addext', 'basicConstraints=critical,CA:FALSE']
  openssl(...server, ...signed, '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1')
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']

function findBinary(name: string): string {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/local/bin']
  const found = folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
  if (found === undefined) {
    throw new Error('These tests need Redis 7 or newer: install it (Debian: apt-get install redis-server)')
  }
  return found
}
