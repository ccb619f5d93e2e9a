/** All alert rules. */
import type { AlertGroup } from './alert.ts'
import { CALL_ALERTS } from './call-alerts.ts'
import { MONEY_ALERTS } from './money-alerts.ts'
import { PROCESS_ALERTS } from './process-alerts.ts'
import { STORE_ALERTS } from './store-alerts.ts'

export const ALERT_GROUPS: readonly AlertGroup[] = [CALL_ALERTS, MONEY_ALERTS, PROCESS_ALERTS, STORE_ALERTS]
