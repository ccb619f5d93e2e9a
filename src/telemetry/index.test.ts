/** Telemetry as a whole, as the process uses it. */
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { readExposition, valueOf } from '../../test/telemetry/read-exposition.ts'
import { endOf, providerErrorOf, startOf } from '../../test/telemetry/sample-calls.ts'
import { createTelemetry } from './index.ts'
import { OPERATION_GAUGES } from './metrics/operations.ts'
import { createRedactor } from './redaction.ts'

function telemetryOf(level: 'info' | 'error' = 'info') {
  const written: string[] = []
  const telemetry = createTelemetry({
    settings: { emitStreamLabel: true, endUserLabel: false },
    level,
    version: '1.2.3',
    redactor: createRedactor(['canary-secret-value']),
    destination: { write: (text) => written.push(text) },
  })
  return { telemetry, written }
}

test('a settled call is counted and written to the log', async () => {
  const { telemetry, written } = telemetryOf()
  telemetry.observer.requestBegan()
  telemetry.observer.callSettled(startOf(), endOf())
  const { contentType, body } = await telemetry.renderMetrics(undefined)
  await telemetry.close()
  expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8')
  const families = readExposition(await body.text())
  expect(valueOf(families, 'litellm_proxy_total_requests_metric_total', { stream: 'False' })).toBe(1)
  expect(valueOf(families, 'litellm_in_flight_requests')).toBe(1)
  expect(JSON.parse(written.join(''))).toMatchObject({ event: 'call', ending: 'complete' })
})

test('calls below the level of the log are counted without a line', async () => {
  const { telemetry, written } = telemetryOf('error')
  telemetry.observer.callSettled(startOf(), endOf())
  telemetry.observer.callSettled(startOf(), providerErrorOf(500, 'InternalServerError'))
  const families = readExposition(await (await telemetry.renderMetrics(undefined)).body.text())
  await telemetry.close()
  expect(written.join('').split('\n')).toHaveLength(2)
  expect(valueOf(families, 'litellm_proxy_total_requests_metric_total', { status_code: '200' })).toBe(1)
})

test('OpenMetrics is served to who prefers it', async () => {
  const { telemetry } = telemetryOf()
  const page = await telemetry.renderMetrics('application/openmetrics-text;version=1.0.0,text/plain;q=0.5')
  await telemetry.close()
  expect(page.contentType).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8')
  expect(await page.body.text()).toMatch(/# TYPE litellm_spend_metric counter\n[^]*# EOF\n$/)
})

test('what fails to take up a call keeps nothing else from it, and is counted and told once', async () => {
  const { telemetry, written } = telemetryOf()
  const heard: string[] = []
  telemetry.onCallSettled({
    callSettled() {
      throw new Error('a listener with canary-secret-value')
    },
  })
  telemetry.onCallSettled({ callSettled: ({ callId }) => heard.push(callId) })
  for (let call = 0; call < 3; call += 1) telemetry.observer.callSettled(startOf(), endOf())
  await Promise.resolve()
  telemetry.observer.reportFailed('limits', new Error('of another room'))
  const families = readExposition(await (await telemetry.renderMetrics(undefined)).body.text())
  await telemetry.close()
  expect(heard).toHaveLength(3)
  const failures = (part: string) => valueOf(families, 'sluice_call_report_failures_total', { part })
  expect([failures('listeners'), failures('limits')]).toEqual([3, 1])
  const lines = written.join('').trim().split('\n')
  const faults = lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ part }) => part)
  expect(faults.map(({ part }) => part)).toEqual(['listeners', 'limits'])
  expect(written.join('')).not.toContain('canary-secret-value')
})

test('settled calls are reported when what runs has ended, those before the close as well', async () => {
  const { telemetry, written } = telemetryOf()
  const heard: string[] = []
  telemetry.onCallSettled({ callSettled: ({ callId }) => heard.push(callId) })
  telemetry.observer.callSettled({ ...startOf(), callId: 'one' }, endOf())
  telemetry.observer.callSettled({ ...startOf(), callId: 'two' }, endOf())
  expect(heard).toEqual([])
  await Promise.resolve()
  expect(heard).toEqual(['one', 'two'])
  telemetry.observer.callSettled({ ...startOf(), callId: 'three' }, endOf())
  await telemetry.close()
  expect(heard).toEqual(['one', 'two', 'three'])
  const lines = written.join('').trim().split('\n')
  expect(lines.map((line) => (JSON.parse(line) as { call_id: string }).call_id)).toEqual(heard)
})

