/** Other gateways, at rates that all of them can serve. */
import { bifrost } from '../bifrost.ts'
import { litellm } from '../litellm.ts'
import { portkey } from '../portkey.ts'
import { providerDirect } from '../provider.ts'
import { loadRequest } from '../run-load.ts'
import {
  callCost,
  closedLoop,
  figureOf,
  MIDDLE_BODY,
  multipleOf,
  SMALL_BODY,
  type Measure,
  type Section,
  type SectionColumn,
} from '../section.ts'
import { GOVERNANCE_OFF } from '../sluice-forms.ts'
import { sluice, sluiceTarget } from '../sluice-targets.ts'

const CALLS_PER_SECOND = 20
/** Too few for a 99th percentile, which is not told. */
const CALM_MS = 4_000
const CONNECTIONS = 16
const STREAMS = 20

const CALM: Measure = {
  name: 'calm',
  job: (target, times) => ({
    kind: 'open-loop',
    request: loadRequest(target, 'whole', SMALL_BODY),
    serverPid: target.pid,
    callsPerSecond: CALLS_PER_SECOND,
    warmUpMs: times.warmUpMs,
    durationMs: CALM_MS,
  }),
}

const FEW_STREAMS: Measure = {
  name: 'few streams',
  job: (target) => ({
    kind: 'streams',
    request: loadRequest(target, 'stream', SMALL_BODY),
    serverPid: target.pid,
    streams: STREAMS,
    rounds: 1,
  }),
}

const ADDED: SectionColumn = {
  title: 'added p50 ms',
  decimals: 2,
  of: figureOf('open-loop', CALM.name, (f) => f.p50Ms),
  against: { row: providerDirect.name, as: 'difference' },
}

const SMALL = callCost('CPU µs a call, 1 KB', 'small', 0)

export const peers: Section = {
  name: 'peers',
  title: 'Other gateways',
  about:
    `Each on one core. Latency is what comes on top of the provider’s at ${CALLS_PER_SECOND} calls a second; a chunk ` +
    `is one of ${STREAMS} streams side by side. The others relay with as little switched on as they allow; what ` +
    'Sluice has on stands below.',
  order: 'side by side',
  rounds: 2,
  targets: [providerDirect, sluice, sluiceTarget(GOVERNANCE_OFF), portkey, litellm, bifrost],
  measures: [
    closedLoop('small', SMALL_BODY, CONNECTIONS),
    closedLoop('middle', MIDDLE_BODY, CONNECTIONS),
    FEW_STREAMS,
    CALM,
  ],
  columns: [
    SMALL,
    multipleOf(sluice.name, SMALL, '× Sluice'),
    { title: 'calls/s, 1 KB', decimals: 0, of: figureOf('closed-loop', 'small', (f) => f.callsPerSecond) },
    callCost('CPU µs a call, 100 KB', 'middle', 0),
    {
      title: 'CPU µs a chunk',
      decimals: 1,
      of: figureOf('streams', FEW_STREAMS.name, (f) => f.cpuMicrosecondsPerChunk),
    },
    ADDED,
  ],
}
