/**
 * What is measured of Sluice alone: the start with the embedded database, the event loop, where the time goes, and what a
 * call touches.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { collapseStacks } from './collapsed-stacks.ts'
import { FrameNames, readProfile, summarizeProfile, type ProfileSummary } from './cpu-profile.ts'
import { measureLag } from './measure-lag.ts'
import { monotonicMicroseconds } from './provider-answers.ts'
import type { SluiceExtras } from './result.ts'
import { dutiesRelay } from './reference.ts'
import { loadRequest, runLoad } from './run-load.ts'
import { CONNECTIONS, MIDDLE_BODY, SMALL_BODY, STREAMS } from './section.ts'
import { WITH_REDIS } from './sluice-forms.ts'
import { embeddedStartToReadyMs, sluice, sluiceTarget } from './sluice-targets.ts'
import type { RunningTarget, Target, TargetContext } from './target.ts'
import { measureTouchedMemory, type TouchedMemory } from './touched-memory.ts'

const WARM_UP_MS = 4_000
const DURATION_MS = 4_000
const STREAM_ROUNDS = 2

export interface AloneFindings {
  readonly extras: SluiceExtras
  readonly stacks: ReadonlyMap<ProfileName, string>
}

/** Where the stacks of each profile are kept, beside the results. */
export const STACK_FILES = {
  call: 'call-1kb.collapsed',
  large: 'call-100kb.collapsed',
  redis: 'call-1kb-redis.collapsed',
  chunk: 'chunk.collapsed',
  duties: 'duties-1kb.collapsed',
} as const

type ProfileName = keyof typeof STACK_FILES

export async function measureAlone(
  context: TargetContext,
  say: (text: string) => void,
): Promise<AloneFindings> {
  const embedded = await embeddedStartToReadyMs(context)
  const lag = await measureLag(context)
  const call = await profile('call', sluice, context, callsOf(SMALL_BODY))
  const large = await profile('large', sluice, context, callsOf(MIDDLE_BODY))
  const redis = await profile('redis', sluiceTarget(WITH_REDIS), context, callsOf(SMALL_BODY))
  const chunk = await profile('chunk', sluice, context, streams)
  const duties = await profile('duties', dutiesRelay, context, callsOf(SMALL_BODY))
  const touchedMemory = await touched(context, say)
  return {
    extras: {
      embeddedStartToReadyMs: embedded,
      ...lag,
      profile: call.summary,
      largeProfile: large.summary,
      redisProfile: redis.summary,
      chunkProfile: chunk.summary,
      dutiesProfile: duties.summary,
      ...(touchedMemory === undefined ? {} : { touchedMemory }),
    },
    stacks: new Map([
      ['call', call.stacks],
      ['large', large.stacks],
      ['redis', redis.stacks],
      ['chunk', chunk.stacks],
      ['duties', duties.stacks],
    ]),
  }
}

/** What was measured before is worth keeping where this cannot be. */
async function touched(
  context: TargetContext,
  say: (text: string) => void,
): Promise<readonly TouchedMemory[] | undefined> {
  try {
    return await measureTouchedMemory(context)
  } catch (error) {
    say(`not measured: what a call touches: ${String(error)}`)
    return undefined
  }
}

type Load = (target: RunningTarget, isWarmUp: boolean) => Promise<unknown>

interface Profile {
  readonly summary: ProfileSummary
  readonly stacks: string
}

/** Node writes the profile when the process has ended; the first load is of the time in which code is compiled. */
async function profile(
  name: ProfileName,
  { start }: Target,
  context: TargetContext,
  load: Load,
): Promise<Profile> {
  const profileDirectory = join(context.directory, name)
  mkdirSync(profileDirectory, { recursive: true })
  let from: number
  let to: number
  {
    await using target = await start({ ...context, profileDirectory })
    await load(target, true)
    from = monotonicMicroseconds()
    await load(target, false)
    to = monotonicMicroseconds()
  }
  const names = new FrameNames()
  const found = readProfile(profileDirectory, { from, to })
  return { summary: summarizeProfile(found, names), stacks: collapseStacks(found, names) }
}

function callsOf(body: number): Load {
  return (target, isWarmUp) =>
    runLoad({
      kind: 'closed-loop',
      request: loadRequest(target, 'whole', body),
      serverPid: target.pid,
      connections: CONNECTIONS,
      warmUpMs: 0,
      durationMs: isWarmUp ? WARM_UP_MS : DURATION_MS,
    })
}

function streams(target: RunningTarget, isWarmUp: boolean): Promise<unknown> {
  return runLoad({
    kind: 'streams',
    request: loadRequest(target, 'stream', SMALL_BODY),
    serverPid: target.pid,
    streams: STREAMS,
    rounds: isWarmUp ? 1 : STREAM_ROUNDS,
  })
}
