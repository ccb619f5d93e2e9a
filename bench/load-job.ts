/** What the benchmark asks of its load generator, and what that answers: both cross a process border as JSON. */

export const BENCH_DIALECTS = ['openai-chat', 'openai-responses', 'anthropic-messages'] as const
export type BenchDialect = (typeof BENCH_DIALECTS)[number]

/** Keys that are made of a prefix and a number, so that a million of them need no list. */
export interface KeyRange {
  readonly prefix: string
  readonly count: number
  /** Each load begins somewhere in the range, so that of a large one it takes keys that were not called before. */
  readonly beginsAnywhere?: boolean
}

export interface LoadRequest {
  readonly host: string
  readonly port: number
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly model: string
  readonly dialect: BenchDialect
  readonly stream: boolean
  /** About how large the request body is. */
  readonly bodyBytes: number
  /** Arrays within one another in the body; the gateway refuses what is too deep. None where nothing says. */
  readonly nesting?: number
  /** Without a body, by GET; with one, by POST, where nothing says. */
  readonly method?: 'GET'
  /** Calls take these in turn, as their bearer token. */
  readonly keys: KeyRange | undefined
  /** No two calls ask the same, so that no cache of answers helps. */
  readonly isEachNew?: boolean
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

/** A number of calls, one after the other on each connection, for what they leave behind. */
export interface CountedCallsJob extends JobBase {
  readonly kind: 'counted-calls'
  readonly connections: number
  readonly calls: number
}

/** Calls at fixed times, whether or not the earlier ones are answered: a slow answer cannot hide the next one. */
export interface OpenLoopJob extends JobBase {
  readonly kind: 'open-loop'
  readonly callsPerSecond: number
  /** Calls that go out at once when it begins, on connections that are then there; 32 where nothing says. */
  readonly openAtStart?: number
  readonly warmUpMs: number
  readonly durationMs: number
}

/** Streams side by side, in rounds; the first round warms up and is not counted. */
export interface StreamsJob extends JobBase {
  readonly kind: 'streams'
  readonly streams: number
  readonly rounds: number
}

/** Streams that begin at fixed times, for the time to the first chunk and for that of each chunk on its way. */
export interface StreamLatencyJob extends JobBase {
  readonly kind: 'stream-latency'
  readonly streamsPerSecond: number
  readonly warmUpMs: number
  readonly durationMs: number
}

/** Streams that are all open at the same time, for the memory that each takes. */
export interface HeldStreamsJob extends JobBase {
  readonly kind: 'held-streams'
  readonly streams: number
}

/** No calls: what the program does by itself. */
export interface IdleJob extends JobBase {
  readonly kind: 'idle'
  readonly durationMs: number
}

/** Streams without a pause, of which the clients read a little at a time, for what is held of each. */
export interface SlowReadersJob extends JobBase {
  readonly kind: 'slow-readers'
  readonly streams: number
}

export type LoadJob =
  | ClosedLoopJob
  | CountedCallsJob
  | OpenLoopJob
  | StreamsJob
  | StreamLatencyJob
  | HeldStreamsJob
  | IdleJob
  | SlowReadersJob

interface FiguresBase {
  /** Answers with another status than 200, and connections that broke. */
  readonly failures: number
}

export interface ClosedLoopFigures extends FiguresBase {
  readonly kind: 'closed-loop'
  readonly calls: number
  readonly callsPerSecond: number
  readonly cpuMicrosecondsPerCall: number
  /** In the calmest half second of the load; undefined in earlier results. */
  readonly calmestMicrosecondsPerCall?: number
  /** Processes that serve calls. */
  readonly servers: number
  /** CPU of the one that serves most calls, for each that it serves. */
  readonly busiestMicrosecondsPerOwnCall: number
}

export interface CountedCallsFigures extends FiguresBase {
  readonly kind: 'counted-calls'
}

export interface OpenLoopFigures extends FiguresBase {
  readonly kind: 'open-loop'
  readonly calls: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  readonly cpuMicrosecondsPerCall: number
  /** How long the program's main thread was ready to run and waited for the core; undefined in earlier results. */
  readonly coreWaitMicrosecondsPerCall?: number
}

export interface StreamsFigures extends FiguresBase {
  readonly kind: 'streams'
  readonly chunks: number
  readonly chunksPerSecond: number
  readonly cpuMicrosecondsPerChunk: number
}

export interface StreamLatencyFigures extends FiguresBase {
  readonly kind: 'stream-latency'
  readonly streams: number
  readonly chunks: number
  /** From the sending of a request to the first chunk. */
  readonly firstChunkP50Ms: number
  readonly firstChunkP99Ms: number
  /** From the provider's write of a chunk to its arrival at the client. */
  readonly chunkP50Ms: number
  readonly chunkP99Ms: number
  /** Mean difference between the times that two chunks in a row of a stream took: RFC 3550, without its smoothing. */
  readonly jitterMs: number
}

export interface HeldStreamsFigures extends FiguresBase {
  readonly kind: 'held-streams'
  readonly streams: number
  readonly residentBytesBefore: number
  readonly residentBytesDuring: number
}

export interface IdleFigures extends FiguresBase {
  readonly kind: 'idle'
  readonly cpuMicrosecondsPerSecond: number
}

export interface SlowReadersFigures extends FiguresBase {
  readonly kind: 'slow-readers'
  readonly streams: number
  readonly residentBytesBefore: number
  /** From the moment at which every stream has begun. */
  readonly residentBytesEachSecond: readonly number[]
  /** What all clients together have read. */
  readonly readBytes: number
}

export type LoadFigures =
  | ClosedLoopFigures
  | CountedCallsFigures
  | OpenLoopFigures
  | StreamsFigures
  | StreamLatencyFigures
  | HeldStreamsFigures
  | IdleFigures
  | SlowReadersFigures
export type FiguresOf<Job extends LoadJob> = Extract<LoadFigures, { readonly kind: Job['kind'] }>
