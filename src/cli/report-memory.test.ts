/** What is kept in memory is told by component, and follows what the parts say. */
import { expect, test } from 'vitest'
import { readExposition, valueOf } from '../../test/telemetry/read-exposition.ts'
import { createTelemetry } from '../telemetry/index.ts'
import { createRedactor } from '../telemetry/redaction.ts'
import { reportMemory } from './report-memory.ts'

test('each part is a component, as it stands at the scrape', async () => {
  const telemetry = createTelemetry({
    settings: { emitStreamLabel: false, endUserLabel: false },
    level: 'error',
    version: '1.0.0',
    redactor: createRedactor(),
    destination: { write: () => undefined, waitingBytes: 1_000 },
  })
  const memory = { journal: 1, openCalls: 2, queue: 3, contents: 4 }
  const connections = { waitingBytes: 9 }
  reportMemory(telemetry, {
    ledger: { memory },
    identity: { heldBytes: 5 },
    limits: { heldBytes: 6 },
    cache: { stats: { bytes: 7, entries: 0, evictions: 0, failedReads: 0, failedWrites: 0 } },
    exports: { heldBytes: 8 },
    connections,
    bodies: { held: 10 },
  })
  const read = async (): Promise<(component: string) => number> => {
    const page = readExposition(await (await telemetry.renderMetrics(undefined)).body.text())
    return (component) => valueOf(page, 'sluice_memory_bytes', { component })
  }
  const first = await read()
  memory.queue = 30
  connections.waitingBytes = 90
  telemetry.registry.counter({ name: 'more_total', help: 'More', labels: ['key'] }).series(['k'.repeat(200)])
  const second = await read()
  const parts = ['journal', 'open_calls', 'ledger_queue', 'kept_contents', 'credentials', 'limits']
  expect(parts.map(first)).toEqual([1, 2, 3, 4, 5, 6])
  expect(['response_cache', 'export_queue', 'client_buffers', 'request_bodies'].map(first)).toEqual([
    7, 8, 9, 10,
  ])
  expect(['ledger_queue', 'client_buffers'].map(second)).toEqual([30, 90])
  expect(second('metric_series') - first('metric_series')).toBeGreaterThan(400)
  expect(first('log_lines')).toBe(128 * 1024 + 1_000)
  await telemetry.close()
})
