import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTelemetry } from '../../src/telemetry/index.ts'
import { createRedactor } from '../../src/telemetry/redaction.ts'
import { SIMULATED_MODELS, startTestGateway, type TestGateway } from '../running-gateway.ts'
import { callEnd, callStart } from '../ledger/calls.ts'
import { readExposition } from '../telemetry/read-exposition.ts'
import { exchange, head } from './raw-connection.ts'

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway({
    config: `${SIMULATED_MODELS}
  - model_name: 'any/*'
    litellm_params: { model: 'openai/*', api_base: '{openai}', api_key: sk-provider-openai }
`,
  })
})

afterAll(async () => await gateway.stop())

/** Texts by which one line, header or sample could become two, or a terminal be told what to do. */
const INJECTIONS: readonly (readonly [name: string, text: string])[] = [
  ['line feeds', 'a\r\nx-injected: 1\r\n\r\n{"level":"fatal"}\n'],
  ['a forged log line', '"}\n{"level":"error","msg":"forged"}'],
  ['a forged sample', 'a"} 1\nforged_total{x="'],
  ['terminal control', '\u001b[2J\u001b]0;owned\u0007\u009b31m'],
  ['line separators', 'a\u2028b\u2029c\u0085d'],
  ['text turned around', '\u202egnp.exe\u2066'],
  ['NUL and half a pair', 'a\u0000b'],
  ['backslashes', '\\n\\"\\\\'],
  ['a hundred thousand characters', 'x'.repeat(100_000)],
  ['emoji', '🔑'.repeat(300)],
  ['a format string', '%s%n${jndi:ldap://x}{{7*7}}'],
]

/** Control characters but the line feed, line separators, and marks that turn text around. */
const ESCAPES = /[[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]--\n]/v

describe('what a caller writes', () => {
  test.each(INJECTIONS)('%s stays inside its value, in headers, log and metrics', async (name, text) => {
    const before = gateway.logLines().length
    const bodies = [
      { model: text },
      { model: `any/${text}`, messages: [{ role: 'user', content: 'hi' }] },
      {
        model: 'gpt',
        messages: [{ role: 'user', content: 'hi' }],
        user: text,
        tags: [text, `${text}2`],
        metadata: { session_id: text, user_id: text, tags: [text], spend_logs_metadata: { [text]: text } },
        litellm_session_id: text,
      },
    ]
    for (const body of bodies) {
      const answer = await gateway.call('/v1/chat/completions', body)
      await answer.text()
      expect([200, 400]).toContain(answer.status)
      expect(answer.headers.has('x-injected')).toBe(false)
      for (const [, value] of answer.headers) expect(value).not.toMatch(ESCAPES)
    }
    const key = await gateway.call('/key/generate', {
      key_alias: text.slice(0, 400).replaceAll('\0', ''),
      metadata: { tags: ['t'] },
    })
    expect([200, 400]).toContain(key.status)
    // One call, one line: `logLines` parses each.
    const lines = gateway
      .logLines()
      .slice(before)
      .filter((line) => line['event'] === 'call')
    expect([name, lines.length]).toEqual([name, bodies.length])
    const page = await (await gateway.call('/metrics')).text()
    expect(readExposition(page).has('forged_total')).toBe(false)
    expect(page).not.toMatch(ESCAPES)
  })

  test.each(['x\x1b[31m', 'a\tb', 'ü\xff', '"quoted\\"', '{}', 'x'.repeat(10_000), "'; drop table x; --"])(
    'in a header stays inside its value, case %#',
    async (text) => {
      const body = '{"model":"gpt","messages":[{"role":"user","content":"hi"}]}'
      const names = [
        'user-agent',
        'x-litellm-tags',
        'x-litellm-end-user-id',
        'x-litellm-customer-id',
        'x-claude-code-session-id',
        'x-forwarded-for',
        'x-real-ip',
        'forwarded',
        'anthropic-beta',
        'openai-beta',
        'x-litellm-call-id',
        'x-request-id',
        'traceparent',
      ]
      for (const name of names) {
        const before = gateway.logLines().length
        const bytes =
          head(
            'POST /v1/chat/completions HTTP/1.1',
            'Content-Type: application/json',
            `${name}: ${text}`,
            `Content-Length: ${body.length}`,
          ) + body
        const answer = await exchange(gateway.url, Buffer.from(bytes, 'latin1'))
        // The parser refuses control characters; everything else is an ordinary call.
        expect([name, answer?.status]).toEqual([name, text.includes('\x1b') ? 400 : 200])
        if (answer?.status === 400) continue
        const lines = gateway
          .logLines()
          .slice(before)
          .filter((line) => line['event'] === 'call')
        expect(lines).toHaveLength(1)
        expect(lines[0]).toMatchObject({ requester_ip: '127.0.0.1' })
        expect(lines[0]?.['call_id']).toMatch(/^[0-9a-f-]{36}$/)
      }
      readExposition(await (await gateway.call('/metrics')).text())
    },
  )

  test('is one line of ASCII-safe JSON in the raw log', async () => {
    const written: string[] = []
    const telemetry = telemetryTo(written)
    for (const [, text] of INJECTIONS) {
      const start = callStart({
        requestedModel: text,
        endUser: text,
        sessionId: text,
        userAgent: text,
        requesterIp: text,
        tags: [text],
      })
      telemetry.observer.callSettled(
        start,
        callEnd(start, { error: { errorClass: 'X', httpStatus: 500, message: text, provider: text } }),
      )
      telemetry.log.error(text, { [text]: text, err: new Error(text) })
    }
    await telemetry.close()
    const lines = written.join('').split('\n')
    expect(lines.pop()).toBe('')
    expect(lines).toHaveLength(2 * INJECTIONS.length)
    for (const line of lines) {
      expect(JSON.parse(line)).toBeTypeOf('object')
      expect(line.length).toBeLessThan(1_000_000)
    }
  })
})

