/** A section of the benchmark: some targets, what is measured of each, and the columns that are made of it. */
import type { LoadFigures, LoadJob } from './load-job.ts'
import type { SectionRound } from './result.ts'
import type { SectionFigures } from './section-figures.ts'
import { loadRequest, runLoad } from './run-load.ts'
import type { RunningTarget, Target } from './target.ts'

/** How long each load of a round runs. */
export interface LoadTimes {
  readonly warmUpMs: number
  readonly durationMs: number
}

export interface Measure {
  readonly name: string
  /** Rounds in which it is taken; all where nothing says. */
  readonly rounds?: number
  readonly job: (target: RunningTarget, times: LoadTimes) => LoadJob
  /** Comes once, before the first load of the measure on a fresh process. */
  readonly runIn?: (target: RunningTarget, durationMs: number) => LoadJob
}

export interface SectionColumn {
  readonly title: string
  readonly decimals: number
  /** NaN where the round has no such figure. */
  readonly of: (round: SectionRound) => number
  /** Of what the rounds have; the median where nothing says. */
  readonly take?: 'least'
  /**
   * The figure is told as a multiple of that of this row in the same round, as what comes on top of it, or as how often
   * it goes into it.
   */
  readonly against?: { readonly row: string; readonly as: 'multiple' | 'difference' | 'quotient' }
}

export interface Section {
  readonly name: string
  readonly title: string
  /** What is looked at, and how to read it. */
  readonly about: string
  readonly targets: readonly Target[]
  readonly measures: readonly Measure[]
  readonly columns: readonly SectionColumn[]
  /** What the table says, in a sentence; undefined where a row that it needs was not measured. */
  readonly conclusion?: (rows: readonly SectionFigures[]) => string | undefined
  /**
   * `side by side`: all targets run, and loads go from one to the next, so that what befalls the machine befalls all of
   * them alike. `one by one`: each is started for each round and stopped after it, for memory, and for large ones.
   */
  readonly order: 'side by side' | 'one by one'
  /** Rounds of the full form. */
  readonly rounds: number
  /** In a network of its own, whose kernel keeps little of a connection's bytes. */
  readonly inSmallBuffers?: true
  /** Measured only when it is asked for by name. */
  readonly isOnDemand?: boolean
}

export const SMALL_BODY = 1_000
export const MIDDLE_BODY = 100_000
export const LARGE_BODY = 2_000_000

export const CONNECTIONS = 64
export const STREAMS = 200
const CALLS_PER_SECOND = 1_000

/** Makes so many small calls. @throws Error when one of them is not answered with 200. */
export async function makeSmallCalls(target: RunningTarget, calls: number): Promise<void> {
  const { failures } = await runLoad({
    kind: 'counted-calls',
    request: loadRequest(target, 'whole', SMALL_BODY),
    serverPid: target.pid,
    connections: CONNECTIONS,
    calls,
  })
  if (failures > 0) throw new Error(`${failures} calls were not answered with 200`)
}

/** Calls without a pause on a number of connections, for what each costs. */
export function closedLoop(name: string, bodyBytes: number, connections = CONNECTIONS): Measure {
  return {
    name,
    job: (target, times) => ({
      kind: 'closed-loop',
      request: loadRequest(target, 'whole', bodyBytes),
      serverPid: target.pid,
      connections,
      ...times,
    }),
  }
}

/**
 * Small calls at a rate that every row keeps, so that what is done once a second weighs the same in each. A process is
 * run in without a pause before: it compiles its code over its first 30,000 calls, which is half a minute at this rate.
 */
export const STEADY: Measure = {
  name: 'steady',
  job: (target, times) => ({
    kind: 'open-loop',
    request: loadRequest(target, 'whole', SMALL_BODY),
    serverPid: target.pid,
    callsPerSecond: CALLS_PER_SECOND,
    warmUpMs: times.warmUpMs,
    durationMs: 1.5 * times.durationMs,
  }),
  runIn: (target, durationMs) => closedLoop('run-in', SMALL_BODY).job(target, { warmUpMs: 0, durationMs }),
}

