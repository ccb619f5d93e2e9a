/** Shows in the metrics what other rooms count: journal, ledger queue, database, reloads. */
import type { OpenLedger } from '../spend/open-ledger.ts'
import type { Database } from '../storage/database.ts'
import type { Telemetry } from '../telemetry/index.ts'
import { OPERATION_GAUGES } from '../telemetry/metrics/operations.ts'

export function reportOperations(telemetry: Telemetry, ledger: OpenLedger, database: Database): void {
  telemetry.gauge(OPERATION_GAUGES.journalBytes, () => ledger.stats.journalBytes)
  telemetry.gauge(OPERATION_GAUGES.ledgerQueueRecords, () => ledger.stats.queuedCalls)
  telemetry.gauge(OPERATION_GAUGES.databaseReachable, () => (database.reachable ? 1 : 0))
}
