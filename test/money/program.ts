/** The gateway and the simulator as processes of their own, to be killed without a goodbye. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'main.ts')

export interface Program {
  readonly url: string
  readonly pid: number
  /** The exit code, or the signal that ended it; undefined while it runs. */
  ended(): number | NodeJS.Signals | undefined
  /** Resolves with the exit code, or with the signal that ended it. */
  stop(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | NodeJS.Signals>
  /** What it has printed so far. */
  output(): string
}

/** Starts `sluice` with these arguments; ready when it has printed its `url`. @throws when it ends before that. */
export async function startProgram(
  argv: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const child = spawn(process.execPath, [MAIN, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
  })
  // A run that fails must leave nothing behind.
  const end = (): void => void child.kill('SIGKILL')
  process.once('exit', end)
  const exited = once(child, 'exit').finally(() => process.off('exit', end))
  let output = ''
  let isReady = false
  const ready = Promise.withResolvers<string>()
  const read = (text: string): void => {
    output += text
    if (isReady) return
    const url = /"url":"(http[^"]+)"/.exec(output)?.[1]
    if (url === undefined) return
    isReady = true
    ready.resolve(url)
  }
  child.stdout.setEncoding('utf8').on('data', read)
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text))
  void exited.then(() => ready.reject(new Error(`sluice ${argv.join(' ')} ended at its start:\n${output}`)))
  return {
    url: await ready.promise,
    pid: child.pid ?? 0,
    ended: () => child.exitCode ?? child.signalCode ?? undefined,
    stop: (signal) => stop(child, exited, signal),
    output: () => output,
  }
}

async function stop(
  child: ChildProcess,
  exited: Promise<unknown>,
  signal: 'SIGKILL' | 'SIGTERM',
): Promise<number | NodeJS.Signals> {
  child.kill(signal)
  await exited
  return child.exitCode ?? child.signalCode ?? -1
}
