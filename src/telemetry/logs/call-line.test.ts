/** The log line of a call. */
import { expect, test } from 'vitest'
import * as fc from 'fast-check'
import {
  ARRIVED_AT_MS,
  attemptOf,
  CALLER,
  DEPLOYMENT,
  endOf,
  NOBODY,
  providerErrorOf,
  refusalOf,
  startOf,
} from '../../../test/telemetry/sample-calls.ts'
import { parseDollars } from '../../money/picodollars.ts'
import type { CallEnd, CallStart } from '../../record/call-record.ts'
import { createRedactor } from '../redaction.ts'
import { callLevel, CallLineWriter } from './call-line.ts'

function lineOf(start: CallStart, end: CallEnd, secrets: string[] = []): string {
  return new CallLineWriter(createRedactor(secrets)).line('info', start, end)
}

test('a call is one JSON object with these fields', () => {
  const line = lineOf(
    startOf({ stream: true, endUser: 'customer-1', sessionId: 'session-1' }),
    endOf({ finishReason: 'stop' }),
  )
  expect(line.endsWith('}\n')).toBe(true)
  expect(JSON.parse(line)).toEqual({
    level: 'info',
    time: new Date(ARRIVED_AT_MS + 101).toISOString(),
    msg: 'call complete',
    event: 'call',
    call_id: 'call-1',
    call_type: 'acompletion',
    route: '/v1/chat/completions',
    status: 200,
    ending: 'complete',
    stream: true,
    key_hash: 'ab12cd34',
    key_alias: 'ci-key',
    user_id: 'user-1',
    team_id: 'team-1',
    team_alias: 'Platform',
    end_user: 'customer-1',
    session_id: 'session-1',
    requester_ip: '10.0.0.7',
    model: 'gpt-5-5',
    model_group: 'gpt-5-5',
    deployment: 'deployment-1',
    provider: 'openai',
    upstream_model: 'gpt-5-5',
    attempts: 1,
    prompt_tokens: 10,
    completion_tokens: 7,
    input_tokens: 10,
    input_audio_tokens: 0,
    cache_read_tokens: 0,
    cache_write_5m_tokens: 0,
    cache_write_1h_tokens: 0,
    output_tokens: 7,
    reasoning_tokens: 0,
    output_audio_tokens: 0,
    usage_source: 'provider',
    cost_usd: 0.25,
    cost: '0.25',
    priced: true,
    cache_hit: null,
    duration_ms: 101,
    provider_ms: 98,
    ttft_ms: 28,
    overhead_ms: 3,
    queue_ms: 2,
    finish_reason: 'stop',
  })
})

test('a failed call tells class, status, provider and message of its error', () => {
  const line: unknown = JSON.parse(lineOf(startOf(), providerErrorOf(429, 'RateLimitError')))
  expect(line).toMatchObject({
    ending: 'provider_error',
    prompt_tokens: null,
    error_class: 'RateLimitError',
    error_status: 429,
    error_provider: 'openai',
    error_message: 'no',
  })
})

test.each([
  ['APIConnectionError', 'provider_cut', 502],
  ['Timeout', 'timeout', 408],
] as const)(
  'a stream that broke off with a %s has the status of its error, not the one it had sent',
  (errorClass, ending, status) => {
    const error = { errorClass, httpStatus: 200, message: 'cut', provider: 'openai' }
    const line: unknown = JSON.parse(lineOf(startOf({ stream: true }), endOf({ ending, error })))
    expect(line).toMatchObject({ ending, status: 200, error_status: status })
  },
)

test('the pause between two attempts is no overhead of the gateway', () => {
  const attempts = [
    attemptOf({ httpStatus: 429, errorClass: 'RateLimitError', endedAtMs: ARRIVED_AT_MS + 10 }),
    attemptOf({ startedAtMs: ARRIVED_AT_MS + 2_010, endedAtMs: ARRIVED_AT_MS + 2_100 }),
  ]
  const line: unknown = JSON.parse(lineOf(startOf(), endOf({ attempts, endedAtMs: ARRIVED_AT_MS + 2_101 })))
  expect(line).toMatchObject({ duration_ms: 2_101, overhead_ms: 3, queue_ms: 2 })
})

test('a refusal has no deployment, and a caller without a valid key no hash', () => {
  const line: unknown = JSON.parse(lineOf(startOf({ caller: NOBODY }), refusalOf(401, 'ProxyException')))
  expect(line).toMatchObject({
    key_hash: null,
    deployment: null,
    provider: null,
    provider_ms: null,
    ttft_ms: null,
  })
})

test('the smallest cost is told exactly as text', () => {
  const line: unknown = JSON.parse(lineOf(startOf(), endOf({ cost: parseDollars('0.000000000001') })))
  expect(line).toMatchObject({ cost: '0.000000000001', cost_usd: 1e-12 })
})

test('the time is that of the end to the millisecond, also when the clock passes a second', () => {
  const writer = new CallLineWriter(createRedactor())
  for (const endedAtMs of [0, 7.9, 999.999, 1_000, 1_059, 86_400_000.5, 999]) {
    const line: unknown = JSON.parse(
      writer.line('info', startOf(), endOf({ endedAtMs: ARRIVED_AT_MS + endedAtMs })),
    )
    expect(line).toMatchObject({ time: new Date(Math.floor(ARRIVED_AT_MS + endedAtMs)).toISOString() })
  }
})

