/** All dashboards, in the order in which they are looked at. */
import { CALLER_DASHBOARD } from './caller.ts'
import type { Dashboard } from './dashboard.ts'
import { LATENCY } from './latency.ts'
import { OVERVIEW } from './overview.ts'
import { PROVIDERS } from './providers.ts'
import { SPEND_AND_BUDGETS } from './spend.ts'
import { SYSTEM } from './system.ts'

export const DASHBOARDS: readonly Dashboard[] = [
  OVERVIEW,
  LATENCY,
  SPEND_AND_BUDGETS,
  PROVIDERS,
  CALLER_DASHBOARD,
  SYSTEM,
]
