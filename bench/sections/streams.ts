/** What a relay adds to the time of a stream's chunks, and what thousands of open streams take. */
import { providerDirect } from '../provider.ts'
import { haproxy, nginx } from '../reverse-proxies.ts'
import { loadRequest } from '../run-load.ts'
import {
  CHUNK_COST,
  CHUNKS,
  figureOf,
  SMALL_BODY,
  type Measure,
  type Section,
  type SectionColumn,
} from '../section.ts'
import type { StreamLatencyFigures } from '../load-job.ts'
import { sluice } from '../sluice-targets.ts'

/** Streams of two seconds: so many begin a second that 200 are open. */
const STREAMS_PER_SECOND = 100
const OPENING_MS = 2_000
const MEASURED_MS = 5_000

const DELAY: Measure = {
  name: 'delay',
  job: (target, times) => ({
    kind: 'stream-latency',
    request: loadRequest(target, 'stream', SMALL_BODY),
    serverPid: target.pid,
    streamsPerSecond: STREAMS_PER_SECOND,
    warmUpMs: Math.max(times.warmUpMs, OPENING_MS),
    durationMs: MEASURED_MS,
  }),
}

function held(streams: number): Measure {
  return {
    name: `held ${streams}`,
    job: (target) => ({
      kind: 'held-streams',
      request: loadRequest(target, 'slow', SMALL_BODY),
      serverPid: target.pid,
      streams,
    }),
  }
}

function added(title: string, read: (figures: StreamLatencyFigures) => number): SectionColumn {
  const against = { row: providerDirect.name, as: 'difference' } as const
  return { title, decimals: 2, of: figureOf('stream-latency', DELAY.name, read), against }
}

function kilobytesEach(streams: number): SectionColumn {
  return {
    title: `KB a stream, ${streams.toLocaleString('en-US')} open`,
    decimals: 0,
    of: (round) => (residentDuring(streams)(round) - residentBefore(round)) / streams / 1e3,
  }
}

function residentDuring(streams: number): SectionColumn['of'] {
  return figureOf('held-streams', `held ${streams}`, (f) => f.residentBytesDuring)
}

/** Of the fresh process: memory that the first thousand streams needed is not given back before the others come. */
const residentBefore = figureOf('held-streams', 'held 1000', (f) => f.residentBytesBefore)

export const streams: Section = {
  name: 'streams',
  title: 'What a relay adds to a stream',
  about:
    '200 streams at a time, 10,000 chunks a second. The provider stamps each chunk with the machine’s clock, and the ' +
    'client reads the stamp; what is told is the difference to the same without a relay. Jitter is the mean difference ' +
    'between the delays of two chunks in a row of a stream. All programs here share two cores with client and provider.',
  order: 'side by side',
  rounds: 3,
  targets: [providerDirect, nginx, haproxy, sluice],
  measures: [DELAY, CHUNKS],
  columns: [
    added('first chunk p50 ms', (f) => f.firstChunkP50Ms),
    added('first chunk p99 ms', (f) => f.firstChunkP99Ms),
    added('chunk p50 ms', (f) => f.chunkP50Ms),
    added('chunk p99 ms', (f) => f.chunkP99Ms),
    added('jitter ms', (f) => f.jitterMs),
    CHUNK_COST,
  ],
}

export const openStreams: Section = {
  name: 'open-streams',
  title: 'What an open stream takes',
  about:
    'Resident memory beyond that of the fresh process, by stream, while so many are open and flow, a chunk each half ' +
    'second. Each program is started anew for each round.',
  order: 'one by one',
  rounds: 2,
  targets: [nginx, haproxy, sluice],
  measures: [held(1_000), held(5_000)],
  columns: [
    kilobytesEach(1_000),
    kilobytesEach(5_000),
    { title: 'RSS MB, 5,000 open', decimals: 0, of: (round) => residentDuring(5_000)(round) / 1e6 },
  ],
}
