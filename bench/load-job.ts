/** What the benchmark asks of its load generator, and what that answers: both cross a process border as JSON. */

export interface LoadRequest {
  readonly host: string
  readonly port: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly model: string
  readonly stream: boolean
  /** About how large the request body is. */
  readonly bodyBytes: number
}

interface JobBase {
  readonly request: LoadRequest
  /** The process whose processor time and memory are measured, with its descendants. */
  readonly serverPid: number
}

/** A number of connections, each of which sends its next call when the last one is answered. */
export interface ClosedLoopJob extends JobBase {
  readonly kind: 'closed-loop'
  readonly connections: number
  readonly warmUpMs: number
  readonly durationMs: number
}

/** Calls at fixed times, whether or not the earlier ones are answered: a slow answer cannot hide the next one. */
export interface OpenLoopJob extends JobBase {
  readonly kind: 'open-loop'
  readonly callsPerSecond: number
  readonly warmUpMs: number
  readonly durationMs: number
}

/** Streams side by side, in rounds; the first round warms up and is not counted. */
export interface StreamsJob extends JobBase {
  readonly kind: 'streams'
  readonly streams: number
  readonly rounds: number
}

/** Streams that are all open at the same time, for the memory that each takes. */
export interface HeldStreamsJob extends JobBase {
  readonly kind: 'held-streams'
  readonly streams: number
}

export type LoadJob = ClosedLoopJob | OpenLoopJob | StreamsJob | HeldStreamsJob

interface FiguresBase {
  /** Answers with another status than 200, and connections that broke. */
  readonly failures: number
}

export interface ClosedLoopFigures extends FiguresBase {
  readonly kind: 'closed-loop'
  readonly calls: number
  readonly callsPerSecond: number
  readonly cpuMicrosecondsPerCall: number
}

export interface OpenLoopFigures extends FiguresBase {
  readonly kind: 'open-loop'
  readonly calls: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export interface StreamsFigures extends FiguresBase {
  readonly kind: 'streams'
  readonly chunks: number
  readonly chunksPerSecond: number
  readonly cpuMicrosecondsPerChunk: number
}

export interface HeldStreamsFigures extends FiguresBase {
  readonly kind: 'held-streams'
  readonly streams: number
  readonly residentBytesBefore: number
  readonly residentBytesDuring: number
}

export type FiguresOf<Job extends LoadJob> = Extract<LoadFigures, { readonly kind: Job['kind'] }>
export type LoadFigures = ClosedLoopFigures | OpenLoopFigures | StreamsFigures | HeldStreamsFigures
