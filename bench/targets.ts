/** What Sluice is held to, and how it stands to that. */
import { callFigures, type CallFigures } from './call-figures.ts'
import { OWN_PART, type ProfileSummary } from './cpu-profile.ts'
import { rowFigures, type RowFigures } from './figures.ts'
import { latencyFigures, type LatencyFigures } from './latency-figures.ts'
import { dutiesRelay, dutiesWithRedis, socketRelay } from './reference.ts'
import type { BenchResult, SluiceExtras } from './result.ts'
import { haproxy, nginx as nginxRelay } from './reverse-proxies.ts'
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

/**
 * Sluice against what it promises, as far as it was measured; empty where Sluice or nginx are not in the first table, or
 * Sluice was not measured alone.
 */
export function targetLines(result: BenchResult): TargetLine[] {
  const rows = rowFigures(result)
  const find = (name: string) => rows.find((row) => row.name === name)
  const [own, nginx, extras] = [find(sluice.name), find(nginxRelay.name), result.sluice]
  if (own === undefined || nginx === undefined || extras === undefined) return []
  const sockets = find(socketRelay.name)
  const duties = find(dutiesRelay.name)
  const calls = callFigures(result)
  const plain = {
    own: calls.get(sluice.name),
    sockets: calls.get(socketRelay.name),
    duties: calls.get(dutiesRelay.name),
  }
  const redis = {
    own: calls.get(WITH_REDIS.name),
    sockets: undefined,
    duties: calls.get(dutiesWithRedis.name),
  }
  const proxy = calls.get(haproxy.name)?.microseconds ?? Number.NaN
  const share = callLine(plain, (of) => proxy / of.microseconds, [
    'Calls a second on one core, as a share of HAProxy’s',
    '',
    0.25,
    0.35,
  ])
  const steady = latencyFigures(result)
  const latency = (what: string, read: (figures: LatencyFigures) => number, target: number, goal: number) => {
    const told = ({ name }: { readonly name: string }) => {
      const figures = steady.get(name)
      return figures === undefined ? Number.NaN : read(figures)
    }
    return {
      ...atMost(`Added latency at 1,000 calls a second, ${what}`, 'ms', told(sluice), target, goal),
      ...floorsOf(told(socketRelay), told(dutiesRelay)),
    }
  }
  return [
    ...costLines(plain, 'CPU a call, 1 KB', 70, 45).map((line) => without(line, extras.profile)),
    ...costLines(redis, 'CPU a call, 1 KB, with Redis admission', 100, 70).map((line) =>
      without(line, extras.redisProfile),
    ),
    ...known([{ ...share, isMore: true }]).map((line) => without(line, extras.profile)),
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
    ...known([latency('p50', (of) => of.addedP50Ms, 0.5, 0.3), latency('p99', (of) => of.addedP99Ms, 2, 1)]),
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
  const told = (figures: Figures | undefined) => (figures === undefined ? Number.NaN : read(figures))
  return floorsOf(told(sockets), told(duties))
}

/** What was not measured, which is NaN, is left out. */
function floorsOf(floor: number, least: number): Floors {
  return {
    ...(Number.isNaN(floor) ? {} : { floor }),
    ...(Number.isNaN(least) ? {} : { duties: least }),
  }
}

/** The least program reads no event of a stream but the last: of streams it has none of the duties. */
function ofStreams(sockets: RowFigures | undefined, read: (row: RowFigures) => number): Floors {
  return beside(sockets, undefined, read)
}

/** How a line about calls of 1 KB reads a row, beside those of its floors. */
interface CallRows {
  readonly own: CallFigures | undefined
  readonly sockets: CallFigures | undefined
  readonly duties: CallFigures | undefined
}

function callLine(
  { own, sockets, duties }: CallRows,
  read: (figures: CallFigures) => number,
  [what, unit, target, goal]: readonly [what: string, unit: string, target: number, goal: number],
): TargetLine {
  const measured = own === undefined ? Number.NaN : read(own)
  return { ...atMost(what, unit, measured, target, goal), ...beside(sockets, duties, read) }
}

/** What a call costs, in µs and beside the relay of node:http and undici. */
function costLines(rows: CallRows, what: string, target: number, goal: number): readonly TargetLine[] {
  const yardstick = YARDSTICK_MICROSECONDS
  return known([
    callLine(rows, (of) => of.microseconds, [what, 'µs', target, goal]),
    callLine(rows, (of) => of.multiple, [
      `${what}, as a multiple of node:http and undici alone`,
      '×',
      target / yardstick,
      goal / yardstick,
    ]),
    callLine(rows, (of) => of.calmestMicroseconds, [
      `${what}, in the calmest half second`,
      'µs',
      target,
      goal,
    ]),
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

/** What goes on while the lag is measured: in results without the latest time, the lists and scrapes were not there. */
function lagLoadOf({ eventLoopLagMaxMs }: SluiceExtras): string {
  const load = '2 MB bodies, 100,000-token answers, deep refusals'
  return eventLoopLagMaxMs === undefined ? load : `${load}, lists, scrapes`
}
