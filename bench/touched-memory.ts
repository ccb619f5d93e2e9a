/**
 * How much memory a call touches that is in no cache: what it costs a processor whose caches others have filled between
 * two calls. Counted by callgrind in pieces of 64 bytes, as processors fetch them, on a simulated cache of 1 MB that is
 * filled with other memory before each call.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Callgrind } from './callgrind.ts'
import { warmUp } from './instructions.ts'
import { LoadConnection, type CallListener } from './load-connection.ts'
import { dutiesRelay, reference, socketRelay, startDuties, startRelay } from './reference.ts'
import { RequestSource } from './request-source.ts'
import { loadRequest } from './run-load.ts'
import { makeSmallCalls, SMALL_BODY } from './section.ts'
import { EVERYTHING_ON } from './sluice-forms.ts'
import { sluice, startSluice } from './sluice-targets.ts'
import type { RunningTarget, Target, TargetContext } from './target.ts'

/** Pieces of 64 bytes that a call fetches from memory when none is in a cache. */
export interface TouchedMemory {
  /** The target's short name. */
  readonly name: string
  readonly title: string
  readonly code: number
  readonly read: number
  readonly written: number
}

type Under = readonly [string, ...string[]]

const PROGRAMS: readonly {
  readonly target: Target
  readonly start: (context: TargetContext, under: Under) => Promise<RunningTarget>
}[] = [
  {
    target: socketRelay,
    start: (context, under) => startRelay('socket-relay.ts', { ...context, under }),
  },
  { target: dutiesRelay, start: (context, under) => startDuties({ ...context, under }) },
  { target: reference, start: (context, under) => startRelay('reference-relay.ts', { ...context, under }) },
  {
    target: sluice,
    start: (context, under) => startSluice({ ...EVERYTHING_ON, name: 'sluice-touched', under }, context),
  },
]

/** The first caches hold next to nothing, so that code, too, is fetched from the second one, which is swept. */
const CACHES = ['--cache-sim=yes', '--I1=1024,1,64', '--D1=32768,8,64', '--LL=1048576,16,64']
const SWEEPER = join(import.meta.dirname, 'sweep-caches.js')

const FIRST_CALLS = 60
const CALLS = 300
/** The simulator takes some 10 ms for a sweep, and as long for what a call leaves behind. */
const SWEEP_MS = 35
const REST_MS = 10

/** Events of callgrind: reads of code, reads and writes of data that missed the last cache. */
const MISSES = { code: 'ILmr', read: 'DLmr', written: 'DLmw' } as const

export async function measureTouchedMemory(context: TargetContext): Promise<readonly TouchedMemory[]> {
  const found: TouchedMemory[] = []
  for (const { target, start } of PROGRAMS) {
    const directory = join(context.directory, `${target.name}-touched`)
    mkdirSync(directory)
    const callgrind = new Callgrind(directory, CACHES)
    await using running = await start(context, [
      'env',
      `NODE_OPTIONS=--import=${SWEEPER}`,
      ...callgrind.command,
    ])
    const { name, title } = target
    found.push({ name, title, ...(await touchedBy(running, callgrind)) })
  }
  return found
}

/** Beside the calls, the sweeps and the program's own timers touch memory: as much without calls, which is taken off. */
async function touchedBy(
  target: RunningTarget,
  callgrind: Callgrind,
): Promise<Pick<TouchedMemory, 'code' | 'read' | 'written'>> {
  await warmUp(target)
  callgrind.start(target.pid)
  using calls = new SingleCalls(target)
  await makeSmallCalls(target, FIRST_CALLS)
  await calls.make(FIRST_CALLS)
  const withCalls = await callgrind.count(target.pid, () => calls.make(CALLS))
  const without = await callgrind.count(target.pid, () => calls.sweep(CALLS))
  const each = (event: string) => ((withCalls.get(event) ?? Number.NaN) - (without.get(event) ?? 0)) / CALLS
  return { code: each(MISSES.code), read: each(MISSES.read), written: each(MISSES.written) }
}

/** One call after the other on a connection, each after a sweep. */
class SingleCalls implements CallListener {
  readonly #pid: number
  readonly #connection: LoadConnection
  #ended = Promise.withResolvers<void>()

  constructor(target: RunningTarget) {
    this.#pid = target.pid
    this.#connection = new LoadConnection(new RequestSource(loadRequest(target, 'whole', SMALL_BODY)), this)
  }

  /** @throws Error when one is not answered with 200. */
  async make(count: number): Promise<void> {
    await this.#repeat(count, async () => {
      this.#ended = Promise.withResolvers()
      this.#connection.send()
      await this.#ended.promise
    })
  }

  /** As `make`, without the calls. */
  async sweep(count: number): Promise<void> {
    await this.#repeat(count, async () => {})
  }

  onCallEnd(_connection: LoadConnection, status: number): void {
    if (status === 200) this.#ended.resolve()
    else this.#ended.reject(new Error(`a call was answered with ${status}`))
  }

  onEvents(): void {}

  onBroken(_connection: LoadConnection, error: Error): void {
    this.#ended.reject(error)
  }

  [Symbol.dispose](): void {
    this.#connection.close()
  }

  async #repeat(count: number, action: () => Promise<void>): Promise<void> {
    for (let done = 0; done < count; done += 1) {
      process.kill(this.#pid, 'SIGUSR2')
      await delay(SWEEP_MS)
      await action()
      await delay(REST_MS)
    }
  }
}
