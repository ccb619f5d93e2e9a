/** Turns a benchmark result into the table on the terminal and into `docs/performance.md`. */
import { besideYardstick } from './beside-yardstick.ts'
import type { ProfileShare, ProfileSummary } from './cpu-profile.ts'
import { callFigures, type CallFigures } from './call-figures.ts'
import { latencyFigures, type LatencyFigures } from './latency-figures.ts'
import { rowFigures, type RowFigures } from './figures.ts'
import type { BenchResult, SectionResult, SluiceExtras, SoakResult } from './result.ts'
import type { Section } from './section.ts'
import { sectionFigures, type SectionFigures } from './section-figures.ts'
import { STACK_FILES } from './measure-alone.ts'
import { SECTIONS } from './sections/index.ts'
import { WITH_REDIS } from './sluice-forms.ts'
import { targetLines, type TargetLine } from './targets.ts'

interface Column {
  readonly title: string
  readonly cell: (row: RowFigures) => string
}

const COLUMNS: readonly Column[] = [
  { title: 'calls/s a core, 1 KB', cell: (row) => figure(row.callsPerSecondPerCore, 0) },
  { title: 'CPU µs a call, 1 KB', cell: (row) => figure(row.chat1kMicroseconds, 1) },
  { title: 'CPU µs a call, 100 KB', cell: (row) => figure(row.chat100kMicroseconds, 0) },
  { title: 'CPU µs a chunk', cell: (row) => figure(row.chunkMicroseconds, 1) },
  { title: 'added p50 ms', cell: (row) => figure(row.addedP50Ms, 2) },
  { title: 'added p99 ms', cell: (row) => figure(row.addedP99Ms, 2) },
  { title: 'RSS idle MB', cell: (row) => figure(row.idleBytes / 1e6, 0) },
  { title: 'KB an open stream', cell: (row) => figure(row.bytesPerStream / 1e3, 0) },
  { title: 'ready after ms', cell: (row) => figure(row.startToReadyMs, 0) },
]

/** English digits; a dash for what was not measured. */
function figure(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return '–'
  return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
}

function cellsOf(row: RowFigures): string[] {
  return [row.title, ...COLUMNS.map((column) => column.cell(row))]
}

/** For the terminal: columns under one another. */
export function renderTable(result: BenchResult): string {
  const head = ['', ...COLUMNS.map((column) => column.title)]
  const rows = rowFigures(result)
  return [alignedTable([head, ...rows.map(cellsOf)]), ...noteLines(rows)].join('\n')
}

/** A section for the terminal. */
export function renderSection(section: Section, result: SectionResult): string {
  const rows = sectionFigures(section, result)
  const conclusion = section.conclusion?.(rows) ?? []
  return [alignedTable(sectionTable(section, rows)), ...noteLines(rows)].concat(conclusion).join('\n')
}

function alignedTable(lines: readonly (readonly string[])[]): string {
  const widths = lines[0]?.map((_, index) => Math.max(...lines.map((line) => line[index]?.length ?? 0))) ?? []
  return lines
    .map((line) => line.map((cell, index) => pad(cell, widths[index] ?? 0, index)).join('  '))
    .join('\n')
}

function sectionTable(section: Section, rows: readonly SectionFigures[]): string[][] {
  const head = ['', ...section.columns.map(({ title }) => title)]
  return [
    head,
    ...rows.map((row) => [
      row.title,
      ...row.cells.map((cell, index) => figure(cell, section.columns[index]?.decimals ?? 0)),
    ]),
  ]
}

/** Heading, what is looked at, the table, and what each row is. */
function sectionOnPage(result: SectionResult): string[] {
  const section = SECTIONS.find(({ name }) => name === result.name)
  if (section === undefined) return []
  const rows = sectionFigures(section, result)
  const [head = [], ...lines] = sectionTable(section, rows)
  return [
    `## ${section.title}`,
    `${section.about} Measured on ${minuteOf(result.date)}.`,
    markdownTable(head, lines),
    ...[section.conclusion?.(rows) ?? []].flat(),
    [...noteLines(rows), ...settingLines(rows)].map((line) => `- ${line}`).join('\n'),
  ]
}

/** @param date ISO 8601, UTC. */
function minuteOf(date: string): string {
  return `${date.slice(0, 10)} at ${date.slice(11, 16)} UTC`
}

