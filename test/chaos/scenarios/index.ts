/** All scenarios, in the order in which they are played. */
import type { Scenario } from '../scenario.ts'
import { clockSkew, fullDisk, killPod, rollingRestart } from './pods.ts'
import {
  connectionsExhausted,
  postgresqlCut,
  postgresqlRestarted,
  postgresqlSlow,
  postgresqlStopped,
} from './postgresql.ts'

export const SCENARIOS: readonly Scenario[] = [
  killPod,
  rollingRestart,
  postgresqlStopped,
  postgresqlRestarted,
  postgresqlSlow,
  postgresqlCut,
  connectionsExhausted,
  clockSkew,
  fullDisk,
]
