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
    ? ' Rows of two cores have them for themselves: their rates are those of two workers.'
    : ' On a machine of two cores the rows of two share one of them with client, provider and PostgreSQL: their rates say ' +
      'nothing about scaling, their CPU µs a call do. With three cores or more they would.'

/** So many that chance gives each worker its part of them: of 256 the busier one has a twentieth more than half. */
const CONNECTIONS = 1_024

const BUSIEST = {
  title: 'of these the busiest process',
  decimals: 1,
  of: figureOf('closed-loop', 'small', (f) => f.busiestMicrosecondsPerCall),
}

const HALF_TITLE = 'CPU µs a call, 1 KB, half as many clients'
/** Cells of a row. */
const [BUSIEST_CELL, SCALE_CELL, HALF_CELL] = [1, 2, 4]

const SCALE = { ...BUSIEST, title: '× one process, by CPU', decimals: 2 }

export const workers: Section = {
  name: 'workers',
  title: 'Workers',
  about:
    'One process, two workers on the same core, and two workers on two cores. CPU µs a call is that of all processes ' +
    'together, the one above the workers too. As many calls go through as the busiest process has time for: one ' +
    'process takes all of a call’s CPU, each of two workers half of it, so that two serve as many times what one does ' +
    'as the busiest goes into it. Two on one core are in each other’s way, and take fewer calls a turn. The key has a ' +
    'budget, which without Redis is counted in the process above the workers: busy as they are, they have calls ' +
    'admitted in advance, and ask for many at once. Log lines go through that process too. The row without a budget ' +
    'asks nothing; rows with Redis, where they were measured, have limits too, and each worker asks there by itself.' +
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
    closedLoop('small', SMALL_BODY, CONNECTIONS),
    closedLoop('half', SMALL_BODY, CONNECTIONS / 2),
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
    callCost(HALF_TITLE, 'half'),
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
    const half = cellOf(sluice.name, HALF_CELL)
    const withRedis = cellOf(WITH_REDIS.name, BUSIEST_CELL) / cellOf(TWO_WORKERS_REDIS.name, BUSIEST_CELL)
    const asBusy = half / cellOf(TWO_WORKERS.name, BUSIEST_CELL)
    return (
      `Two workers serve ${apart.toFixed(2)} times what one process does, by CPU a call, each on a core of its own, and ` +
      `${together.toFixed(2)} times where they share one core and its caches.` +
      (Number.isNaN(withRedis)
        ? ''
        : ` With Redis, two on a core each serve ${withRedis.toFixed(2)} times what one does with Redis.`) +
      (Number.isNaN(asBusy)
        ? ''
        : ` Each of the two has half of the clients, and so takes fewer calls a turn of its event loop, which is dearer ` +
          `without any second worker: one process with half of the clients takes ${half.toFixed(1)} µs a call, and two ` +
          `workers serve ${asBusy.toFixed(2)} times what that does.`)
    )
  },
}
