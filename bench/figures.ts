/** The figures of the tables, computed from the raw ones: medians over the rounds of a run. */
import type { BenchResult, ResultRow, RoundFigures } from './result.ts'
import { median } from './statistics.ts'

export interface RowFigures {
  readonly name: string
  readonly title: string
  readonly settings: string
  readonly failure: string | undefined
  /** 1,000,000 µs divided by what one call costs: what one core can serve. */
  readonly callsPerSecondPerCore: number
  readonly chat1kMicroseconds: number
  readonly chat100kMicroseconds: number
  readonly chunkMicroseconds: number
  /** Beyond what the provider takes when it is called directly. */
  readonly addedP50Ms: number
  readonly addedP99Ms: number
  /** Of a call at that pace, how long the main thread was ready to run and had no core; NaN in earlier results. */
  readonly coreWaitMicroseconds: number
  /** p99 of how late an idle process was on the same core meanwhile; NaN in earlier results. */
  readonly idleLagP99Ms: number
  readonly idleBytes: number
  readonly bytesPerStream: number
  readonly startToReadyMs: number
  /** Calls that were not answered with 200. */
  readonly failures: number
}

export function rowFigures(result: BenchResult): RowFigures[] {
  const direct = result.rows.find((row) => row.name === 'provider')
  return result.rows.map((row) => figuresOf(row, direct))
}

function figuresOf(row: ResultRow, direct: ResultRow | undefined): RowFigures {
  const over = (read: (round: RoundFigures, index: number) => number) => median(row.rounds.map(read))
  const added = (read: (round: RoundFigures) => number) =>
    over((round, index) => {
      const baseline = direct?.rounds[index]
      return baseline === undefined ? Number.NaN : read(round) - read(baseline)
    })
  const isProvider = row.name === 'provider'
  const chat1kMicroseconds = over((round) => round.chat1k.cpuMicrosecondsPerCall)
  return {
    name: row.name,
    title: row.title,
    settings: row.settings,
    failure: row.failure,
    callsPerSecondPerCore: 1_000_000 / chat1kMicroseconds,
    chat1kMicroseconds,
    chat100kMicroseconds: over((round) => round.chat100k.cpuMicrosecondsPerCall),
    chunkMicroseconds: over((round) => round.streams.cpuMicrosecondsPerChunk),
    addedP50Ms: added((round) => round.latency.p50Ms),
    addedP99Ms: added((round) => round.latency.p99Ms),
    coreWaitMicroseconds: over(({ latency }) => latency.coreWaitMicrosecondsPerCall ?? Number.NaN),
    idleLagP99Ms: over(({ idleLag }) => idleLag?.p99Ms ?? Number.NaN),
    // The provider runs through the whole benchmark: what it holds tells nothing.
    idleBytes: isProvider ? Number.NaN : over((round) => round.heldStreams.residentBytesBefore),
    bytesPerStream: isProvider ? Number.NaN : over(({ heldStreams }) => bytesPerStream(heldStreams)),
    startToReadyMs: over((round) => round.startToReadyMs ?? Number.NaN),
    failures: row.rounds.reduce((sum, round) => sum + failuresOf(round), 0),
  }
}

function bytesPerStream(held: RoundFigures['heldStreams']): number {
  return (held.residentBytesDuring - held.residentBytesBefore) / held.streams
}

function failuresOf(round: RoundFigures): number {
  return [round.heldStreams, round.latency, round.chat1k, round.chat100k, round.streams].reduce(
    (sum, load) => sum + load.failures,
    0,
  )
}
