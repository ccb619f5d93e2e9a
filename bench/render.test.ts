import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { rowFigures } from './figures.ts'
import { medianOf, worstOf } from './measure-lag.ts'
import { renderPerformancePage, renderTable } from './render.ts'
import type { BenchResult, ResultRow, RoundFigures } from './result.ts'
import { targetLines } from './targets.ts'

function round(cpuMicroseconds: number, latencyMs: number, failures = 0): RoundFigures {
  const latency = {
    kind: 'open-loop',
    calls: 1000,
    failures: 0,
    p50Ms: latencyMs,
    p99Ms: 2 * latencyMs,
    cpuMicrosecondsPerCall: cpuMicroseconds,
  } as const
  const loop = {
    kind: 'closed-loop',
    calls: 1000,
    callsPerSecond: 5,
    servers: 1,
    busiestMicrosecondsPerOwnCall: 0,
    failures,
  } as const
  return {
    startToReadyMs: 900,
    heldStreams: {
      kind: 'held-streams',
      streams: 1000,
      residentBytesBefore: 100e6,
      residentBytesDuring: 140e6,
      failures: 0,
    },
    latency: { ...latency, maxMs: 9 },
    chat1k: { ...loop, cpuMicrosecondsPerCall: cpuMicroseconds },
    chat100k: { ...loop, cpuMicrosecondsPerCall: 3 * cpuMicroseconds },
    streams: {
      kind: 'streams',
      chunks: 1000,
      chunksPerSecond: 10,
      cpuMicrosecondsPerChunk: cpuMicroseconds / 2,
      failures: 0,
    },
  }
}

function row(name: string, rounds: RoundFigures[], failure?: string): ResultRow {
  return { name, title: `Title of ${name}`, settings: `Settings of ${name}`, rounds, failure }
}

/** A row of the section that measures latency in turn; it has failed where it has no round. */
function latencyRow(name: string, ...milliseconds: readonly number[]) {
  return {
    name,
    title: name,
    settings: '',
    failure: milliseconds.length === 0 ? 'it exited' : undefined,
    rounds: milliseconds.map((latencyMs) => ({ latency: round(250, latencyMs).latency })),
  }
}

const RESULT: BenchResult = {
  date: '2026-11-22T10:00:00.000Z',
  machine: { processor: 'Test CPU', cores: 2, kernel: '6.1', node: '26.10.0', pinned: true },
  rows: [
    row('provider', [round(10, 0.1), round(10, 0.1), round(10, 0.3)]),
    row('nginx', [round(20, 0.2)]),
    row('haproxy', [round(20, 0.2)]),
    row('sluice', [round(70, 0.3), round(50, 0.5), round(60, 0.9, 4)]),
    row('portkey', [], 'it exited with 1 before it was ready'),
  ],
  sluice: {
    embeddedStartToReadyMs: 1200,
    eventLoopLagP99Ms: 25,
    eventLoopLagMaxMs: 60,
    profile: {
      parts: [
        { name: 'sluice calls', share: 0.3 },
        { name: 'undici', share: 0.25 },
        { name: 'sluice spend', share: 0.1 },
      ],
      functions: [],
    },
    chunkProfile: { parts: [{ name: 'sluice dialects', share: 0.1 }], functions: [] },
  },
  sections: [],
}

test('figures are medians over the rounds, and latency is counted from the provider of the same round', () => {
  const sluice = rowFigures(RESULT).find((figures) => figures.name === 'sluice')!
  expect(sluice.chat1kMicroseconds).toBe(60)
  expect(sluice.callsPerSecondPerCore).toBeCloseTo(16_667, 0)
  expect(sluice.addedP50Ms).toBeCloseTo(0.4)
  expect(sluice.bytesPerStream).toBe(40_000)
  // The same object stands for both closed loops of the round.
  expect(sluice.failures).toBe(8)
})

test('a target that is missed is marked as missed, and one that holds says how well', () => {
  const page = renderPerformancePage(RESULT)
  expect(page).toContain(
    '| CPU a call, 1 KB | 60.00 µs | – | – | 36.00 µs | ≤ 70.00 µs | ≤ 45.00 µs | target holds |',
  )
  expect(page).toContain(
    '| Event-loop lag p99 (2 MB bodies, 100,000-token answers, deep refusals, lists, scrapes) | 25.00 ms | – | – | – | ≤ 20.00 ms | ≤ 10.00 ms | **missed** |',
  )
  expect(targetLines(RESULT)).toHaveLength(11)
})

test('what bare sockets took in the same run, without and with the duties, stands beside what Sluice takes', () => {
  const floors = [row('sockets', [round(30, 0.1)]), row('duties', [round(45, 0.1)])]
  const page = renderPerformancePage({ ...RESULT, rows: [...RESULT.rows, ...floors] })
  expect(page).toContain(
    '| CPU a call, 1 KB | 60.00 µs | 30.00 µs | 45.00 µs | 36.00 µs | ≤ 70.00 µs | ≤ 45.00 µs | target holds |',
  )
})