function settingLines(rows: readonly Pick<RowFigures, 'title' | 'settings'>[]): string[] {
  return rows.map(({ title, settings }) => `${title}: ${settings}.`)
}

function pad(cell: string, width: number, index: number): string {
  return index === 0 ? cell.padEnd(width) : cell.padStart(width)
}

function noteLines(rows: readonly Pick<RowFigures, 'title' | 'failure' | 'failures'>[]): string[] {
  return rows.flatMap((row) => [
    ...(row.failure === undefined ? [] : [`${row.title}: not measured, ${row.failure}`]),
    ...(row.failures === 0 ? [] : [`${row.title}: ${row.failures} calls were not answered with 200`]),
  ])
}

function markdownTable(head: readonly string[], lines: readonly (readonly string[])[]): string {
  const all = [head, head.map((_, index) => (index === 0 ? '---' : '---:')), ...lines]
  return all.map((line) => `| ${line.join(' | ')} |`).join('\n')
}

function targetCells(line: TargetLine): string[] {
  const sign = line.isMore ? '≥' : '≤'
  const show = (value: number) => `${figure(value, 2)} ${line.unit}`.trim()
  const reaches = (bound: number) => (line.isMore ? line.measured >= bound : line.measured <= bound)
  const verdict = reaches(line.goal) ? 'goal reached' : reaches(line.target) ? 'target holds' : '**missed**'
  return [
    line.what,
    show(line.measured),
    line.floor === undefined ? '–' : show(line.floor),
    line.duties === undefined ? '–' : show(line.duties),
    line.withoutOwn === undefined ? '–' : show(line.withoutOwn),
    `${sign} ${show(line.target)}`,
    `${sign} ${show(line.goal)}`,
    verdict,
  ]
}

/** Where each µs of a call or a chunk goes; nothing in a result that has no such profile. */
function profileOf(
  what: string,
  stackFile: string,
  profile: ProfileSummary | undefined,
  microseconds = Number.NaN,
): string[] {
  if (profile === undefined) return []
  return [
    `### Where each µs of a ${what} goes`,
    profileTable('part', profile.parts, microseconds),
    profileTable('function', profile.functions, microseconds),
    `The stacks are in \`bench/results/${stackFile}\`, collapsed as flamegraph.pl, speedscope and inferno read them.`,
  ]
}

/** Nothing in a result of an earlier form, which had no such program. */
function besideLeast(extras: SluiceExtras, calls: ReadonlyMap<string, CallFigures>): string[] {
  const { profile, dutiesProfile } = extras
  const [sluice, duties] = ['sluice', 'duties'].map((row) => calls.get(row)?.microseconds)
  if (dutiesProfile === undefined || sluice === undefined || duties === undefined) return []
  const kinds = besideYardstick({ sluice: profile, duties: dutiesProfile }, { sluice, duties })
  return [
    '### The same beside the least program with the duties',
    markdownTable(
      ['µs a call of 1 KB', 'Sluice', 'the least program', 'more'],
      kinds.map((kind) => [
        `\`${kind.name}\``,
        ...[kind.sluice, kind.duties, kind.sluice - kind.duties].map((value) => figure(value, 1)),
      ]),
    ),
    `Its stacks are in \`bench/results/${STACK_FILES.duties}\`.`,
  ]
}

function profileTable(head: string, shares: readonly ProfileShare[], microseconds: number): string {
  return markdownTable(
    [head, 'share of busy time', 'µs'],
    shares.map(({ name, share }) => [
      `\`${name}\``,
      `${figure(share * 100, 1)} %`,
      figure(share * microseconds, 1),
    ]),
  )
}

