/** `sluice` as its users run it, a process of its own, and the simulator that it calls. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MASTER_KEY } from '../running-gateway.ts'

const PROGRAM = join(import.meta.dirname, '../../src/main.ts')

export type LogLine = Readonly<Record<string, unknown>>

/** A process, its log read as it comes. */
export class GatewayProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  #output = ''
  #onText = (): void => undefined
  #over = false

  constructor(argv: readonly string[], environment: Readonly<Record<string, string>>) {
    this.#child = spawn(process.execPath, [PROGRAM, ...argv], {
      env: { PATH: process.env['PATH'] ?? '', LITELLM_MASTER_KEY: MASTER_KEY, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    // A test that fails must leave nothing behind.
    const kill = (): void => void this.#child.kill('SIGKILL')
    process.once('exit', kill)
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text
        this.#onText()
      })
    }
    this.#closed = once(this.#child, 'close').then(() => {
      process.off('exit', kill)
      this.#over = true
      this.#onText()
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Everything printed so far. */
  get output(): string {
    return this.#output
  }

  /** The events of the log so far, without calls. */
  get events(): readonly LogLine[] {
    const lines = this.#output.split('\n').filter((line) => line.startsWith('{') && line.endsWith('}'))
    return lines.map((line) => JSON.parse(line) as LogLine).filter((line) => line['event'] !== 'call')
  }

  /** The `count`th match in what is printed. @throws when the process ends without it. */
  async printed(pattern: RegExp, count = 1): Promise<string> {
    const all = new RegExp(pattern, 'g')
    for (;;) {
      const match = this.#output.match(all)?.[count - 1]
      if (match !== undefined) return match
      if (this.#over) throw new Error(`it ended without ${String(pattern)} (${count}):\n${this.#output}`)
      await new Promise<void>((resolve) => (this.#onText = resolve))
    }
  }

  async url(): Promise<string> {
    return (await this.printed(/"url":"http:[^"]+"/)).slice(7, -1)
  }

  /** The process and all its children, as far as they live. */
  workers(): readonly number[] {
    try {
      const children = readFileSync(`/proc/${this.pid}/task/${this.pid}/children`, 'utf8')
      return children.split(' ').filter(Boolean).map(Number)
    } catch {
      return []
    }
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** Resolves with the exit code, or with the signal that ended it, when nothing more is printed. */
  async ended(): Promise<number | NodeJS.Signals | null> {
    await this.#closed
    return this.#child.exitCode ?? this.#child.signalCode
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | NodeJS.Signals | null> {
    this.signal(signal)
    return await this.ended()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('SIGKILL')
  }
}

/** A directory with a config file, and processes that share it. */
export class Installation implements Disposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'sluice-life-'))
  readonly #environment: Readonly<Record<string, string>>

  /** @param simulatorUrl stands for `{openai}` and `{anthropic}`. @param databaseUrl absent: the embedded database. */
  constructor(simulatorUrl: string, databaseUrl?: string, settings = '') {
    const config = CONFIG.replaceAll('{openai}', `${simulatorUrl}/v1`) + settings
    writeFileSync(join(this.directory, 'config.yaml'), config)
    this.#environment = databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }
  }

  start(argv: readonly string[] = [], environment: Readonly<Record<string, string>> = {}): GatewayProcess {
    const own = ['--config', join(this.directory, 'config.yaml'), '--host', '127.0.0.1']
    const port = argv.includes('--port') ? [] : ['--port', '0']
    const data = ['--data_dir', join(this.directory, 'data')]
    return new GatewayProcess([...own, ...port, ...data, ...argv], { ...this.#environment, ...environment })
  }

  [Symbol.dispose](): void {
    rmSync(this.directory, { recursive: true, force: true })
  }
}

const CONFIG = `
litellm_settings:
  require_auth_for_metrics_endpoint: false
model_list:
  - model_name: gpt
    litellm_params: { model: openai/sim-gpt, api_base: '{openai}', api_key: sk-provider }
    model_info: { id: gpt-1, input_cost_per_token: 0.000002, output_cost_per_token: 0.000008 }
`
