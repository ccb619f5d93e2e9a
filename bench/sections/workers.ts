/** What worker processes cost and bring. */
import { availableParallelism } from 'node:os'
import { callCost, closedLoop, figureOf, MIDDLE_BODY, SMALL_BODY, type Section } from '../section.ts'
import { TWO_WORKERS, TWO_WORKERS_ONE_CORE } from '../sluice-forms.ts'
import { sluice, sluiceTarget } from '../sluice-targets.ts'

const MACHINE_NOTE =
  availableParallelism() > 2
    ? ''
    : ' On a machine of two cores that last row shares one of them with client, provider and PostgreSQL: its rate says ' +
      'nothing about scaling, its CPU µs a call do.'

export const workers: Section = {
  name: 'workers',
  title: 'Workers',
  about:
    'One process, two workers on the same core, and two workers on two cores. CPU µs a call is that of all processes ' +
    'together: as long as it stays the same, a second core brings as many calls as the first.' +
    MACHINE_NOTE,
  order: 'side by side',
  rounds: 3,
  targets: [sluice, sluiceTarget(TWO_WORKERS_ONE_CORE), sluiceTarget(TWO_WORKERS)],
  measures: [closedLoop('small', SMALL_BODY), closedLoop('middle', MIDDLE_BODY)],
  columns: [
    callCost('CPU µs a call, 1 KB', 'small'),
    {
      title: 'calls/s, 1 KB',
      decimals: 0,
      of: figureOf('closed-loop', 'small', (f) => f.callsPerSecond),
    },
    callCost('CPU µs a call, 100 KB', 'middle', 0),
    {
      title: 'calls/s, 100 KB',
      decimals: 0,
      of: figureOf('closed-loop', 'middle', (f) => f.callsPerSecond),
    },
  ],
}
