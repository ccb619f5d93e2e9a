/** The gateway as a process of its own, all of whose output is kept. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const MAIN = join(import.meta.dirname, '../../src/main.ts')

export class Program {
  /** Standard output and standard error together. */
  output = ''
  readonly exited: Promise<unknown>
  readonly #child: ChildProcess
  #wake: () => void = () => undefined
  #over = false

  constructor(argv: readonly string[], environment: Readonly<Record<string, string>>) {
    this.#child = spawn(process.execPath, [MAIN, ...argv], {
      env: { PATH: process.env['PATH'] ?? '', ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text
        this.#wake()
      })
    }
    this.exited = once(this.#child, 'close').then(() => {
      this.#over = true
      this.#wake()
    })
  }

  /** The first match in the output. @throws when the process ends without one. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.output)
      if (match !== null) return match
      if (this.#over) throw new Error(`the process ended without ${String(pattern)}:\n${this.output}`)
      await new Promise<void>((resolve) => (this.#wake = resolve))
    }
  }

  async url(): Promise<string> {
    return (await this.until(/"url":"(http:[^"]+)"/))[1] ?? ''
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    this.#child.kill(signal)
    await this.exited
  }
}
