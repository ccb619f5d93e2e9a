/**
 * How many instructions Sluice takes for a call, counted by callgrind of valgrind: a simulated processor, on which
 * neighbours, clock rates and caches have no say. In it is what the main thread does outside of the kernel.
 */
import { Callgrind, countOf } from './callgrind.ts'
import { makeSmallCalls } from './section.ts'
import { EVERYTHING_ON } from './sluice-forms.ts'
import { startSluice } from './sluice-targets.ts'
import type { RunningTarget, TargetContext } from './target.ts'

/** V8 has compiled what calls need by then. Until it counts, the simulator is five times as fast. */
const WARM_UP_CALLS = 40_000
const WARM_UP_PARTS = 8
/** While the simulator, which translates anew when it begins to count, translates. */
const FIRST_COUNTED_CALLS = 1_000
const ROUNDS = 3
const ROUND_CALLS = 2_000

/** In parts: a load that takes minutes is taken for one that hangs. @throws Error when a call is not answered with 200. */
export async function warmUp(target: RunningTarget): Promise<void> {
  for (let part = 0; part < WARM_UP_PARTS; part += 1)
    await makeSmallCalls(target, WARM_UP_CALLS / WARM_UP_PARTS)
}

/** @returns instructions a call: the least of some rounds, for now and then one has a rare duty of the runtime in it. */
export async function countInstructions(context: TargetContext): Promise<number> {
  const callgrind = new Callgrind(context.directory)
  const form = { ...EVERYTHING_ON, name: 'sluice-counted', under: callgrind.command }
  await using target = await startSluice(form, context)
  await warmUp(target)
  callgrind.startCounting(target.pid)
  await makeSmallCalls(target, FIRST_COUNTED_CALLS)
  const rounds: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) {
    const counts = await callgrind.count(target.pid, () => makeSmallCalls(target, ROUND_CALLS))
    rounds.push(countOf(counts, 'Ir') / ROUND_CALLS)
  }
  return Math.min(...rounds)
}
