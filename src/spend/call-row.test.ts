import fc from 'fast-check'
import { expect, test } from 'vitest'
import { CALLER, callEnd, callStart, DEPLOYMENT, ESTIMATE } from '../../test/ledger/calls.ts'
import { NO_USAGE } from '../dialects/usage.ts'
import { picodollars } from '../money/picodollars.ts'
import { interruptedRow, settledRow, startText, storableJson } from './call-row.ts'

test('a row is one line of JSON, whatever the client sent', () => {
  const anyText = fc.string({ unit: 'binary', maxLength: 3000 })
  fc.assert(
    fc.property(
      anyText,
      anyText,
      fc.array(anyText),
      fc.dictionary(anyText, fc.jsonValue()),
      (a, b, tags, metadata) => {
        const start = callStart({
          callId: a,
          requestedModel: b,
          endUser: a,
          sessionId: b,
          userAgent: a,
          requesterIp: b,
          tags,
          spendLogsMetadata: metadata,
          caller: { ...CALLER, keyAlias: a, userId: b },
        })
        const end = callEnd(start, {
          deployment: undefined,
          error: { errorClass: a, httpStatus: 400, message: b, provider: a },
        })
        const text = startText(start, true)
        for (const row of [interruptedRow(text, start, DEPLOYMENT, ESTIMATE), settledRow(text, start, end)]) {
          expect(row).not.toContain('\n')
          const parsed = JSON.parse(row) as Record<string, string>
          expect(JSON.stringify(parsed)).not.toContain(String.raw`\u0000`)
          expect(JSON.stringify(parsed).isWellFormed()).toBe(true)
          expect(parsed['session_id']?.length).toBeLessThanOrEqual(256)
        }
      },
    ),
  )
})

test('amounts beyond the exact range of JavaScript numbers are written digit for digit', () => {
  const start = callStart()
  const cost = picodollars(9_007_199_254_740_993_123n)
  expect(settledRow(startText(start, true), start, callEnd(start, { cost }))).toContain(
    '"picodollars":9007199254740993123',
  )
})

test('a count that is no number does not spoil the row', () => {
  const start = callStart()
  const usage = { ...NO_USAGE, inputTokens: Number.NaN, outputTokens: -3, reasoningTokens: 1e300 }
  const row = settledRow(startText(start, true), start, callEnd(start, { usage }))
  const parsed = JSON.parse(row) as Record<string, unknown>
  expect(parsed).toMatchObject({ reasoning_tokens: Number.MAX_SAFE_INTEGER })
  expect(parsed).not.toHaveProperty('input_tokens')
  expect(parsed).not.toHaveProperty('output_tokens')
})

test('a stream that broke off has the status that was sent, and that of its error', () => {
  const start = callStart()
  const error = { errorClass: 'APIConnectionError', httpStatus: 200, message: 'cut', provider: 'openai' }
  const end = callEnd(start, { ending: 'provider_cut', httpStatus: 200, error })
  const row = JSON.parse(settledRow(startText(start, true), start, end)) as Record<string, unknown>
  expect(row).toMatchObject({ http_status: 200, error_status: 502 })
})

test('attempts are listed when one failed or there was more than one', () => {
  const start = callStart()
  const [attempt] = callEnd(start).attempts
  if (attempt === undefined) throw new Error('no attempt')
  const failed = { ...attempt, httpStatus: 429, errorClass: 'RateLimitError' }
  const rowOf = (attempts: (typeof attempt)[]): Record<string, unknown> =>
    JSON.parse(settledRow(startText(start, true), start, callEnd(start, { attempts }))) as Record<
      string,
      unknown
    >
  expect(rowOf([])).not.toHaveProperty('attempt_count')
  expect(rowOf([attempt])).toMatchObject({ attempt_count: 1 })
  expect(rowOf([attempt])).not.toHaveProperty('attempts')
  expect(rowOf([failed])).toMatchObject({ attempts: [{ http_status: 429, error_class: 'RateLimitError' }] })
  expect(rowOf([failed, attempt])).toMatchObject({ attempt_count: 2, attempts: [{}, {}] })
})

test('metadata that is too long or nested too deeply is replaced by a mark', () => {
  const start = callStart({ spendLogsMetadata: { text: 'x'.repeat(40_000) } })
  expect(startText(start, true)).toContain('"metadata":{"truncated":true}')
  const deep: unknown = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000))
  expect(storableJson(deep).slice(0, 40)).toBe('{"unreadable":true}')
  expect(storableJson({ deep: [deep] }).slice(0, 40)).toBe('{"unreadable":true}')
})

test('rows of a client that called before are those of one that did not', () => {
  const facts = {
    requestedModel: 'm',
    endUser: 'é',
    sessionId: undefined,
    requesterIp: '::1',
    userAgent: 'a "b"',
  }
  const start = callStart({ ...facts, callId: 'one' })
  const known = { ...start, client: {} }
  for (let time = 0; time < 2; time += 1) expect(startText(known, true)).toBe(startText(start, true))
})

test('a route is that of its own call', () => {
  const routes = ['/v1/messages', '/v1/responses', '/v1/messages']
  const told = routes.map((route) => JSON.parse(`${startText(callStart({ route }), true)}}`)['route'])
  expect(told).toEqual(routes)
})

test.each(['call-1', `${'0'.repeat(36)}"`, `"${'0'.repeat(35)}`])('the id %s is a JSON string', (callId) => {
  expect(JSON.parse(`${startText(callStart({ callId }), true)}}`)['call_id']).toBe(callId)
})