/** The page for operators: tables, targets, where the time goes, and how to repeat it. */
export function renderPerformancePage(result: BenchResult): string {
  const rows = rowFigures(result)
  const notes = [...noteLines(rows), ...settingLines(rows)].map((line) => `- ${line}`)
  const targets = targetLines(result)
  const sluice = rows.find(({ name }) => name === 'sluice')
  const calls = callFigures(result)
  return [
    INTRODUCTION,
    `The first table was measured on ${minuteOf(result.date)}: ${result.machine.processor}, ${result.machine.cores} cores, ` +
      `Linux ${result.machine.kernel}, Node ${result.machine.node}.` +
      (result.remark === undefined ? '' : ` ${result.remark}`),
    markdownTable(['', ...COLUMNS.map((column) => column.title)], rows.map(cellsOf)),
    ...(notes.length === 0 ? [] : [notes.join('\n')]),
    HOW_TO_READ,
    ...(targets.length === 0
      ? []
      : [
          '## What Sluice is held to',
          markdownTable(
            ['', 'measured', 'bare sockets', 'with the duties', 'without its own code', 'target', 'goal', ''],
            targets.map(targetCells),
          ),
          ...lagOnPage(result.sluice),
          ...waitOnPage(rows),
          HOW_TO_TAKE_TARGETS,
        ]),
    ...(result.sluice === undefined
      ? []
      : [
          '## Where the time goes',
          'Processor profiles of Sluice under load: time of the functions themselves, without what they call. They are of ' +
            'the main thread and begin when the code has been compiled; µs are their share of what the tables say.',
          ...profileOf(
            'call of 1 KB',
            STACK_FILES.call,
            result.sluice.profile,
            calls.get('sluice')?.microseconds,
          ),
          ...besideLeast(result.sluice, calls),
          ...profileOf(
            'call of 100 KB',
            STACK_FILES.large,
            result.sluice.largeProfile,
            sluice?.chat100kMicroseconds,
          ),
          ...profileOf(
            'call of 1 KB with Redis',
            STACK_FILES.redis,
            result.sluice.redisProfile,
            calls.get(WITH_REDIS.name)?.microseconds,
          ),
          ...profileOf('chunk', STACK_FILES.chunk, result.sluice.chunkProfile, sluice?.chunkMicroseconds),
          ...touchedOnPage(result.sluice, latencyFigures(result)),
        ]),
    ...result.sections.flatMap(sectionOnPage),
    ...(result.soak === undefined ? [] : soakOnPage(result.soak)),
    HOW_TO_REPEAT,
  ].join('\n\n')
}

/** The lag beside its control; nothing in results of an earlier form, which had none. */
function lagOnPage(extras: SluiceExtras | undefined): string[] {
  if (extras?.idleLagP99Ms === undefined) return []
  const milliseconds = (value = Number.NaN): string => `${figure(value, 1)} ms`
  return [
    `While the event loop of Sluice was late by ${milliseconds(extras.eventLoopLagP99Ms)} (p99; the latest of a stretch ` +
      `${milliseconds(extras.eventLoopLagMaxMs)}), that of a process which does nothing, on the same core, was by ` +
      `${milliseconds(extras.idleLagP99Ms)} (p99).`,
  ]
}

/** What of the latency is the core's; nothing in results of an earlier form, which did not count it. */
function waitOnPage(rows: readonly RowFigures[]): string[] {
  const sluice = rows.find(({ name }) => name === 'sluice')
  if (sluice === undefined || Number.isNaN(sluice.coreWaitMicroseconds)) return []
  const sockets = rows.find(({ name }) => name === 'sockets')?.coreWaitMicroseconds ?? Number.NaN
  return [
    'In the first table’s rounds at 1,000 calls a second the main thread of Sluice was ready to run, and had to wait ' +
      'for its core, for ' +
      `${figure(sluice.coreWaitMicroseconds, 0)} µs a call` +
      (Number.isNaN(sockets) ? '' : ` (bare sockets: ${figure(sockets, 0)} µs)`) +
      ': its own threads, those of other programs and the kernel had it. The event loop of a process which does ' +
      `nothing, on the same core at the same time, was late by ${figure(sluice.idleLagP99Ms, 1)} ms (p99).`,
  ]
}

/** Nothing in a result of an earlier form, in which it was not counted. */
function touchedOnPage(
  { touchedMemory }: SluiceExtras,
  latencies: ReadonlyMap<string, LatencyFigures>,
): string[] {
  if (touchedMemory === undefined) return []
  return [
    '### What a call touches when nothing is in the caches',
    markdownTable(
      ['pieces of 64 bytes a call', 'code', 'data, read', 'data, written', 'all', 'CPU µs at 1,000 a second'],
      touchedMemory.map(({ name, title, code, read, written }) => [
        title,
        ...[code, read, written, code + read + written].map((pieces) => figure(pieces, 0)),
        figure(latencies.get(name)?.cpuMicroseconds ?? Number.NaN, 0),
      ]),
    ),
    'Counted on a simulated processor (callgrind), of the main thread outside of the kernel, for calls that come one by ' +
      'one, before each of which its cache is filled with other memory, as a shared machine does it between calls at a ' +
      'steady pace. The journal’s syncs and the log weigh more here than at that pace, where calls share them. The ' +
      'processor’s time is that of all threads, and has what the kernel takes in it.',
  ]
}

