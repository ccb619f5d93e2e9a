/** All scenarios, in the order in which they are played. */
import type { Scenario } from '../scenario.ts'
import { hugeBounds, smallBudget } from './budgets.ts'
import { blockedKey, teamWriters } from './keys.ts'
import { clockSkew, fullDisk, killPod, rollingRestart } from './pods.ts'
import {
  connectionsExhausted,
  postgresqlCut,
  postgresqlRestarted,
  postgresqlSlow,
  postgresqlStopped,
} from './postgresql.ts'
import { ratesAlone, ratesClosed, ratesShared } from './rates.ts'
import { redisCut, redisPaused, redisRestarted, redisStopped } from './redis.ts'
import { clientStorm } from './storm.ts'

export const SCENARIOS: readonly Scenario[] = [
  killPod,
  rollingRestart,
  redisPaused,
  redisStopped,
  redisRestarted,
  redisCut,
  postgresqlStopped,
  postgresqlRestarted,
  postgresqlSlow,
  postgresqlCut,
  connectionsExhausted,
  clockSkew,
  fullDisk,
  clientStorm,
  smallBudget,
  hugeBounds,
  ratesShared,
  ratesAlone,
  ratesClosed,
  blockedKey,
  teamWriters,
]

/** The ones that every run of the tests plays, in their short form. */
export const SHORT_SCENARIOS: readonly Scenario[] = [
  killPod,
  rollingRestart,
  redisPaused,
  postgresqlStopped,
  fullDisk,
  smallBudget,
  ratesShared,
  blockedKey,
]
