import { expect, test } from 'vitest'
import { createLogger } from '../logs/logger.ts'
import { OPERATION_COUNTERS } from '../metrics/operations.ts'
import { MetricsRegistry } from '../metrics/registry.ts'
import { createRedactor } from '../redaction.ts'
import { ReportRejections } from './report-rejections.ts'

test('all that is rejected is counted, and told once a minute, of each signal and callback for itself', async () => {
  const written: string[] = []
  const log = createLogger('info', createRedactor(['canary-of-a-header']), {
    write: (text) => written.push(text),
  })
  const counter = new MetricsRegistry().counter(OPERATION_COUNTERS.exportRejectedItems)
  let nowMs = 1_000_000
  const rejections = new ReportRejections(counter, log, () => nowMs)
  const reason = 'no place for canary-of-a-header'
  for (let message = 0; message < 120; message += 1) {
    rejections.rejected('otel', { signal: 'traces', items: 2, reason })
    nowMs += 1_000
  }
  rejections.rejected('otel', { signal: 'logs', items: 1, reason: 'too old' })
  rejections.rejected('arize', { signal: 'traces', items: 1, reason: 'too old' })
  rejections.rejected('otel', { signal: 'logs', items: 0, reason: 'almost too old' })
  await log.close()
  const lines = written
    .join('')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  const redacted = 'no place for [redacted]'
  expect(lines).toMatchObject([
    { level: 'warn', callback: 'otel', signal: 'traces', rejected: 2, reason: redacted },
    { callback: 'otel', signal: 'traces', rejected: 2, reason: redacted },
    { callback: 'otel', signal: 'logs', rejected: 1, reason: 'too old' },
    { callback: 'arize', signal: 'traces', rejected: 1 },
    { callback: 'otel', signal: 'logs', reason: 'almost too old' },
  ])
  expect(lines.at(-1)).not.toHaveProperty('rejected')
  expect(counter.series(['otel', 'traces']).value).toBe(240)
  expect(counter.series(['otel', 'logs']).value).toBe(1)
})