/** What a row does by itself. */
export const IDLE: Measure = {
  name: 'idle',
  job: (target, times) => ({
    kind: 'idle',
    request: loadRequest(target, 'whole', SMALL_BODY),
    serverPid: target.pid,
    durationMs: times.durationMs / 2,
  }),
}

/** 200 streams side by side, for what a chunk costs. */
export const CHUNKS: Measure = {
  name: 'chunks',
  rounds: 2,
  job: (target) => ({
    kind: 'streams',
    request: loadRequest(target, 'stream', SMALL_BODY),
    serverPid: target.pid,
    streams: STREAMS,
    rounds: 1,
  }),
}

/** Small calls at a fixed rate, whether or not the earlier ones are answered. */
export const LATENCY: Measure = {
  name: 'latency',
  rounds: 2,
  job: (target, times) => ({
    kind: 'open-loop',
    request: loadRequest(target, 'whole', SMALL_BODY),
    serverPid: target.pid,
    callsPerSecond: CALLS_PER_SECOND,
    ...times,
  }),
}

type Kind = LoadFigures['kind']

/** Reads a figure of a measure whose load is of a kind. */
export function figureOf<Of extends Kind>(
  kind: Of,
  measure: string,
  read: (figures: Extract<LoadFigures, { readonly kind: Of }>) => number,
): (round: SectionRound) => number {
  return (round) => {
    const figures = round[measure]
    return isOfKind(figures, kind) ? read(figures) : Number.NaN
  }
}

function isOfKind<Of extends Kind>(
  figures: LoadFigures | undefined,
  kind: Of,
): figures is Extract<LoadFigures, { readonly kind: Of }> {
  return figures?.kind === kind
}

/** CPU µs a call of a closed loop. */
export function callCost(title: string, measure: string, decimals = 1): SectionColumn {
  return { title, decimals, of: figureOf('closed-loop', measure, (f) => f.cpuMicrosecondsPerCall) }
}

/** CPU µs a call at a steady rate. */
export const STEADY_COST: SectionColumn = {
  title: 'CPU µs a call, 1 KB',
  decimals: 1,
  of: figureOf('open-loop', STEADY.name, (f) => f.cpuMicrosecondsPerCall),
}

const idleMicroseconds = figureOf('idle', IDLE.name, (f) => f.cpuMicrosecondsPerSecond)

export const IDLE_COST: SectionColumn = {
  title: 'CPU ms a second without calls',
  decimals: 1,
  of: (round) => idleMicroseconds(round) / 1000,
}

/** As `STEADY_COST`, less what the row does by itself meanwhile. */
export const NET_STEADY_COST: SectionColumn = {
  title: 'CPU µs a call, 1 KB, without what it uses between calls',
  decimals: 1,
  of: (round) => STEADY_COST.of(round) - idleMicroseconds(round) / CALLS_PER_SECOND,
}

export const CHUNK_COST: SectionColumn = {
  title: 'CPU µs a chunk',
  decimals: 1,
  of: figureOf('streams', CHUNKS.name, (f) => f.cpuMicrosecondsPerChunk),
}

/** The same figure, as a multiple of what it is in another row. */
export function multipleOf(row: string, column: SectionColumn, title: string): SectionColumn {
  return { ...column, title, decimals: 2, against: { row, as: 'multiple' } }
}

/** Latency beyond that of the provider called directly, which must be a row of the section. */
export const ADDED_LATENCY: readonly SectionColumn[] = [
  {
    title: 'added p50 ms',
    decimals: 2,
    of: figureOf('open-loop', LATENCY.name, (f) => f.p50Ms),
    against: { row: 'provider', as: 'difference' },
  },
  {
    title: 'added p99 ms',
    decimals: 2,
    of: figureOf('open-loop', LATENCY.name, (f) => f.p99Ms),
    against: { row: 'provider', as: 'difference' },
  },
]
