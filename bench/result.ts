/** What a benchmark run has found, as it is kept in `bench/results/`. */
import type { ProfileSummary } from './cpu-profile.ts'
import type { ClosedLoopFigures, HeldStreamsFigures, OpenLoopFigures, StreamsFigures } from './load-job.ts'
import type { TargetName } from './target.ts'

export interface RoundFigures {
  readonly startToReadyMs: number | null
  readonly heldStreams: HeldStreamsFigures
  readonly latency: OpenLoopFigures
  readonly chat1k: ClosedLoopFigures
  readonly chat100k: ClosedLoopFigures
  readonly streams: StreamsFigures
}

export interface ResultRow {
  readonly name: TargetName
  readonly title: string
  readonly rounds: readonly RoundFigures[]
  /** Why the target could not be measured. */
  readonly failure: string | undefined
}

/** What is measured of Sluice alone. */
export interface SluiceExtras {
  readonly embeddedStartToReadyMs: number
  /** How late the event loop is while 2 MB bodies come in: 99 of 100 samples are below. */
  readonly eventLoopLagP99Ms: number
  readonly profile: ProfileSummary
}

export interface BenchResult {
  /** ISO 8601, UTC. */
  readonly date: string
  readonly machine: {
    readonly processor: string
    readonly cores: number
    readonly kernel: string
    readonly node: string
    readonly pinned: boolean
  }
  readonly rows: readonly ResultRow[]
  readonly sluice: SluiceExtras | undefined
}
