/** The figures of the tables, computed from the raw ones: medians over the rounds of a run. */
import { OWN_PART, type ProfileSummary } from './cpu-profile.ts'
import { dutiesWithRedis } from './reference.ts'
import type { BenchResult, ResultRow, RoundFigures, SluiceExtras } from './result.ts'
import { sectionFigures } from './section-figures.ts'
import { forms } from './sections/forms.ts'
import { WITH_REDIS } from './sluice-forms.ts'
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

export interface TargetLine {
  readonly what: string
  readonly unit: string
  readonly measured: number
  /** Of bare sockets in the same run, with nothing read and nothing counted. Undefined where they do not do it. */
  readonly floor?: number
  /** Of the least program with the duties of a gateway, in the same run. */
  readonly duties?: number
  /** Without the time of our own JavaScript, by the profile: system calls, Node, garbage, packages. */
  readonly withoutOwn?: number
  /** Sluice is held to this. */
  readonly target: number
  /** Sluice wants to reach this. */
  readonly goal: number
  readonly isMore: boolean
}

/**
 * What a call of 1 KB cost the relay of node:http and undici on the machine that the targets in µs were set on (41 to 45
 * µs): it makes them multiples, which say the same on a machine that is slower or busier.
 */
const YARDSTICK_MICROSECONDS = 43

/** Sluice against what it promises; empty when a run did not measure all that is needed. */
export function targetLines(result: BenchResult): TargetLine[] {
  const rows = rowFigures(result)
  const find = (name: string) => rows.find((row) => row.name === name)
  const [sluice, nginx, haproxy, extras] = [find('sluice'), find('nginx'), find('haproxy'), result.sluice]
  const yardstick = find('reference')?.chat1kMicroseconds
  const [sockets, duties] = [find('sockets'), find('duties')]
  if (sluice === undefined || nginx === undefined || haproxy === undefined || extras === undefined) return []
  const atMost = (what: string, unit: string, measured: number, target: number, goal: number) => ({
    what,
    unit,
    measured,
    target,
    goal,
    isMore: false,
  })
  const without = (line: TargetLine, profile: ProfileSummary | undefined): TargetLine =>
    profile === undefined
      ? line
      : {
          ...line,
          withoutOwn: line.isMore
            ? line.measured / (1 - ownShare(profile))
            : line.measured * (1 - ownShare(profile)),
        }
  const ofRow = (
    what: string,
    unit: string,
    read: (row: RowFigures) => number,
    target: number,
    goal: number,
  ) => ({
    ...atMost(what, unit, read(sluice), target, goal),
    ...(sockets === undefined ? {} : { floor: read(sockets) }),
    ...(duties === undefined ? {} : { duties: read(duties) }),
  })
  /** The least program reads no event of a stream but the last: of streams it has none of the duties. */
  const ofStreams = (...line: Parameters<typeof ofRow>): TargetLine => {
    const { duties: _, ...others }: TargetLine = ofRow(...line)
    return others
  }
  return [
    without(
      ofRow('CPU a call, 1 KB', 'µs', (row) => row.chat1kMicroseconds, 70, 45),
      extras.profile,
    ),
    ...(yardstick === undefined
      ? []
      : [
          without(
            ofRow(
              'The same, as a multiple of node:http and undici alone',
              '×',
              (row) => row.chat1kMicroseconds / yardstick,
              70 / YARDSTICK_MICROSECONDS,
              45 / YARDSTICK_MICROSECONDS,
            ),
            extras.profile,
          ),
        ]),
    ...redisLines(result).map(({ measured, duties: least }) =>
      without(
        {
          ...atMost('CPU a call, 1 KB, with Redis admission', 'µs', measured, 100, 70),
          ...(least === undefined ? {} : { duties: least }),
        },
        extras.redisProfile,
      ),
    ),
    ...(yardstick === undefined
      ? []
      : redisLines(result).map(({ multiple }) =>
          without(
            atMost(
              'The same, by what Redis adds, as a multiple of node:http and undici alone',
              '×',
              (sluice.chat1kMicroseconds * multiple) / yardstick,
              100 / YARDSTICK_MICROSECONDS,
              70 / YARDSTICK_MICROSECONDS,
            ),
            extras.redisProfile,
          ),
        )),
    without(
      {
        ...ofRow(
          'Calls a second on one core, as a share of HAProxy’s',
          '',
          (row) => row.callsPerSecondPerCore / haproxy.callsPerSecondPerCore,
          0.25,
          0.35,
        ),
        isMore: true,
      },
      extras.profile,
    ),
    without(
      ofRow('CPU a call, 100 KB', 'µs', (row) => row.chat100kMicroseconds, 400, 200),
      extras.largeProfile,
    ),
    without(
      ofStreams(
        'CPU a relayed chunk, as a multiple of nginx’s',
        '×',
        (row) => row.chunkMicroseconds / nginx.chunkMicroseconds,
        2.2,
        1.3,
      ),
      extras.chunkProfile,
    ),
    ofRow('Added latency at 1,000 calls a second, p50', 'ms', (row) => row.addedP50Ms, 0.5, 0.3),
    ofRow('Added latency at 1,000 calls a second, p99', 'ms', (row) => row.addedP99Ms, 2, 1),
    // The relays are run from their sources, which takes memory and time for the types in them: they are no floor here.
    atMost('Memory when idle', 'MB', sluice.idleBytes / 1e6, 150, 120),
    ofStreams('Memory added by an open stream', 'KB', (row) => row.bytesPerStream / 1e3, 100, 50),
    atMost('Start to ready, PostgreSQL', 's', sluice.startToReadyMs / 1e3, 1.5, 0.7),
    atMost('Start to ready, embedded database reopened', 's', extras.embeddedStartToReadyMs / 1e3, 2, 1),
    atMost(`Event-loop lag p99 (${lagLoadOf(extras)})`, 'ms', extras.eventLoopLagP99Ms, 20, 10),
    ...(extras.ownLagP99Ms === undefined
      ? []
      : [
          atMost(
            'The same, beyond that of an idle process on the same core at the same time',
            'ms',
            extras.ownLagP99Ms,
            20,
            10,
          ),
        ]),
  ]
}

/** Of the busy time, what functions of ours take themselves, 0 to 1. */
function ownShare({ parts }: ProfileSummary): number {
  return parts.reduce((sum, { name, share }) => (name.startsWith(OWN_PART) ? sum + share : sum), 0)
}

/** What goes on while the lag is measured: in results without the latest of all, the lists and scrapes were not there. */
function lagLoadOf({ eventLoopLagMaxMs }: SluiceExtras): string {
  const load = '2 MB bodies, 100,000-token answers, deep refusals'
  return eventLoopLagMaxMs === undefined ? load : `${load}, lists, scrapes`
}

export interface RedisLine {
  readonly measured: number
  /** Of a call with everything on but Redis. */
  readonly multiple: number
  /** Of the least program with the duties, beside it; undefined in results of an earlier form. */
  readonly duties: number | undefined
}

/** What a call costs with Redis, in µs; nothing where that section was not measured. */
export function redisLines(result: BenchResult): RedisLine[] {
  const section = result.sections.find(({ name }) => name === forms.name)
  const rows = section === undefined ? [] : sectionFigures(forms, section)
  const cellsOf = (row: string) => rows.find(({ name }) => name === row)?.cells ?? []
  const [measured = Number.NaN, multiple = Number.NaN] = cellsOf(WITH_REDIS.name)
  const [duties] = cellsOf(dutiesWithRedis.name)
  return Number.isNaN(measured) ? [] : [{ measured, multiple, duties }]
}