test('no text of a client starts a new line, a new field or a terminal command', () => {
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 400 }),
    fc.constantFrom(
      'a\n{"level":"error"}',
      '","cost":"0',
      '\u001b[2J',
      '\u009b2J',
      '\u2028',
      '\\',
      '\ud800',
      '\0',
    ),
  )
  fc.assert(
    fc.property(hostile, hostile, hostile, (first, second, third) => {
      const start = startOf({
        callId: third,
        requestedModel: first,
        endUser: second,
        sessionId: third,
        requesterIp: first,
        caller: { ...CALLER, keyAlias: second, userId: third, teamId: first },
      })
      const error = { errorClass: 'APIError', httpStatus: 500, message: first + second, provider: 'openai' }
      const line = lineOf(
        start,
        endOf({ ending: 'provider_error', error, deployment: { ...DEPLOYMENT, modelGroup: third } }),
      )
      expect(line.indexOf('\n')).toBe(line.length - 1)
      // oxlint-disable-next-line no-control-regex -- control characters are what must not be there
      expect(line.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202e]/)
      expect(JSON.parse(line)).toMatchObject({
        cost: '0.25',
        model: first.slice(0, 256),
        end_user: second.slice(0, 256),
      })
    }),
  )
})

test('a client that calls again has the same words in its lines, until one of them is known as a secret', () => {
  const redactor = createRedactor()
  const lines = new CallLineWriter(redactor)
  const client = {}
  const line = (changes: Partial<CallStart> = {}): unknown =>
    JSON.parse(lines.line('info', startOf({ client, endUser: 'hunter2hunter2', ...changes }), endOf()))
  const first = line()
  expect(first).toMatchObject({ end_user: 'hunter2hunter2', key_alias: 'ci-key', requester_ip: '10.0.0.7' })
  expect(line()).toEqual(first)
  expect(line({ callId: 'call-2', stream: true })).toMatchObject({ call_id: 'call-2', stream: true })
  redactor.register(['hunter2hunter2'])
  expect(line()).toMatchObject({ end_user: '[redacted]', key_alias: 'ci-key' })
})

test('a secret in a text of the client or of the provider is redacted', () => {
  const canary = 'canary-secret-value'
  const error = {
    errorClass: 'APIError',
    httpStatus: 500,
    message: `key ${canary} sk-1234567890ab`,
    provider: 'openai',
  }
  const start = startOf({
    callId: canary,
    requestedModel: canary,
    endUser: canary,
    sessionId: canary,
    requesterIp: canary,
    caller: { ...CALLER, keyAlias: canary, userId: canary, teamId: canary, teamAlias: canary },
  })
  const deployment = {
    ...DEPLOYMENT,
    modelGroup: canary,
    modelId: canary,
    upstreamModel: canary,
    provider: canary,
  }
  const line = lineOf(start, endOf({ ending: 'provider_error', error, deployment }), [canary])
  expect(line).not.toContain(canary)
  expect(line).not.toContain('sk-1234567890ab')
})

test('the level tells served calls, refusals and faults apart', () => {
  expect(callLevel(endOf())).toBe('info')
  expect(callLevel(endOf({ ending: 'client_gone' }))).toBe('info')
  expect(callLevel(endOf({ priced: false }))).toBe('warn')
  expect(callLevel(refusalOf(429, 'BudgetExceededError'))).toBe('warn')
  expect(callLevel(refusalOf(503, 'ServiceUnavailableError'))).toBe('error')
  expect(callLevel(endOf({ ending: 'provider_cut' }))).toBe('error')
})

test('a reason to finish is that of its own call, until it is known as a secret', () => {
  const redactor = createRedactor()
  const writer = new CallLineWriter(redactor)
  const reasonOf = (finishReason: string | undefined): unknown =>
    JSON.parse(writer.line('info', startOf(), endOf({ finishReason })))['finish_reason']
  const reasons = ['', 'stop', 'stop', 'length', undefined, 'length', 'hunter2hunter2']
  expect(reasons.map(reasonOf)).toEqual(['', 'stop', 'stop', 'length', null, 'length', 'hunter2hunter2'])
  redactor.register(['hunter2hunter2'])
  expect(reasonOf('hunter2hunter2')).toBe('[redacted]')
})

test('a route is that of its own call', () => {
  const writer = new CallLineWriter(createRedactor())
  const routes = ['/v1/messages', '/v1/responses', '/v1/messages']
  const told = routes.map((route) => JSON.parse(writer.line('info', startOf({ route }), endOf()))['route'])
  expect(told).toEqual(routes)
})

test('the lines of a writer are those of a new one, however many ways calls go', () => {
  const writer = new CallLineWriter(createRedactor([]))
  const client = {}
  const way = fc.record({
    start: fc.record({
      route: fc.constantFrom('/v1/chat/completions', '/v1/messages'),
      callType: fc.constantFrom('acompletion' as const, 'anthropic_messages' as const),
      stream: fc.boolean(),
    }),
    end: fc.record({
      ending: fc.constantFrom('complete' as const, 'client_gone' as const, 'timeout' as const),
      httpStatus: fc.constantFrom(200, 408, 499),
      attempts: fc.constantFrom([], [attemptOf()], [attemptOf(), attemptOf()]),
      usageSource: fc.constantFrom('provider' as const, 'estimated' as const),
      priced: fc.boolean(),
    }),
  })
  fc.assert(
    fc.property(way, fc.constantFrom('info' as const, 'warn' as const), (change, level) => {
      const start = startOf({ ...change.start, client })
      const end = endOf(change.end)
      const alone = new CallLineWriter(createRedactor([])).line(level, start, end)
      expect(writer.line(level, start, end)).toBe(alone)
    }),
    { numRuns: 500 },
  )
})
