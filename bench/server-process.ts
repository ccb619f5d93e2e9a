/** Starts and stops the programs of a benchmark run, each on its core, and knows when one is ready. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { openSync, closeSync } from 'node:fs'
import { request } from 'node:http'
import { createServer } from 'node:net'
import { availableParallelism } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

const READY_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 15_000
const POLL_MS = 2

/**
 * The program under test has the first core for itself; load generator, provider and database share the second.
 * `both` is for a program of two processes: two cores, and the load has one of them too where there are no more.
 */
export type Core = 'server' | 'load' | 'both'

/** False where a machine has one core only: the figures then tell little about rates. */
export const isPinned = process.platform === 'linux' && availableParallelism() >= 2

const SECOND = availableParallelism() > 2 ? '2' : '1'
const CORES: Readonly<Record<Core, string>> = { server: '0', load: '1', both: `0,${SECOND}` }

// Whatever ends the benchmark ends what it has started.
const DIES_WITH_THE_BENCHMARK =
  process.platform === 'linux' ? (['setpriv', '--pdeathsig', 'SIGKILL'] as const) : ([] as const)

/** The programs before it become the one that they start, so that the process id is the program's own. */
export function onCore(core: Core, argv: readonly [string, ...string[]]): [string, ...string[]] {
  const pinned: [string, ...string[]] = isPinned ? ['taskset', '-c', CORES[core], ...argv] : [...argv]
  const [first, ...rest] = DIES_WITH_THE_BENCHMARK
  return first === undefined ? pinned : [first, ...rest, ...pinned]
}

/** What has Node keep a processor profile of a program in this directory, where one is wanted. */
export function profileFlags(directory: string | undefined): readonly string[] {
  return directory === undefined
    ? []
    : ['--cpu-prof', `--cpu-prof-dir=${directory}`, '--cpu-prof-interval=500']
}

export interface StartOptions {
  readonly core: Core
  readonly env?: Readonly<Record<string, string | undefined>>
  /** File that takes standard output and standard error; they are dropped otherwise. */
  readonly logFile?: string
}

export function startProcess(
  command: string,
  args: readonly string[],
  options: StartOptions,
): ChildProcess & { readonly pid: number } {
  const log = options.logFile === undefined ? undefined : openSync(options.logFile, 'w')
  const [program, ...rest] = onCore(options.core, [command, ...args])
  const child = spawn(program, rest, {
    stdio: ['ignore', log ?? 'ignore', log ?? 'ignore'],
    env: { ...process.env, ...options.env },
  })
  if (log !== undefined) closeSync(log)
  const { pid } = child
  if (pid === undefined) throw new Error(`${command} could not be started`)
  return Object.assign(child, { pid })
}

/** Moves a process of a program that has both cores to one of them. What it starts later is there, too. */
export function moveTo(which: 'first' | 'second', pid: number): void {
  if (!isPinned) return
  const core = which === 'first' ? CORES.server : SECOND
  execFileSync('taskset', ['--all-tasks', '--cpu-list', '--pid', core, String(pid)])
}

export async function stopProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  await exited
  clearTimeout(timer)
}

/**
 * Asks again and again until a server answers 200. One that does not is stopped.
 * @throws Error when the process ends first, or when it takes longer than a minute.
 */
export async function waitUntilReady(child: ChildProcess, port: number, path: string): Promise<void> {
  try {
    await askUntilReady(child, port, path)
  } catch (error) {
    await stopProcess(child)
    throw error
  }
}

async function askUntilReady(child: ChildProcess, port: number, path: string): Promise<void> {
  const deadlineMs = performance.now() + READY_TIMEOUT_MS
  while ((await statusOf(port, path)) !== 200) {
    if (child.exitCode !== null) throw new Error(`it exited with ${child.exitCode} before it was ready`)
    if (performance.now() > deadlineMs) throw new Error('it was not ready within a minute')
    await delay(POLL_MS)
  }
}

function statusOf(port: number, path: string): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const outgoing = request({ host: '127.0.0.1', port, path, agent: false }, (incoming) => {
    incoming.resume()
    resolve(incoming.statusCode ?? 0)
  })
  outgoing.on('error', () => resolve(0)).end()
  return promise
}

/** A port that nothing listens on now, for programs that cannot choose one and tell it. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (address === null || typeof address === 'string') throw new Error('no port is free')
  return address.port
}
