/** The loads of a run, in their order: every row in every round, then what is measured of Sluice alone. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { readProfile, type ProfileSummary } from './cpu-profile.ts'
import { portkey } from './peer.ts'
import { providerDirect } from './provider.ts'
import type { BenchResult, ResultRow, RoundFigures, SluiceExtras } from './result.ts'
import { haproxy, nginx } from './reverse-proxies.ts'
import { loadRequest, runLoad } from './run-load.ts'
import { embeddedStartToReadyMs, readEventLoopLagP99Ms, simulator, sluice } from './sluice-targets.ts'
import type { RunningTarget, Target, TargetContext, TargetName } from './target.ts'

const TARGETS: Readonly<Record<TargetName, Target>> = {
  provider: providerDirect,
  simulator,
  nginx,
  haproxy,
  sluice,
  portkey,
}

/** How long each load runs. */
interface Plan {
  readonly rounds: number
  readonly warmUpMs: number
  readonly durationMs: number
  readonly streamRounds: number
  readonly heldStreams: number
}

const FULL: Plan = { rounds: 3, warmUpMs: 2_000, durationMs: 5_000, streamRounds: 2, heldStreams: 1_000 }
const QUICK: Plan = { rounds: 1, warmUpMs: 500, durationMs: 1_000, streamRounds: 1, heldStreams: 200 }

const CONNECTIONS = 64
const STREAMS = 200
const CALLS_PER_SECOND = 1_000
const SMALL_BODY = 1_000
const MIDDLE_BODY = 100_000
const LARGE_BODY = 2_000_000

export async function measureRows(
  names: readonly TargetName[],
  isQuick: boolean,
  context: TargetContext,
  say: (text: string) => void,
): Promise<Pick<BenchResult, 'rows' | 'sluice'>> {
  const plan = isQuick ? QUICK : FULL
  const rows = new Map<TargetName, MutableRow>(
    names.map((name) => [name, { name, title: TARGETS[name].title, rounds: [], failure: undefined }]),
  )
  for (let round = 0; round < plan.rounds; round += 1) {
    for (const name of rotated(names, round)) {
      const row = rows.get(name)
      if (row === undefined || row.failure !== undefined) continue
      say(`round ${round + 1} of ${plan.rounds}: ${row.title}`)
      row.failure = await measureInto(row.rounds, TARGETS[name], plan, context)
      if (row.failure !== undefined) say(`  not measured: ${row.failure}`)
    }
  }
  const extras = rows.get('sluice')
  const wantsExtras = !isQuick && extras !== undefined && extras.failure === undefined
  if (wantsExtras) say('Sluice: start with the embedded database, large bodies, profile')
  return {
    rows: [...rows.values()],
    sluice: wantsExtras ? await measureSluiceExtras(plan, context) : undefined,
  }
}

type MutableRow = { -readonly [Member in keyof ResultRow]: ResultRow[Member] } & { rounds: RoundFigures[] }

/** Each round begins with another row, so that no row always has the machine in the same state. */
function rotated<T>(items: readonly T[], by: number): T[] {
  return items.map((_, index) => items[(index + by) % items.length]).filter((item) => item !== undefined)
}

/**
 * A row that fails says why in the table; the others are measured all the same.
 * @returns the reason, when it failed.
 */
async function measureInto(
  rounds: RoundFigures[],
  target: Target,
  plan: Plan,
  context: TargetContext,
): Promise<string | undefined> {
  try {
    await using running = await target.start(context)
    rounds.push(await measureRound(running, plan))
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message.split('\n')[0] : String(error)
  }
}

/** Memory first, while the process is fresh. */
async function measureRound(target: RunningTarget, plan: Plan): Promise<RoundFigures> {
  const serverPid = target.pid
  const times = { warmUpMs: plan.warmUpMs, durationMs: plan.durationMs }
  const heldStreams = await runLoad({
    kind: 'held-streams',
    request: loadRequest(target, 'slow', SMALL_BODY),
    serverPid,
    streams: plan.heldStreams,
  })
  const small = loadRequest(target, 'chat', SMALL_BODY)
  const middle = loadRequest(target, 'chat', MIDDLE_BODY)
  const closedLoop = { kind: 'closed-loop', serverPid, connections: CONNECTIONS, ...times } as const
  const chat1k = await runLoad({ ...closedLoop, request: small })
  const chat100k = await runLoad({ ...closedLoop, request: middle })
  const latency = await runLoad({
    kind: 'open-loop',
    request: small,
    serverPid,
    callsPerSecond: CALLS_PER_SECOND,
    ...times,
  })
  const streams = await runLoad({
    kind: 'streams',
    request: loadRequest(target, 'stream', SMALL_BODY),
    serverPid,
    streams: STREAMS,
    rounds: plan.streamRounds,
  })
  const startToReadyMs = Number.isNaN(target.startToReadyMs) ? null : target.startToReadyMs
  return { startToReadyMs, heldStreams, latency, chat1k, chat100k, streams }
}

async function measureSluiceExtras(plan: Plan, context: TargetContext): Promise<SluiceExtras> {
  return {
    embeddedStartToReadyMs: await embeddedStartToReadyMs(context),
    eventLoopLagP99Ms: await lagUnderLargeBodies(plan, context),
    profile: await profileSmallCalls(plan, context),
  }
}

/** Node writes the profile when the process has ended. */
async function profileSmallCalls(plan: Plan, context: TargetContext): Promise<ProfileSummary> {
  const profileDirectory = join(context.directory, 'profile')
  mkdirSync(profileDirectory, { recursive: true })
  {
    await using target = await sluice.start({ ...context, profileDirectory })
    await runLoad({
      kind: 'closed-loop',
      request: loadRequest(target, 'chat', SMALL_BODY),
      serverPid: target.pid,
      connections: CONNECTIONS,
      warmUpMs: plan.warmUpMs,
      durationMs: plan.durationMs,
    })
  }
  return readProfile(profileDirectory)
}

/** Two clients send 2 MB bodies without a pause. */
async function lagUnderLargeBodies(plan: Plan, context: TargetContext): Promise<number> {
  await using target = await sluice.start(context)
  // The gauge tells of the time since it was last read.
  await readEventLoopLagP99Ms(target.port)
  await runLoad({
    kind: 'closed-loop',
    request: loadRequest(target, 'chat', LARGE_BODY),
    serverPid: target.pid,
    connections: 2,
    warmUpMs: plan.warmUpMs,
    durationMs: plan.durationMs,
  })
  return readEventLoopLagP99Ms(target.port)
}
