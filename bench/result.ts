/** What a benchmark run has found, as it is kept in `bench/results/`. */
import type { ProfileSummary } from './cpu-profile.ts'
import type {
  ClosedLoopFigures,
  HeldStreamsFigures,
  LoadFigures,
  OpenLoopFigures,
  StreamsFigures,
} from './load-job.ts'
import type { EventLoopLag } from './sluice-targets.ts'
import type { TouchedMemory } from './touched-memory.ts'

export interface RoundFigures {
  readonly startToReadyMs: number | null
  readonly heldStreams: HeldStreamsFigures
  readonly latency: OpenLoopFigures
  /** Of a process that did nothing, on the same core while the latency was measured; undefined in earlier results. */
  readonly idleLag?: EventLoopLag
  readonly chat1k: ClosedLoopFigures
  readonly chat100k: ClosedLoopFigures
  readonly streams: StreamsFigures
}

interface RowBase<Round> {
  /** The target's short name. */
  readonly name: string
  readonly title: string
  /** Version and settings, and what was found when the target started. */
  readonly settings: string
  readonly rounds: readonly Round[]
  /** Why the target could not be measured. */
  readonly failure: string | undefined
}

/** A row of the main table. */
export type ResultRow = RowBase<RoundFigures>

/** Figures of a round by the name of the measure; not every measure is taken in every round. */
export type SectionRound = Readonly<Record<string, LoadFigures>>

export type SectionRow = RowBase<SectionRound>

/** A table that looks at one thing. */
export interface SectionResult {
  readonly name: string
  /** ISO 8601, UTC: a section may be of another run than the main table. */
  readonly date: string
  readonly rows: readonly SectionRow[]
}

/** What is measured of Sluice alone. */
export interface SluiceExtras {
  readonly embeddedStartToReadyMs: number
  /**
   * How late the event loop is while all that is long goes on: 99 of 100 times it is less. The median of some stretches,
   * in each of which the worst scrape counts.
   */
  readonly eventLoopLagP99Ms: number
  /** The latest of a stretch, in the median; undefined in results of an earlier form, which had less going on. */
  readonly eventLoopLagMaxMs?: number
  /** The same gauge of a process that did nothing, on the same core at the same time; undefined in earlier results. */
  readonly idleLagP99Ms?: number
  /** What the gateway was late beyond that process; undefined in earlier results. */
  readonly ownLagP99Ms?: number
  /** Of calls of 1 KB. */
  readonly profile: ProfileSummary
  /** Of calls of 100 KB, of calls of 1 KB that Redis counts, and of streams; undefined in results of an earlier form. */
  readonly largeProfile?: ProfileSummary
  readonly redisProfile?: ProfileSummary
  readonly chunkProfile?: ProfileSummary
  /** Of calls of 1 KB in the least program with the duties; undefined in results of an earlier form. */
  readonly dutiesProfile?: ProfileSummary
  /** What a call of 1 KB touches when nothing is in a cache, beside its floors; undefined in results of an earlier form. */
  readonly touchedMemory?: readonly TouchedMemory[]
}

/** What a soak has found (`npm run soak`). */
export interface SoakResult {
  /** ISO 8601, UTC. */
  readonly date: string
  readonly minutes: number
  readonly callsPerSecond: number
  readonly calls: number
  /** Calls with nothing wrong about them: each has to come to a whole answer. */
  readonly soundCalls: number
  readonly lostCalls: number
  readonly mostResidentBytes: number
  /** Of the resident set, after the warm-up; undefined when the run was too short to tell. */
  readonly growth: Growth | undefined
  /** Of what is in use after a full collection, while no call is under way. */
  readonly liveGrowth?: Growth | undefined
  /** Of that, of what V8 has compiled; undefined in results of an earlier form. */
  readonly codeGrowth?: Growth | undefined
}

/** Bytes an hour; of the slopes between all pairs of samples, a tenth is below `low`, and a tenth above `high`. */
export interface Growth {
  readonly bytesPerHour: number
  readonly low: number
  readonly high: number
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
  /** What a reader has to know of how the main table came about. */
  readonly remark?: string
  readonly rows: readonly ResultRow[]
  readonly sluice: SluiceExtras | undefined
  readonly sections: readonly SectionResult[]
  /** Of a run of its own. */
  readonly soak?: SoakResult | undefined
}
