/** What Sluice is held to, and how it stands to that. */
import { callFigures, type CallFigures } from './call-figures.ts'
import { OWN_PART, type ProfileSummary } from './cpu-profile.ts'
import { rowFigures, type RowFigures } from './figures.ts'
import { dutiesRelay, dutiesWithRedis, socketRelay } from './reference.ts'
import type { BenchResult, SluiceExtras } from './result.ts'
import { haproxy } from './reverse-proxies.ts'
import { WITH_REDIS } from './sluice-forms.ts'
import { sluice } from './sluice-targets.ts'

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
  const [own, nginx, extras] = [find(sluice.name), find('nginx'), result.sluice]
  if (own === undefined || nginx === undefined || extras === undefined) return []
  const sockets = find(socketRelay.name)
  const duties = find(dutiesRelay.name)
  const small = callLines(result)
  const latency = (what: string, read: (row: RowFigures) => number, target: number, goal: number) => ({
    ...atMost(`Added latency at 1,000 calls a second, ${what}`, 'ms', read(own), target, goal),
    ...beside(sockets, duties, read),
  })
  return [
    ...small.cost.map((line) => without(line, extras.profile)),
    ...redisLines(result).map((line) => without(line, extras.redisProfile)),
    ...small.share.map((line) => without(line, extras.profile)),
    without(
      {
        ...atMost('CPU a call, 100 KB', 'µs', own.chat100kMicroseconds, 400, 200),
        ...beside(sockets, duties, (row) => row.chat100kMicroseconds),
      },
      extras.largeProfile,
    ),
    without(
      {
        ...atMost(
          'CPU a relayed chunk, as a multiple of nginx’s',
          '×',
          own.chunkMicroseconds / nginx.chunkMicroseconds,
          2.2,
          1.3,
        ),
        ...ofStreams(sockets, (row) => row.chunkMicroseconds / nginx.chunkMicroseconds),
      },
      extras.chunkProfile,
    ),
    latency('p50', (row) => row.addedP50Ms, 0.5, 0.3),
    latency('p99', (row) => row.addedP99Ms, 2, 1),
    // The relays are run from their sources, which takes memory and time for the types in them: they are no floor here.
    atMost('Memory when idle', 'MB', own.idleBytes / 1e6, 150, 120),
    {
      ...atMost('Memory added by an open stream', 'KB', own.bytesPerStream / 1e3, 100, 50),
      ...ofStreams(sockets, (row) => row.bytesPerStream / 1e3),
    },
    atMost('Start to ready, PostgreSQL', 's', own.startToReadyMs / 1e3, 1.5, 0.7),
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

function atMost(what: string, unit: string, measured: number, target: number, goal: number): TargetLine {
  return { what, unit, measured, target, goal, isMore: false }
}

function without(line: TargetLine, profile: ProfileSummary | undefined): TargetLine {
  if (profile === undefined) return line
  const rest = 1 - ownShare(profile)
  return { ...line, withoutOwn: line.isMore ? line.measured / rest : line.measured * rest }
}

type Floors = Pick<TargetLine, 'floor' | 'duties'>

function beside<Figures>(
  sockets: Figures | undefined,
  duties: Figures | undefined,
  read: (figures: Figures) => number,
): Floors {
  const known = (figures: Figures | undefined) => (figures === undefined ? Number.NaN : read(figures))
  const [floor, least] = [known(sockets), known(duties)]
  return {
    ...(Number.isNaN(floor) ? {} : { floor }),
    ...(Number.isNaN(least) ? {} : { duties: least }),
  }
}

/** The least program reads no event of a stream but the last: of streams it has none of the duties. */
function ofStreams(sockets: RowFigures | undefined, read: (row: RowFigures) => number): Floors {
  return beside(sockets, undefined, read)
}

interface CallLines {
  readonly cost: readonly TargetLine[]
  readonly share: readonly TargetLine[]
}

function callLines(result: BenchResult): CallLines {
  const all = callFigures(result)
  const own = all.get(sluice.name)
  if (own === undefined) return { cost: [], share: [] }
  const [sockets, duties] = [all.get(socketRelay.name), all.get(dutiesRelay.name)]
  const line = (
    what: string,
    unit: string,
    read: (figures: CallFigures) => number,
    target: number,
    goal: number,
  ) => ({ ...atMost(what, unit, read(own), target, goal), ...beside(sockets, duties, read) })
  const proxy = all.get(haproxy.name)?.microseconds ?? Number.NaN
  return {
    cost: known([
      line('CPU a call, 1 KB', 'µs', (of) => of.microseconds, 70, 45),
      line(IN_CALM, 'µs', (of) => of.calmestMicroseconds, 70, 45),
      line(
        'The same, as a multiple of node:http and undici alone',
        '×',
        (of) => of.multiple,
        70 / YARDSTICK_MICROSECONDS,
        45 / YARDSTICK_MICROSECONDS,
      ),
    ]),
    share: known([
      {
        ...line(
          'Calls a second on one core, as a share of HAProxy’s',
          '',
          (of) => proxy / of.microseconds,
          0.25,
          0.35,
        ),
        isMore: true,
      },
    ]),
  }
}

const IN_CALM = 'The same, in the calmest half second of the run'

function redisLines(result: BenchResult): readonly TargetLine[] {
  const all = callFigures(result)
  const own = all.get(WITH_REDIS.name)
  if (own === undefined) return []
  const duties = all.get(dutiesWithRedis.name)
  const line = (
    what: string,
    unit: string,
    read: (figures: CallFigures) => number,
    target: number,
    goal: number,
  ) => ({ ...atMost(what, unit, read(own), target, goal), ...beside(undefined, duties, read) })
  return known([
    line('CPU a call, 1 KB, with Redis admission', 'µs', (of) => of.microseconds, 100, 70),
    line(IN_CALM, 'µs', (of) => of.calmestMicroseconds, 100, 70),
    line(
      'The same, as a multiple of node:http and undici alone',
      '×',
      (of) => of.multiple,
      100 / YARDSTICK_MICROSECONDS,
      70 / YARDSTICK_MICROSECONDS,
    ),
  ])
}

/** What a result has no figure for is left out. */
function known(lines: readonly TargetLine[]): readonly TargetLine[] {
  return lines.filter(({ measured }) => !Number.isNaN(measured))
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
