/** One gateway process with an address and a data directory that outlive it, like a pod's container. */
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from '../free-port.ts'
import type { Ending } from '../money/money-run.ts'
import { startProgram, type Program } from '../money/program.ts'

export const MASTER_KEY = 'sk-master-of-the-chaos'

export interface PodOptions {
  readonly name: string
  readonly directory: string
  readonly configFile: string
  readonly environment: Readonly<Record<string, string>>
}

/** Longer than a kubelet's: the machine of this test is one, and busy. */
const PROBE_TIMEOUT_MS = 10_000

export class Pod {
  readonly name: string
  readonly port: number
  readonly url: string
  readonly endings: Ending[] = []
  readonly #options: PodOptions
  #program: Program | undefined
  #isStopping = false
  #earlierOutput = ''

  private constructor(options: PodOptions, port: number) {
    this.#options = options
    this.name = options.name
    this.port = port
    this.url = `http://127.0.0.1:${port}`
  }

  static async create(options: PodOptions): Promise<Pod> {
    return new Pod(options, await freePort())
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const { configFile, environment } = this.#options
    const argv = ['--config', configFile, '--host', '127.0.0.1', '--port', String(this.port)]
    this.#isStopping = false
    this.#program = await startProgram([...argv, '--data-dir', this.#dataDir], environment)
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL', 'killed')
  }

  /** SIGTERM, and until it has ended. @throws when its exit code is not 0. */
  async stop(): Promise<void> {
    if (this.#program === undefined) return
    const code = await this.#end('SIGTERM', 'stopped')
    if (code !== 0)
      throw new Error(`${this.name} ended with ${code} after SIGTERM:\n${this.output.slice(-4_000)}`)
  }

  /** True when the process has ended by itself. */
  get hasCrashed(): boolean {
    return !this.#isStopping && this.#program?.ended() !== undefined
  }

  /** Everything that it has printed in all its lives. */
  get output(): string {
    return this.#earlierOutput + (this.#program?.output() ?? '')
  }

  /** What a kubelet's probe sees. */
  async isReady(): Promise<boolean> {
    return (await statusOf(`${this.url}/health/readiness`)) === 200
  }

  /** As a disk that is full: no file can grow. `full: false` makes room again. */
  async fillDisk(full: boolean): Promise<void> {
    const pid = String(this.#program?.pid)
    await promisify(execFile)('prlimit', ['--pid', pid, `--fsize=${full ? '0' : 'unlimited'}:`])
  }

  /** A sum over all series of a metric; undefined when there is none. */
  async metric(name: string): Promise<number | undefined> {
    const answer = await fetch(`${this.url}/metrics`, { headers: { authorization: `Bearer ${MASTER_KEY}` } })
    if (!answer.ok) throw new Error(`/metrics of ${this.name}: ${answer.status}`)
    const values = (await answer.text())
      .split('\n')
      .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
      .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)))
    return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0)
  }

  /** Segments of journals that nobody has booked yet. */
  leftovers(): readonly string[] {
    const files = readdirSync(join(this.#dataDir, 'journal'), { recursive: true, encoding: 'utf8' })
    return files.filter((name) => name.endsWith('.log')).map((name) => join(this.name, name))
  }

  get #dataDir(): string {
    return join(this.#options.directory, this.name)
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM', kind: Ending['kind']): Promise<number | NodeJS.Signals> {
    const program = this.#program
    if (program === undefined) return 0
    this.#isStopping = true
    const fromMs = Date.now()
    const code = await program.stop(signal)
    this.#earlierOutput += program.output()
    this.#program = undefined
    this.endings.push({ kind, fromMs, toMs: Date.now() })
    return code
  }
}

/** 0 when there is no answer. */
async function statusOf(url: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const asked = request(url, { agent: false, timeout: PROBE_TIMEOUT_MS }, (answer) => {
    answer.resume()
    resolve(answer.statusCode ?? 0)
  })
  asked.on('timeout', () => asked.destroy())
  asked.on('error', () => resolve(0)).end()
  return await promise
}