function soakOnPage(soak: SoakResult): string[] {
  const megabytes = (bytes: number): string => `${figure(bytes / 1e6, 1)} MB`
  const { growth, liveGrowth, codeGrowth } = soak
  return [
    '## Memory in the long run',
    `${figure(soak.minutes, 0)} minutes at ${figure(soak.callsPerSecond, 0)} calls a second on one gateway, with PostgreSQL and ` +
      'Redis: whole answers and streams of three dialects, bodies up to 2 MB, readers that are slow, clients that leave, ' +
      'and every fault that providers have; PostgreSQL and Redis are stopped and hung in turn. The process may take ' +
      '512 MB.',
    markdownTable(
      ['', 'found'],
      [
        ['Calls', figure(soak.calls, 0)],
        [
          'Sound calls that did not come to a whole answer',
          `${figure(soak.lostCalls, 0)} of ${figure(soak.soundCalls, 0)}`,
        ],
        ['Resident set, at most', megabytes(soak.mostResidentBytes)],
        ...(growth === undefined
          ? []
          : [
              ['Its growth an hour, after the warm-up', megabytes(growth.bytesPerHour)],
              [
                'Eight of ten pairs of minutes say',
                `${megabytes(growth.low)} to ${megabytes(growth.high)} an hour`,
              ],
            ]),
        ...(liveGrowth === undefined
          ? []
          : [
              [
                'Growth an hour of what is in use after a full collection',
                `${megabytes(liveGrowth.bytesPerHour)} (eight of ten pairs: ${megabytes(liveGrowth.low)} to ${megabytes(liveGrowth.high)})`,
              ],
            ]),
        ...(codeGrowth === undefined
          ? []
          : [['Of that, what V8 has compiled', megabytes(codeGrowth.bytesPerHour)]]),
      ],
    ),
    `Measured on ${soak.date.slice(0, 10)}. The goal is a growth below 1 MB an hour. Of the resident set, which holds garbage and what ` +
      'the allocator keeps, an hour tells a large one from none, and a day (`--minutes 1440`) a small one. Of what is ' +
      'in use an hour tells it: calls rest each three minutes, and it is read after full collections.',
  ]
}

const INTRODUCTION = `# Performance

<!-- Written by \`npm run bench\` from bench/results/latest.json: do not edit by hand. -->

What a call costs in Sluice with everything on (virtual key, budget check, journal, metrics, a log line, PostgreSQL),
beside plain reverse proxies that only relay, relays by the runtime alone, the least program that has a gateway's duties,
and another gateway written in TypeScript. All rows of a table come from one run on one machine.`

const HOW_TO_TAKE_TARGETS = `Where the processor's time is missed, two things are in it:

- What else the machine does. Neighbours make programs in JavaScript half again as dear, or twice, and HAProxy and small
  programs of bare sockets by a sixth to a third. The row of node:http and undici tells how a run was: it
  takes 31 to 34 µs a call of 1 KB on a quiet machine of this kind, and 50 to 80 on a busy day. The targets in µs were set
  where it took 43: as multiples of it they hold on any day. The check in CI compares such multiples, too. What is asked of
  a call of 1 KB is taken from the section that measures it and its floors in turn, where that was measured: its median
  has the neighbours in it, and the calmest of its half seconds hardly. Where a machine is quicker than that one, µs are
  met more easily than multiples.
- What the runtime takes. The column of bare sockets is the floor of the same rounds, with nothing read and nothing counted. The
  column with the duties is the floor of the job: a program that does what is promised for a whole answer and has nothing
  else in it, so that a full gateway of the runtime hardly does with less. The column without its own code is what would be left
  if the JavaScript of Sluice itself took no time at all: system calls, Node, collections of garbage and packages, as the
  profiles below tell them; a part of these is what Sluice asks for. Where one of the floors is beyond a goal, the goal is
  below it. Where only the last of these columns is, faster code alone does not reach it. Otherwise the parts of the
  profile are what stands between.

Where latency and lag are missed, it is the core that is waited for: collections of young memory, made longer by V8's own
threads, which want the same core, and by other programs of the machine
([what the slowest calls wait for](decisions/2026-11-29-tail-latency.md),
[what holds up the event loop](decisions/2026-11-29-lag.md)). At a steady pace, code and data of a call are not in the
processor's caches when it comes ([why that is so](decisions/2026-11-29-steady-pace.md),
[what a call touches](decisions/2026-12-01-cold-calls.md)). Both are taken from the section that measures latency in turn
with its floors, where it was measured.`

