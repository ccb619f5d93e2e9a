import { expect, test } from 'vitest'
import { createLogger } from './logs/logger.ts'
import { OPERATION_COUNTERS } from './metrics/operations.ts'
import { MetricsRegistry } from './metrics/registry.ts'
import { createRedactor } from './redaction.ts'
import { ReportFaults } from './report-faults.ts'

test('a part that fails with each call is told once a minute, each part for itself', async () => {
  const written: string[] = []
  const log = createLogger('info', createRedactor(), { write: (text) => written.push(text) })
  const counter = new MetricsRegistry().counter(OPERATION_COUNTERS.reportFailures)
  let nowMs = 1_000_000
  const faults = new ReportFaults(counter, log, () => nowMs)
  for (let call = 0; call < 120; call += 1) {
    faults.caught('metrics', new Error('no'))
    nowMs += 1_000
  }
  faults.caught('log', new Error('no'))
  await log.close()
  const parts = written.join('').match(/"part":"\w+"/g)
  expect(parts).toEqual(['"part":"metrics"', '"part":"metrics"', '"part":"log"'])
  expect(counter.series(['metrics']).value).toBe(120)
})
