/** The command `sluice` in a process of its own, as a shell starts it. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

export const PROGRAM = join(import.meta.dirname, '../../bin/sluice.js')

export interface CommandOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** What stands before the arguments: this Node and `bin/sluice.js` unless told. */
  readonly command?: readonly [program: string, ...args: string[]]
}

export interface EndedCommand {
  readonly exitCode: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A command under way. */
export class RunningCommand implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>
  #stdout = ''
  #stderr = ''
  #onText: () => void = () => undefined

  constructor(args: readonly string[], options: CommandOptions) {
    const [program, ...before] = options.command ?? [process.execPath, PROGRAM]
    this.#child = spawn(program, [...before, ...args], {
      cwd: options.cwd,
      env: { PATH: process.env['PATH'] ?? '', HOME: options.cwd, ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#closed = once(this.#child, 'close')
    // A test that runs out of time must not leave a gateway behind.
    const kill = (): void => void this.#child.kill('SIGKILL')
    process.once('exit', kill)
    void this.#closed.then(() => process.off('exit', kill))
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text
      this.#onText()
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text
      this.#onText()
    })
  }

  get stdout(): string {
    return this.#stdout
  }

  get stderr(): string {
    return this.#stderr
  }

  /** The first match in what was printed so far or will be. @throws Error when the command ends without it. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    const { promise, resolve, reject } = Promise.withResolvers<RegExpExecArray>()
    const look = (): void => {
      const match = pattern.exec(`${this.#stdout}${this.#stderr}`)
      if (match !== null) resolve(match)
    }
    this.#onText = look
    look()
    void this.#closed.then(() =>
      reject(new Error(`it ended without ${String(pattern)}:\n${this.#stdout}${this.#stderr}`)),
    )
    return await promise
  }

  async ended(): Promise<EndedCommand> {
    await this.#closed
    return { exitCode: this.#child.exitCode, stdout: this.#stdout, stderr: this.#stderr }
  }

  /** As a service manager stops it. */
  async stop(): Promise<EndedCommand> {
    this.#child.kill('SIGTERM')
    return await this.ended()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#closed
  }
}

/** Runs a command that ends by itself. */
export async function runCommand(args: readonly string[], options: CommandOptions): Promise<EndedCommand> {
  await using command = new RunningCommand(args, options)
  return await command.ended()
}
