/** What each part of governance costs: Sluice with more and more switched on, side by side. */
import { providerDirect } from '../provider.ts'
import { dutiesRelay, dutiesWithRedis } from '../reference.ts'
import {
  ADDED_LATENCY,
  callCost,
  CHUNK_COST,
  CHUNKS,
  closedLoop,
  LATENCY,
  MIDDLE_BODY,
  multipleOf,
  SMALL_BODY,
  type Section,
} from '../section.ts'
import {
  EVERYTHING_ON,
  GOVERNANCE_OFF,
  QUIET,
  TEAM,
  WITH_LIMITS,
  WITH_OTLP,
  WITH_REDIS,
  WITH_TRACES,
} from '../sluice-forms.ts'
import { sluiceTarget } from '../sluice-targets.ts'

const SMALL = callCost('CPU µs a call, 1 KB', 'small')

export const forms: Section = {
  name: 'forms',
  title: 'What governance costs',
  about:
    'The same gateway with less and with more switched on, beside the least programs that have the duties of the form ' +
    'with everything on, and of that with Redis. All of them run at the same time, and the loads go from one to the next, so that the ' +
    'multiples are fairer than figures of different runs.',
  order: 'side by side',
  rounds: 3,
  targets: [
    providerDirect,
    dutiesRelay,
    dutiesWithRedis,
    ...[GOVERNANCE_OFF, QUIET, EVERYTHING_ON, WITH_LIMITS, WITH_REDIS, WITH_TRACES, WITH_OTLP, TEAM].map(
      sluiceTarget,
    ),
  ],
  measures: [closedLoop('small', SMALL_BODY), closedLoop('middle', MIDDLE_BODY), CHUNKS, LATENCY],
  columns: [
    SMALL,
    multipleOf(EVERYTHING_ON.name, SMALL, '× everything on'),
    callCost('CPU µs a call, 100 KB', 'middle', 0),
    CHUNK_COST,
    ...ADDED_LATENCY,
  ],
}
