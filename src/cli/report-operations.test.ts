import { expect, test } from 'vitest'
import type { LedgerStats, OpenLedger } from '../spend/open-ledger.ts'
import { createTelemetry } from '../telemetry/index.ts'
import { createRedactor } from '../telemetry/redaction.ts'
import { reportOperations } from './report-operations.ts'

test('every statistic of the ledger is a metric, as it stands at the scrape', async () => {
  const telemetry = createTelemetry({
    settings: { emitStreamLabel: false, endUserLabel: false },
    level: 'error',
    version: '1.0.0',
    redactor: createRedactor(),
  })
  const stats: Record<keyof LedgerStats, number> = {
    journalBytes: 1,
    journalSegments: 2,
    journalWriteFailures: 3,
    unjournaledRecords: 4,
    queuedCalls: 5,
    spilledCalls: 6,
    bookedCalls: 7,
    rejectedCalls: 8,
    lostCalls: 9,
    recoveredCalls: 10,
    interruptedCalls: 11,
    bookingFailures: 12,
    droppedContents: 13,
  }
  const ledger: Pick<OpenLedger, 'stats'> = { stats }
  reportOperations(telemetry, ledger, { reachable: true })
  const page = async (): Promise<string> => await (await telemetry.renderMetrics(undefined)).body.text()
  await page()
  stats.lostCalls = 20
  const text = await page()
  for (const line of [
    'sluice_journal_bytes 1',
    'sluice_journal_write_failures_total 3',
    'sluice_unjournaled_records_total 4',
    'sluice_ledger_queue_records 5',
    'sluice_ledger_spilled_records 6',
    'sluice_booked_calls_total 7',
    'sluice_rejected_calls_total 8',
    'sluice_lost_calls_total 20',
    'sluice_recovered_calls_total 10',
    'sluice_interrupted_calls_total 11',
    'sluice_booking_failures_total 12',
    'sluice_contents_dropped_total 13',
    'sluice_database_reachable 1',
  ]) {
    expect(text.split('\n')).toContain(line)
  }
  await telemetry.close()
})