function telemetryTo(written: string[]) {
  return createTelemetry({
    settings: {
      emitStreamLabel: true,
      endUserLabel: true,
      latencyBuckets: undefined,
      maxSeriesPerMetric: undefined,
      isKnownModel: (model) => model === 'gpt',
    },
    level: 'info',
    version: '0',
    redactor: createRedactor(),
    destination: { write: (text) => void written.push(text) },
  })
}

describe('metrics', () => {
  test('stay bounded under a hundred thousand users, models, agents, addresses and keys', async () => {
    const telemetry = telemetryTo([])
    const before = process.memoryUsage.rss()
    for (let index = 0; index < 100_000; index++) {
      const unique = `unique-${index}`
      const start = callStart({
        requestedModel: unique,
        endUser: unique,
        userAgent: unique,
        requesterIp: unique,
        caller: { ...callStart().caller, keyHash: unique, userId: unique, teamId: unique },
      })
      telemetry.observer.callSettled(start, callEnd(start))
    }
    const { body } = await telemetry.renderMetrics(undefined)
    expect(process.memoryUsage.rss() - before).toBeLessThan(1_500 * 1024 * 1024)
    const families = readExposition(await body.text())
    for (const [name, family] of families) {
      const series = new Set(
        family.samples.map(({ labels: { le: _bucket, ...labels } }) => JSON.stringify(labels)),
      )
      expect([name, series.size <= 20_001]).toEqual([name, true])
    }
    expect(families.get('sluice_metric_overflow_total')?.samples.length).toBeGreaterThan(0)
    await telemetry.close()
  }, 60_000)

  test('hold no text of callers whose key is not valid', async () => {
    for (let index = 0; index < 50; index++) {
      const answer = await gateway.call(
        '/v1/chat/completions',
        { model: `probe-${index}`, user: `probe-${index}` },
        { authorization: 'Bearer sk-wrong', 'user-agent': `probe-${index}` },
      )
      expect(answer.status).toBe(401)
    }
    expect(await (await gateway.call('/metrics')).text()).not.toContain('probe-')
  })
})
