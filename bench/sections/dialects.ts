/** What each dialect costs: OpenAI chat, OpenAI Responses and Anthropic messages, whole and streamed. */
import { BENCH_DIALECTS, type BenchDialect } from '../load-job.ts'
import { nginx } from '../reverse-proxies.ts'
import { loadRequest } from '../run-load.ts'
import {
  CONNECTIONS,
  figureOf,
  SMALL_BODY,
  STREAMS,
  type Measure,
  type Section,
  type SectionColumn,
} from '../section.ts'
import { sluice } from '../sluice-targets.ts'

const SHORT_NAMES: Readonly<Record<BenchDialect, string>> = {
  'openai-chat': 'chat',
  'openai-responses': 'Responses',
  'anthropic-messages': 'messages',
}

export const dialects: Section = {
  name: 'dialects',
  title: 'The dialects',
  about:
    'OpenAI chat completions, OpenAI Responses and Anthropic messages: CPU µs a call of 1 KB, and a chunk of 200 ' +
    'streams side by side. Events of the three differ in size: about 200, 150 and 120 bytes.',
  order: 'side by side',
  rounds: 2,
  targets: [nginx, sluice],
  measures: BENCH_DIALECTS.flatMap((dialect) => [wholeCalls(dialect), chunks(dialect)]),
  columns: [...BENCH_DIALECTS.map(callColumn), ...BENCH_DIALECTS.map(chunkColumn)],
}

function wholeCalls(dialect: BenchDialect): Measure {
  return {
    name: `${dialect} calls`,
    job: (target, times) => ({
      kind: 'closed-loop',
      request: loadRequest(target, 'whole', SMALL_BODY, dialect),
      serverPid: target.pid,
      connections: CONNECTIONS,
      ...times,
    }),
  }
}

function chunks(dialect: BenchDialect): Measure {
  return {
    name: `${dialect} chunks`,
    rounds: 2,
    job: (target) => ({
      kind: 'streams',
      request: loadRequest(target, 'stream', SMALL_BODY, dialect),
      serverPid: target.pid,
      streams: STREAMS,
      rounds: 1,
    }),
  }
}

function callColumn(dialect: BenchDialect): SectionColumn {
  const of = figureOf('closed-loop', `${dialect} calls`, (f) => f.cpuMicrosecondsPerCall)
  return { title: `call, ${SHORT_NAMES[dialect]}`, decimals: 1, of }
}

function chunkColumn(dialect: BenchDialect): SectionColumn {
  const of = figureOf('streams', `${dialect} chunks`, (f) => f.cpuMicrosecondsPerChunk)
  return { title: `chunk, ${SHORT_NAMES[dialect]}`, decimals: 1, of }
}
