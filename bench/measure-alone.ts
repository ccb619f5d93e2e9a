/** What is measured of Sluice alone: the start with the embedded database, the event loop, and where the time goes. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { collapseStacks } from './collapsed-stacks.ts'
import { FrameNames, readProfile, summarizeProfile, type ProfileSummary } from './cpu-profile.ts'
import { measureLag } from './measure-lag.ts'
import { monotonicMicroseconds } from './provider-answers.ts'
import type { SluiceExtras } from './result.ts'
import { loadRequest, runLoad } from './run-load.ts'
import { CONNECTIONS, SMALL_BODY, STREAMS } from './section.ts'
import { embeddedStartToReadyMs, sluice } from './sluice-targets.ts'
import type { RunningTarget, TargetContext } from './target.ts'

const WARM_UP_MS = 4_000
const DURATION_MS = 4_000
const STREAM_ROUNDS = 2

export interface AloneFindings {
  readonly extras: SluiceExtras
  readonly stacks: ReadonlyMap<ProfileName, string>
}

/** Where the stacks of each profile are kept, beside the results. */
export const STACK_FILES = { call: 'call-1kb.collapsed', chunk: 'chunk.collapsed' } as const

type ProfileName = keyof typeof STACK_FILES

export async function measureAlone(context: TargetContext): Promise<AloneFindings> {
  const embedded = await embeddedStartToReadyMs(context)
  const lag = await measureLag(context)
  const call = await profile('call', context, smallCalls)
  const chunk = await profile('chunk', context, streams)
  return {
    extras: {
      embeddedStartToReadyMs: embedded,
      ...lag,
      profile: call.summary,
      chunkProfile: chunk.summary,
    },
    stacks: new Map([
      ['call', call.stacks],
      ['chunk', chunk.stacks],
    ]),
  }
}

interface Profile {
  readonly summary: ProfileSummary
  readonly stacks: string
}

/** Node writes the profile when the process has ended; the first load is of the time in which code is compiled. */
async function profile(
  name: ProfileName,
  context: TargetContext,
  load: (target: RunningTarget, isWarmUp: boolean) => Promise<unknown>,
): Promise<Profile> {
  const profileDirectory = join(context.directory, name)
  mkdirSync(profileDirectory, { recursive: true })
  let from: number
  let to: number
  {
    await using target = await sluice.start({ ...context, profileDirectory })
    await load(target, true)
    from = monotonicMicroseconds()
    await load(target, false)
    to = monotonicMicroseconds()
  }
  const names = new FrameNames()
  const found = readProfile(profileDirectory, { from, to })
  return { summary: summarizeProfile(found, names), stacks: collapseStacks(found, names) }
}

function smallCalls(target: RunningTarget, isWarmUp: boolean): Promise<unknown> {
  return runLoad({
    kind: 'closed-loop',
    request: loadRequest(target, 'whole', SMALL_BODY),
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
