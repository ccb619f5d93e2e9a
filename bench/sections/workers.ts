/** What worker processes cost and bring. */
import { availableParallelism } from 'node:os'
import { callCost, closedLoop, figureOf, MIDDLE_BODY, SMALL_BODY, type Section } from '../section.ts'
import {
  TWO_WORKERS,
  TWO_WORKERS_ONE_CORE,
  TWO_WORKERS_REDIS,
  TWO_WORKERS_UNLIMITED,
  WITH_REDIS,
} from '../sluice-forms.ts'
import { sluice, sluiceTarget } from '../sluice-targets.ts'

/** Two for the workers, and one for client, provider and PostgreSQL. */
const CORES_FOR_RATES = 3
const MACHINE_NOTE =
  availableParallelism() >= CORES_FOR_RATES
    ? ''
    : ' On a machine of two cores the second worker shares its core with client, provider and PostgreSQL, and serves ' +
      'fewer calls for that: the rates of these rows say nothing about scaling. With three cores or more they would.'

/** So many that chance gives each worker its part of them: of 256 the busier one has a twentieth more than half. */
const CONNECTIONS = 1_024

/** Times as long as elsewhere: each of two workers on a core has its code compiled over calls of its own. */
const RUN_IN = 4

const BUSIEST = {
  title: 'of the worker that serves most, a call of its own',
  decimals: 1,
  of: figureOf('closed-loop', 'small', (f) => f.busiestMicrosecondsPerOwnCall),
}

/** Cells of a row. */
const [BUSIEST_CELL, SCALE_CELL] = [1, 2]

const SCALE = {
  ...BUSIEST,
  title: '× one process, by CPU',
  decimals: 2,
  of: figureOf('closed-loop', 'small', (f) => f.busiestMicrosecondsPerOwnCall / f.servers),
}

const smallCalls = closedLoop('small', SMALL_BODY, CONNECTIONS)

export const workers: Section = {
  name: 'workers',
  title: 'Workers',
  about:
    'One process, two workers on the same core, and two of which one has a core for itself. CPU µs a call is that of ' +
    'all processes together, the one above the workers too. A worker serves as many calls as its core has time for, ' +
    'and two of them twice as many: so two serve as many times what one process does as half of what a worker takes ' +
    'for a call goes into what the process takes. How calls are shared is taken from the system calls that write, of ' +
    'which nearly all are a call’s own. Two on one core push each other’s code and data out of its caches at each turn. The key has a budget, which without ' +
    'Redis is counted in the process above the workers: busy as they are, they have calls admitted in advance, and ask ' +
    'for many at once. Log lines go through that process too. The row without a budget asks nothing; rows with Redis, ' +
    'where they were measured, have limits too, and each worker asks there by itself.' +
    MACHINE_NOTE,
  order: 'side by side',
  rounds: 5,
  targets: [
    sluice,
    sluiceTarget(TWO_WORKERS_ONE_CORE),
    sluiceTarget(TWO_WORKERS_UNLIMITED),
    sluiceTarget(TWO_WORKERS),
    sluiceTarget(WITH_REDIS),
    sluiceTarget(TWO_WORKERS_REDIS),
  ],
  measures: [
    {
      ...smallCalls,
      runIn: (target, durationMs) => smallCalls.job(target, { warmUpMs: 0, durationMs: RUN_IN * durationMs }),
    },
    closedLoop('middle', MIDDLE_BODY, CONNECTIONS),
  ],
  columns: [
    callCost('CPU µs a call, 1 KB', 'small'),
    BUSIEST,
    { ...SCALE, against: { row: sluice.name, as: 'quotient' } },
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
  conclusion: (rows) => {
    const cellOf = (name: string, cell: number) =>
      rows.find((row) => row.name === name)?.cells[cell] ?? Number.NaN
    const [apart, together] = [TWO_WORKERS.name, TWO_WORKERS_ONE_CORE.name].map((name) =>
      cellOf(name, SCALE_CELL),
    )
    if (apart === undefined || together === undefined || Number.isNaN(apart + together)) return undefined
    const redisPair = cellOf(TWO_WORKERS_REDIS.name, BUSIEST_CELL)
    const withRedis = (2 * cellOf(WITH_REDIS.name, BUSIEST_CELL)) / redisPair
    return (
      `Two workers serve ${apart.toFixed(2)} times what one process does, by CPU a call, each on a core of its own, and ` +
      `${together.toFixed(2)} times where they share one core and its caches.` +
      (Number.isNaN(withRedis)
        ? ''
        : ` With Redis, two on a core each serve ${withRedis.toFixed(2)} times what one does with Redis.`) +
      (apart > 2 ? ' What is more than twice is the noise of the machine.' : '')
    )
  },
}
