/** What a relay holds of streams that come quicker than their clients read. */
import { haproxy, nginx } from '../reverse-proxies.ts'
import { loadRequest } from '../run-load.ts'
import { figureOf, SMALL_BODY, type Measure, type Section, type SectionColumn } from '../section.ts'
import { sluice } from '../sluice-targets.ts'

function slowReaders(streams: number): Measure {
  return {
    name: `slow ${streams}`,
    job: (target) => ({
      kind: 'slow-readers',
      request: loadRequest(target, 'flood', SMALL_BODY),
      serverPid: target.pid,
      streams,
    }),
  }
}

function residentDuring(streams: number): SectionColumn['of'] {
  return figureOf('slow-readers', `slow ${streams}`, (f) => Math.max(...f.residentBytesEachSecond))
}

/** Of the fresh process: memory that the first thousand streams needed is not given back before the others come. */
const residentBefore = figureOf('slow-readers', 'slow 1000', (f) => f.residentBytesBefore)

function kilobytesEach(streams: number): SectionColumn {
  return {
    title: `KB a stream, ${streams.toLocaleString('en-US')} slow readers`,
    decimals: 0,
    of: (round) => (residentDuring(streams)(round) - residentBefore(round)) / streams / 1e3,
  }
}

export const slowReadersSection: Section = {
  name: 'slow-readers',
  title: 'What a slow reader takes',
  about:
    'Streams without a pause or an end, of which each client reads 2 KB a second. Resident memory beyond that of the ' +
    'fresh process, by stream, at its highest in twelve seconds. Buffers of the kernel are not in it: the programs run ' +
    'in a network of their own with buffers of 64 KB, so that these are full soon.',
  order: 'one by one',
  rounds: 2,
  inSmallBuffers: true,
  targets: [nginx, haproxy, sluice],
  measures: [slowReaders(1_000), slowReaders(5_000)],
  columns: [
    kilobytesEach(1_000),
    kilobytesEach(5_000),
    { title: 'RSS MB, 5,000 slow readers', decimals: 0, of: (round) => residentDuring(5_000)(round) / 1e6 },
  ],
}
