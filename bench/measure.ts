/** The loads of the main table, in their order: every row in every round. */
import { startIdleGauge } from './idle-lag.ts'
import type { OpenLoopFigures } from './load-job.ts'
import { portkey } from './portkey.ts'
import { providerDirect } from './provider.ts'
import { dutiesRelay, reference, socketRelay } from './reference.ts'
import type { ResultRow, RoundFigures } from './result.ts'
import { haproxy, nginx } from './reverse-proxies.ts'
import { rotated } from './rotated.ts'
import { loadRequest, runLoad } from './run-load.ts'
import { CONNECTIONS, MIDDLE_BODY, SMALL_BODY, STREAMS } from './section.ts'
import { simulator, sluice, type EventLoopLag } from './sluice-targets.ts'
import type { RunningTarget, Target, TargetContext } from './target.ts'

/** The rows of the main table. */
export const MAIN_TARGETS: readonly Target[] = [
  providerDirect,
  simulator,
  nginx,
  haproxy,
  socketRelay,
  dutiesRelay,
  reference,
  sluice,
  portkey,
]

/** How long each load runs. */
interface Plan {
  readonly rounds: number
  /** Calls before the first measured one: a runtime that compiles as it goes needs seconds of them. */
  readonly runInMs: number
  readonly warmUpMs: number
  readonly durationMs: number
  readonly streamRounds: number
  readonly heldStreams: number
}

const FULL: Plan = {
  rounds: 3,
  runInMs: 6_000,
  warmUpMs: 1_500,
  durationMs: 4_000,
  streamRounds: 2,
  heldStreams: 1_000,
}
const QUICK: Plan = {
  rounds: 1,
  runInMs: 1_000,
  warmUpMs: 500,
  durationMs: 1_000,
  streamRounds: 1,
  heldStreams: 200,
}

const CALLS_PER_SECOND = 1_000

export async function measureRows(
  targets: readonly Target[],
  isQuick: boolean,
  context: TargetContext,
  say: (text: string) => void,
): Promise<ResultRow[]> {
  const plan = isQuick ? QUICK : FULL
  const rows = targets.map((target): MutableRow => {
    const { name, title, settings } = target
    return { target, name, title, settings, rounds: [], failure: undefined }
  })
  for (let round = 0; round < plan.rounds; round += 1) {
    for (const row of rotated(rows, round)) {
      if (row.failure !== undefined) continue
      say(`round ${round + 1} of ${plan.rounds}: ${row.title}`)
      row.failure = await measureInto(row, plan, context)
      if (row.failure !== undefined) say(`  not measured: ${row.failure}`)
    }
  }
  return rows.map(({ name, title, settings, rounds, failure }) => ({
    name,
    title,
    settings,
    rounds,
    failure,
  }))
}

interface MutableRow extends ResultRow {
  readonly target: Target
  readonly rounds: RoundFigures[]
  settings: string
  failure: string | undefined
}

/**
 * A row that fails says why in the table; the others are measured all the same.
 * @returns the reason, when it failed.
 */
async function measureInto(row: MutableRow, plan: Plan, context: TargetContext): Promise<string | undefined> {
  try {
    await using running = await row.target.start(context)
    if (running.note !== undefined) row.settings = `${row.target.settings}; ${running.note}`
    row.rounds.push(await measureRound(running, plan))
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
  const small = loadRequest(target, 'whole', SMALL_BODY)
  const middle = loadRequest(target, 'whole', MIDDLE_BODY)
  const closedLoop = { kind: 'closed-loop', serverPid, connections: CONNECTIONS, ...times } as const
  await runLoad({ ...closedLoop, request: small, warmUpMs: 0, durationMs: plan.runInMs })
  const chat1k = await runLoad({ ...closedLoop, request: small })
  const chat100k = await runLoad({ ...closedLoop, request: middle })
  const { latency, idleLag } = await measureLatency(target, times)
  const streams = await runLoad({
    kind: 'streams',
    request: loadRequest(target, 'stream', SMALL_BODY),
    serverPid,
    streams: STREAMS,
    rounds: plan.streamRounds,
  })
  const startToReadyMs = Number.isNaN(target.startToReadyMs) ? null : target.startToReadyMs
  return { startToReadyMs, heldStreams, latency, idleLag, chat1k, chat100k, streams }
}

/** Beside it a process that does nothing tells what every program of the core waits for. */
async function measureLatency(
  target: RunningTarget,
  times: { readonly warmUpMs: number; readonly durationMs: number },
): Promise<{ readonly latency: OpenLoopFigures; readonly idleLag: EventLoopLag }> {
  await using idle = await startIdleGauge()
  const latency = await runLoad({
    kind: 'open-loop',
    request: loadRequest(target, 'whole', SMALL_BODY),
    serverPid: target.pid,
    callsPerSecond: CALLS_PER_SECOND,
    ...times,
  })
  return { latency, idleLag: await idle.read() }
}