const HOW_TO_READ = `How to read it:

- The program under test has one core for itself; the load generator, the provider and PostgreSQL share another.
- CPU µs is user and system time of the program with all its child processes, divided by the number of calls or chunks.
  It repeats far better than rates do. Calls a second on a core follow from it.
- 1 KB and 100 KB are sizes of the request; the answer has 1 KB. 64 connections, each with one call at a time.
- A chunk is one server-sent event of about 200 bytes: 200 streams side by side, 100 chunks each, 20 ms apart.
- Added latency is what the row takes beyond the provider called directly, at 1,000 calls a second that are sent when
  they are due, whether or not earlier ones are answered.
- Bare sockets with the duties of a gateway are the least program for the job (\`bench/duties/\`), for calls that go well
  and are answered whole. What is promised for such a call is done: key, budget, journal before the request and before the
  answer, cost, counters, log line, row in PostgreSQL, in about the same bytes and in the same batches as in Sluice, each
  in the shortest way that we know in JavaScript. Nothing in it is general: one dialect, one key, one provider, no second
  try, no limits of sizes and times, no defence. Of streams it reads no event but the last, so that it knows nothing of one
  that breaks off; with Redis it counts by the calendar minute, and nobody takes over from a process that dies.
- Each row serves calls for six seconds before the first one counts.
- Memory is the resident set after the start, and what each of 1,000 streams that are open at once adds to it.
- Event-loop lag is what the gateway's own gauge says, the worst of three scrapes, in the median of five such stretches,
  while all of this goes on at the same time: 50 bodies of 2 MB a second, 10 answers of 100,000 tokens, 10 refusals of a
  body that is 10,000 deep, two lists each of 100 keys, 1,000 teams and 1,000 calls, and a scrape of the series of 2,500
  keys each four seconds.
- Beside the gateway's gauge the same gauge is read in a process that does nothing, on the same core: what is late there
  is late for every program. It is the least that the machine takes: where others want the core, a program that uses it
  waits longer than one that does not. What the gauge of the gateway says beyond it is taken in
  the same way.
- Each figure is the median of the rounds of its run, if its head does not say the calmest; the order of the rows changes
  from round to round.
- The provider is a stand-in that repeats fixed answers from bare sockets (\`bench/provider-process.ts\`), so that it
  does not limit the row under test. The simulator reads every request and keeps a meter; it has a row of its own.`

const HOW_TO_REPEAT = `## How to repeat it

\`\`\`sh
npm run bench                                    # all but the curves: an hour and a quarter
npm run bench -- --section main                  # the first table: about 17 minutes
npm run bench -- --section alone --record        # the event loop, profiles, and what a call touches
npm run bench -- --section forms,tls --record    # some sections; --record puts them into this page
npm run bench -- --section curves --record       # what grows with keys, deployments, streams, series
npm run bench -- --only sluice,nginx,haproxy     # some rows
npm run bench -- --quick                         # a short form of the first table, about a minute
npm run soak -- --record                         # an hour of mixed load and faults, while memory is watched
npm run soak -- --minutes 1440                   # a day of it
\`\`\`

Sections: \`main\`, \`alone\`, ${SECTIONS.map(({ name }) => `\`${name}\``).join(', ')}; those that are not on this page were not measured.

On Debian, as root: what is missing of PostgreSQL, Redis, nginx, HAProxy and valgrind is installed by the script. Nothing else
should run on the machine meanwhile. A whole run writes \`bench/results/latest.json\`, with the raw figures of each
round, and this page.
`
