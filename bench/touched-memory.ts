/**
 * How much memory a call touches that is in no cache: what it costs a processor whose caches others have filled between
 * two calls. Counted by callgrind in pieces of 64 bytes, as processors fetch them, on a simulated cache of 1 MB that is
 * filled with other memory before each call. It is of the main thread outside of the kernel. Calls come some 30 a second:
 * what is done each 50 ms, the journal's syncs and the log, is for one or two calls here, and for fifty at 1,000 a second.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { Callgrind, countOf } from './callgrind.ts'
import { warmUp } from './instructions.ts'
import { dutiesRelay, reference, socketRelay, startDuties, startRelay } from './reference.ts'
import { makeSmallCalls } from './section.ts'
import { SingleCalls } from './single-calls.ts'
import { EVERYTHING_ON } from './sluice-forms.ts'
import { sluice, startSluice } from './sluice-targets.ts'
import type { RunningTarget, Target, TargetContext } from './target.ts'

/** Pieces of 64 bytes that come from memory when none is in a cache. */
export interface Pieces {
  readonly code: number
  readonly read: number
  readonly written: number
}

/** What a call touches. */
export interface TouchedMemory extends Pieces {
  /** The target's short name. */
  readonly name: string
  readonly title: string
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

/** The first cache of code, which a sweep of data does not sweep, holds next to nothing. */
const CACHES = ['--cache-sim=yes', '--I1=1024,1,64', '--D1=32768,8,64', '--LL=1048576,16,64']
const SWEEPER = pathToFileURL(join(import.meta.dirname, 'sweep-caches.js')).href

const FIRST_CALLS = 60
const CALLS = 300
/** Longer than a program puts off its rows: none of the calls before is still to be booked. */
const PUT_OFF_MS = 1_500

/** @throws Error where valgrind is missing, or a program does not answer under it. */
export async function measureTouchedMemory(context: TargetContext): Promise<readonly TouchedMemory[]> {
  const found: TouchedMemory[] = []
  for (const { target, start } of PROGRAMS) {
    const directory = join(context.directory, `${target.name}-touched`)
    const sweptFile = join(directory, 'swept')
    mkdirSync(directory)
    writeFileSync(sweptFile, '')
    const callgrind = new Callgrind(directory, CACHES)
    await using running = await start(context, [
      'env',
      `NODE_OPTIONS=${process.env.NODE_OPTIONS ?? ''} --import=${SWEEPER}`,
      `SWEPT_FILE=${sweptFile}`,
      ...callgrind.command,
    ])
    await warmUp(running)
    using calls = new SingleCalls(running, sweptFile)
    const { name, title } = target
    found.push({ name, title, ...(await touchedBy(running, callgrind, calls)) })
  }
  return found
}

/** Beside the calls, the sweeps and the program's own timers touch memory: as much without calls, which is taken off. */
async function touchedBy(target: RunningTarget, callgrind: Callgrind, calls: SingleCalls): Promise<Pieces> {
  callgrind.startCounting(target.pid)
  await makeSmallCalls(target, FIRST_CALLS)
  await calls.make(FIRST_CALLS)
  const withCalls = await callgrind.count(target.pid, () => calls.make(CALLS))
  await delay(PUT_OFF_MS)
  const without = await callgrind.count(target.pid, () => calls.sweep(CALLS))
  return piecesOf(withCalls, without, CALLS)
}

/**
 * What each of `calls` touched, from the misses of the last cache.
 * @throws Error when one of the counts has no such misses.
 */
export function piecesOf(
  withCalls: ReadonlyMap<string, number>,
  without: ReadonlyMap<string, number>,
  calls: number,
): Pieces {
  const each = (event: string): number => (countOf(withCalls, event) - countOf(without, event)) / calls
  return { code: each('ILmr'), read: each('DLmr'), written: each('DLmw') }
}