test('what the least program took with Redis in the same section stands beside what Sluice takes', () => {
  const ofForm = (name: string, cpuMicrosecondsPerCall: number) => ({
    name,
    title: name,
    settings: '',
    failure: undefined,
    rounds: [{ small: { ...round(0, 0).chat1k, cpuMicrosecondsPerCall } }],
  })
  const rows = [ofForm('duties-redis', 40), ofForm('sluice', 60), ofForm('sluice-redis', 90)]
  const page = renderPerformancePage({ ...RESULT, sections: [{ name: 'forms', date: RESULT.date, rows }] })
  expect(page).toContain(
    '| CPU a call, 1 KB, with Redis admission | 90.00 µs | – | 40.00 µs | – | ≤ 100.00 µs',
  )
})

test('what was measured in turn is what Sluice is held to, in the middle and in the calmest half second', () => {
  const ofRow = (name: string, ...microseconds: readonly number[]) => ({
    name,
    title: name,
    settings: '',
    failure: undefined,
    rounds: microseconds.map((cpuMicrosecondsPerCall) => ({
      small: {
        ...round(0, 0).chat1k,
        cpuMicrosecondsPerCall,
        calmestMicrosecondsPerCall: cpuMicrosecondsPerCall - 10,
      },
    })),
  })
  const rows = [
    ofRow('haproxy', 20, 22, 24),
    ofRow('sockets', 21, 22, 23),
    ofRow('duties', 35, 45, 40),
    ofRow('reference', 40, 50, 80),
    ofRow('sluice', 50, 60, 100),
    ofRow('sluice-redis', 70, 80, 90),
  ]
  const page = renderPerformancePage({ ...RESULT, sections: [{ name: 'calls', date: RESULT.date, rows }] })
  for (const line of [
    '| CPU a call, 1 KB | 60.00 µs | 22.00 µs | 40.00 µs | 36.00 µs | ≤ 70.00 µs | ≤ 45.00 µs | target holds |',
    '| CPU a call, 1 KB, in the calmest half second | 40.00 µs | 11.00 µs | 25.00 µs | 24.00 µs | ≤ 70.00 µs | ≤ 45.00 µs | goal reached |',
    '| CPU a call, 1 KB, as a multiple of node:http and undici alone | 1.25 × |',
    '| CPU a call, 1 KB, with Redis admission | 80.00 µs | – | – | – | ≤ 100.00 µs | ≤ 70.00 µs | target holds |',
    '| CPU a call, 1 KB, with Redis admission, in the calmest half second | 60.00 µs |',
    '| Calls a second on one core, as a share of HAProxy’s | 0.37 |',
  ])
    expect(page).toContain(line)
})

test('latency that was measured in turn is what Sluice is held to, beside what its floors add in the same rounds', () => {
  const rows = [
    latencyRow('provider', 0.1, 0.2, 0.1),
    latencyRow('sockets', 0.2, 0.4, 0.3),
    latencyRow('duties', 0.3, 0.5, 0.5),
    latencyRow('sluice', 0.4, 0.55, 0.5),
  ]
  const page = renderPerformancePage({ ...RESULT, sections: [{ name: 'latency', date: RESULT.date, rows }] })
  expect(page).toContain('calls a second, p50 | 0.35 ms | 0.20 ms | 0.30 ms | – | ≤ 0.50 ms | ≤ 0.30 ms |')
  expect(page).toContain('calls a second, p99 | 0.70 ms | 0.40 ms | 0.60 ms | – | ≤ 2.00 ms | ≤ 1.00 ms |')
  expect(renderPerformancePage(RESULT)).toContain('calls a second, p50 | 0.40 ms | – | – | – |')
})

test('a row that failed where latency is measured in turn is no floor, and without the provider nothing of it is taken', () => {
  const main = [...RESULT.rows, row('duties', [round(45, 0.9)])]
  const pageOf = (...rows: readonly ReturnType<typeof latencyRow>[]) =>
    renderPerformancePage({
      ...RESULT,
      rows: main,
      sections: [{ name: 'latency', date: RESULT.date, rows }],
    })
  expect(pageOf(latencyRow('provider', 0.1), latencyRow('duties'), latencyRow('sluice', 0.5))).toContain(
    'calls a second, p50 | 0.40 ms | – | – | – |',
  )
  expect(pageOf(latencyRow('provider'), latencyRow('duties', 0.3), latencyRow('sluice', 0.7))).toContain(
    'calls a second, p50 | 0.40 ms | – | 0.80 ms | – |',
  )
})

test('what a call touches is told in the page beside what it costs at a steady pace', () => {
  const touched = { title: 'Sluice', code: 7000, read: 3000.4, written: 1000 }
  const rows = [latencyRow('provider', 0.1), latencyRow('sluice', 0.4)]
  const page = renderPerformancePage({
    ...RESULT,
    sluice: {
      ...RESULT.sluice!,
      touchedMemory: [
        { name: 'sluice', ...touched },
        { name: 'sockets', ...touched },
      ],
    },
    sections: [{ name: 'latency', date: RESULT.date, rows }],
  })
  expect(page).toContain('| Sluice | 7,000 | 3,000 | 1,000 | 11,000 | 250 |')
  expect(page).toContain('| Sluice | 7,000 | 3,000 | 1,000 | 11,000 | – |')
  expect(renderPerformancePage(RESULT)).not.toContain('pieces of 64 bytes')
})

