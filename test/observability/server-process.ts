/** A server of another project, from Debian's packages: started on a free port, ready when it answers, gone with the test. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

const DIES_WITH_THE_TEST = process.platform === 'linux' ? ['setpriv', '--pdeathsig', 'SIGKILL'] : []

export class ServerProcess implements AsyncDisposable {
  readonly #child: ChildProcess
  #output = ''

  constructor(command: readonly string[]) {
    const [program = '', ...rest] = [...DIES_WITH_THE_TEST, ...command]
    this.#child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#output += text))
    // `answers` tells of a program that is missing.
    this.#child.on('error', (error) => (this.#output += String(error)))
  }

  /** Resolves when the address answers with 200. @throws Error with what the server printed when it ended before. */
  async answers(url: string): Promise<void> {
    for (;;) {
      const answer = await fetch(url).catch(() => undefined)
      if (answer?.ok === true) return
      if (this.#child.exitCode !== null || this.#child.pid === undefined)
        throw new Error(
          `${this.#child.spawnargs.join(' ')} did not start (Debian: apt-get install prometheus victoria-metrics):\n` +
            this.#output,
        )
      await sleep(50)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.pid === undefined) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}
