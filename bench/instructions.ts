/**
 * How many instructions Sluice takes for a call, counted by callgrind of valgrind: a simulated processor, on which
 * neighbours, clock rates and caches have no say. In it is what the main thread does outside of the kernel.
 */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { makeSmallCalls } from './section.ts'
import { EVERYTHING_ON } from './sluice-forms.ts'
import { startSluice } from './sluice-targets.ts'
import type { TargetContext } from './target.ts'

/** V8 has compiled what calls need by then. Until it counts, the simulator is five times as fast. */
const WARM_UP_CALLS = 40_000
const WARM_UP_PARTS = 8
/** While the simulator, which translates anew when it begins to count, translates. */
const FIRST_COUNTED_CALLS = 1_000
const ROUNDS = 3
const ROUND_CALLS = 2_000

const COMMAND_TIMEOUT_MS = 60_000

const COUNTS = 'callgrind.out'
/** callgrind numbers the threads of a process, and the main thread is the first. */
const MAIN_THREAD = '01'

/**
 * The commands are those of section 6.5 of valgrind's manual (`Callgrind: a call-graph generating cache and branch
 * prediction profiler`).
 *
 * @returns instructions a call: the least of some rounds, for now and then one has a rare duty of the runtime in it.
 */
export async function countInstructions(context: TargetContext): Promise<number> {
  const file = join(context.directory, COUNTS)
  const pipes = join(context.directory, 'vgdb')
  const under: [string, ...string[]] = [
    'valgrind',
    '--quiet',
    '--tool=callgrind',
    '--separate-threads=yes',
    '--instr-atstart=no',
    // Code that V8 has replaced is noticed.
    '--smc-check=all-non-file',
    `--callgrind-out-file=${file}`,
    `--vgdb-prefix=${pipes}`,
  ]
  const form = { ...EVERYTHING_ON, name: 'sluice-counted', under }
  await using target = await startSluice(form, context)
  // In parts: a load that takes minutes is taken for one that hangs.
  for (let part = 0; part < WARM_UP_PARTS; part += 1)
    await makeSmallCalls(target, WARM_UP_CALLS / WARM_UP_PARTS)
  const tellCallgrind = (command: string): void => {
    const argv = [`--pid=${target.pid}`, `--vgdb-prefix=${pipes}`, ...command.split(' ')]
    execFileSync('vgdb', argv, { stdio: 'ignore', timeout: COMMAND_TIMEOUT_MS })
  }
  tellCallgrind('instrumentation on')
  await makeSmallCalls(target, FIRST_COUNTED_CALLS)
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    tellCallgrind('zero')
    await makeSmallCalls(target, ROUND_CALLS)
    tellCallgrind('dump')
    rounds.push(readCount(context.directory) / ROUND_CALLS)
  }
  return Math.min(...rounds)
}

/** Of the newest dump, which is a file a thread: `callgrind.out.NUMBER-THREAD`. */
function readCount(directory: string): number {
  const dumps = readdirSync(directory)
    .map((name) => ({ name, found: new RegExp(`^${COUNTS}\\.(\\d+)-${MAIN_THREAD}$`).exec(name) }))
    .filter(({ found }) => found !== null)
    .toSorted((one, other) => Number(one.found?.[1]) - Number(other.found?.[1]))
  const newest = dumps.at(-1)
  const text = newest === undefined ? '' : readFileSync(join(directory, newest.name), 'utf8')
  const count = /^totals: (\d+)$/m.exec(text)?.[1]
  if (count === undefined) throw new Error(`callgrind has written no count into ${directory}`)
  return Number(count)
}