test('other rooms count and show their own numbers', async () => {
  const { telemetry } = telemetryOf()
  let bytes = 5
  telemetry.gauge(OPERATION_GAUGES.journalBytes, () => bytes)
  telemetry
    .counter({ name: 'sluice_tries_total', help: 'Tries', labels: ['result'] })
    .series(['success'])
    .add(2)
  bytes = 9
  const families = readExposition(await (await telemetry.renderMetrics(undefined)).body.text())
  await telemetry.close()
  expect(valueOf(families, 'sluice_journal_bytes')).toBe(9)
  expect(valueOf(families, 'sluice_tries_total', { result: 'success' })).toBe(2)
})

test('the process tells its version, memory, CPU time and event loop', async () => {
  const { telemetry } = telemetryOf()
  const first = readExposition(await (await telemetry.renderMetrics(undefined)).body.text())
  const second = readExposition(await (await telemetry.renderMetrics(undefined)).body.text())
  await telemetry.close()
  expect(valueOf(first, 'sluice_build_info', { version: '1.2.3', node_version: process.version })).toBe(1)
  expect(valueOf(first, 'process_resident_memory_bytes')).toBeGreaterThan(1e7)
  expect(valueOf(first, 'nodejs_heap_size_used_bytes')).toBeGreaterThan(1e6)
  expect(valueOf(first, 'process_start_time_seconds')).toBeCloseTo(performance.timeOrigin / 1000)
  const cpu = valueOf(first, 'process_cpu_seconds_total')
  expect(cpu).toBeGreaterThan(0)
  expect(valueOf(second, 'process_cpu_seconds_total')).toBeGreaterThanOrEqual(cpu)
  expect(valueOf(second, 'nodejs_eventloop_lag_p99_seconds')).toBeGreaterThanOrEqual(0)
})

test('a secret in a label never reaches the page', async () => {
  const { telemetry, written } = telemetryOf()
  const start = startOf({ userAgent: 'agent canary-secret-value', requestedModel: 'sk-1234567890abcdef' })
  telemetry.observer.callSettled(start, endOf())
  const page = await (await telemetry.renderMetrics(undefined)).body.text()
  await telemetry.close()
  for (const text of [page, written.join('')]) {
    expect(text).not.toContain('canary-secret-value')
    expect(text).not.toContain('sk-1234567890abcdef')
  }
  expect(page).toContain('user_agent="agent [redacted]"')
})

test('a call that is settled when the process ends is in the log', () => {
  const program = `
    import { createTelemetry } from './index.ts'
    import { createRedactor } from './redaction.ts'
    import { endOf, startOf } from '../../test/telemetry/sample-calls.ts'
    const settings = { emitStreamLabel: true, endUserLabel: false }
    const telemetry = createTelemetry({ settings, level: 'info', version: '1', redactor: createRedactor([]) })
    telemetry.observer.callSettled(startOf(), endOf())
    process.exit()`
  const ended = spawnSync(process.execPath, ['--input-type=module-typescript', '--eval', program], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  })
  expect(ended.stderr).toBe('')
  expect(JSON.parse(ended.stdout)).toMatchObject({ event: 'call', ending: 'complete' })
})

const promtool = spawnSync('promtool', ['--version']).status === 0

test.skipIf(!promtool)('promtool finds no fault in the page', async () => {
  const { telemetry } = telemetryOf()
  telemetry.observer.callSettled(startOf({ stream: true }), endOf())
  telemetry.observer.callSettled(
    startOf({ userAgent: 'a"b\\c\nd' }),
    providerErrorOf(401, 'AuthenticationError'),
  )
  for (const gauge of Object.values(OPERATION_GAUGES)) telemetry.gauge(gauge, () => 1)
  const page = await (await telemetry.renderMetrics(undefined)).body.text()
  await telemetry.close()
  const checked = spawnSync('promtool', ['check', 'metrics'], { input: page, encoding: 'utf8' })
  expect(checked.stdout + checked.stderr).toBe('')
  expect(checked.status).toBe(0)
})