test('the lag of the event loop is told beside that of an idle process, where that was gauged', () => {
  const extras = RESULT.sluice!
  const page = renderPerformancePage({
    ...RESULT,
    sluice: { ...extras, idleLagP99Ms: 18.25, ownLagP99Ms: 9 },
  })
  expect(page).toContain(
    '| The same, beyond that of an idle process on the same core at the same time | 9.00 ms | – | – | – | ≤ 20.00 ms | ≤ 10.00 ms | goal reached |',
  )
  expect(page).toContain(
    'Sluice was late by 25.0 ms (p99; the latest of a stretch 60.0 ms), that of a process which does nothing, on the same core, was by 18.3 ms',
  )
  expect(renderPerformancePage(RESULT)).not.toContain('a process which does nothing')
})

test('what a call waited for the core is told beside the lag of an idle process, where both were counted', () => {
  const waited = (microseconds: number): RoundFigures => {
    const figures = round(60, 0.4)
    return {
      ...figures,
      latency: { ...figures.latency, coreWaitMicrosecondsPerCall: microseconds },
      idleLag: { p99Ms: 1.25, maxMs: 4 },
    }
  }
  const rows = RESULT.rows.map((other) =>
    other.name === 'sluice' ? row('sluice', [waited(110), waited(130)]) : other,
  )
  const page = renderPerformancePage({ ...RESULT, rows: [...rows, row('sockets', [waited(50)])] })
  expect(page).toContain('had to wait for its core, for 120 µs a call (bare sockets: 50 µs)')
  expect(page).toContain('was late by 1.3 ms (p99)')
  expect(renderPerformancePage(RESULT)).not.toContain('wait for its core')
})

test('of each figure of the lag the worst sample counts, and what is the gateway’s own is told within one', () => {
  const lag = (p99Ms: number, maxMs: number) => ({ p99Ms, maxMs })
  expect(
    worstOf([
      { sluice: lag(30, 40), idle: lag(28, 90) },
      { sluice: lag(12, 50), idle: lag(4, 10) },
      { sluice: lag(3, 9), idle: lag(5, 8) },
    ]),
  ).toEqual({ eventLoopLagP99Ms: 30, eventLoopLagMaxMs: 50, idleLagP99Ms: 28, ownLagP99Ms: 8 })
})

test('one bad stretch of the lag decides no figure', () => {
  const stretch = (milliseconds: number) => ({
    eventLoopLagP99Ms: milliseconds,
    eventLoopLagMaxMs: 2 * milliseconds,
    idleLagP99Ms: milliseconds / 2,
    ownLagP99Ms: milliseconds / 4,
  })
  expect(medianOf([stretch(8), stretch(80), stretch(12)])).toEqual(stretch(12))
})

test('a profile says what a part takes of a call and of a chunk, and where its stacks are', () => {
  const page = renderPerformancePage(RESULT)
  expect(page).toContain('| `undici` | 25.0 % | 15.0 |')
  expect(page).toContain('| `sluice dialects` | 10.0 % | 3.0 |')
  expect(page).toContain('bench/results/call-1kb.collapsed')
  expect(page).toContain('bench/results/chunk.collapsed')
})

test('a soak tells what V8 has compiled apart, where that was read', () => {
  const growth = (megabytes: number) => ({ bytesPerHour: megabytes * 1e6, low: 0, high: 0 })
  const soak = {
    date: '2026-11-22T10:00:00.000Z',
    minutes: 60,
    callsPerSecond: 60,
    calls: 9,
    soundCalls: 8,
    lostCalls: 0,
    mostResidentBytes: 1e8,
    growth: growth(1),
    liveGrowth: growth(1.4),
  }
  const page = renderPerformancePage({ ...RESULT, soak: { ...soak, codeGrowth: growth(0.9) } })
  expect(page).toContain('| Of that, what V8 has compiled | 0.9 MB |')
  expect(renderPerformancePage({ ...RESULT, soak })).not.toContain('compiled |')
})

test('a row that could not be measured says why, and failed calls are told', () => {
  for (const text of [renderTable(RESULT), renderPerformancePage(RESULT)]) {
    expect(text).toContain('Title of portkey: not measured, it exited with 1 before it was ready')
    expect(text).toContain('Title of sluice: 8 calls were not answered with 200')
  }
})

test('docs/performance.md shows the latest published result', () => {
  // Written by the benchmark itself, from the same interface.
  const latest = JSON.parse(
    readFileSync(join(import.meta.dirname, 'results', 'latest.json'), 'utf8'),
  ) as BenchResult
  const page = readFileSync(join(import.meta.dirname, '..', 'docs', 'performance.md'), 'utf8')
  expect(page).toBe(renderPerformancePage(latest))
})
