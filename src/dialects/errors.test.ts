/** Errors on the wire: the gateway's own in each dialect, and providers' refusals on their way to the client. */
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { describe, expect, test } from 'vitest'

import { ERROR_KINDS, GatewayError, type ErrorCode } from '../errors/gateway-error.ts'
import type { DialectName } from './dialect.ts'
import { DIALECTS, providerErrorFacts, wrapForeignError } from './index.ts'

const CODES = Object.keys(ERROR_KINDS) as ErrorCode[]
const OPENAI: DialectName[] = ['openai-chat', 'openai-completions', 'openai-embeddings', 'openai-responses']
const ANTHROPIC: DialectName[] = ['anthropic-messages', 'anthropic-count-tokens']

function written(name: DialectName, error: GatewayError) {
  const { body, ...rest } = DIALECTS[name].writeError(error, 'call-1')
  return { ...rest, body: JSON.parse(body.toString()) as Record<string, unknown> }
}

describe.each(OPENAI)('an error of the gateway in %s', (name) => {
  test('has four members, and the status as its code where there is no word', () => {
    const error = new GatewayError('body_too_large', 'too large', { param: 'request_body' })
    expect(written(name, error)).toEqual({
      status: 413,
      headers: { 'content-type': 'application/json', 'x-should-retry': 'false' },
      body: {
        error: { message: 'too large', type: 'invalid_request_error', param: 'request_body', code: '413' },
      },
    })
    expect(written(name, new GatewayError('key_unknown', 'no')).body).toEqual({
      error: { message: 'no', type: 'token_not_found_in_db', param: null, code: 'invalid_api_key' },
    })
  })

  test('says insufficient_quota for a spent budget, also under its older status', () => {
    const error = new GatewayError('budget_exceeded', 'spent', { status: 400 })
    expect(written(name, error)).toMatchObject({
      status: 400,
      headers: { 'x-should-retry': 'false' },
      body: { error: { type: 'budget_exceeded', code: 'insufficient_quota' } },
    })
  })

  test("passes a provider's status on in its own words, and 529 as 503", () => {
    const limited = new GatewayError('provider_bad_answer', 'slow', { status: 429 })
    expect(written(name, limited)).toMatchObject({
      status: 429,
      body: { error: { type: 'rate_limit_error', code: '429' } },
    })
    const overloaded = new GatewayError('provider_bad_answer', 'busy', { status: 529 })
    expect(written(name, overloaded)).toMatchObject({
      status: 503,
      body: { error: { type: 'server_error', code: '503' } },
    })
  })
})

describe.each(ANTHROPIC)('an error of the gateway in %s', (name) => {
  test('has its type, and the id of the call', () => {
    expect(written(name, new GatewayError('key_expired', 'old'))).toEqual({
      status: 401,
      headers: { 'content-type': 'application/json', 'x-should-retry': 'false' },
      body: { type: 'error', error: { type: 'authentication_error', message: 'old' }, request_id: 'call-1' },
    })
  })

  test('has the status that this API gives, unless one was chosen', () => {
    expect(written(name, new GatewayError('model_unknown', 'no')).status).toBe(404)
    expect(written(name, new GatewayError('model_unknown', 'no', { status: 403 })).status).toBe(403)
    expect(written(name, new GatewayError('provider_bad_answer', 'busy', { status: 529 }))).toMatchObject({
      status: 529,
      body: { error: { type: 'overloaded_error' } },
    })
  })
})

test.each(CODES)('%s tells clients to stop exactly when a retry cannot help, in every dialect', (code) => {
  for (const name of [...OPENAI, ...ANTHROPIC]) {
    const { headers } = DIALECTS[name].writeError(new GatewayError(code, 'x'), 'c')
    expect(headers['x-should-retry']).toBe(ERROR_KINDS[code].retryable ? undefined : 'false')
    expect(headers['retry-after']).toBeUndefined()
  }
})

test('the time to wait is a whole number of seconds, rounded up', () => {
  const error = new GatewayError('no_deployment', 'wait', { retryAfterSeconds: 1.2 })
  for (const name of [...OPENAI, ...ANTHROPIC]) {
    expect(DIALECTS[name].writeError(error, 'c').headers['retry-after']).toBe('2')
  }
})

/** A client whose every call is answered by these bytes. */
function answering(body: Buffer): { fetch: () => Promise<Response>; apiKey: string; maxRetries: number } {
  const headers = { 'content-type': 'text/event-stream' }
  return {
    apiKey: 'sk-test',
    maxRetries: 0,
    fetch: () => Promise.resolve(new Response(new Uint8Array(body), { headers })),
  }
}

async function drain(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const part of stream) {
    expect(part).toBeDefined()
  }
}

describe('an error inside a stream', () => {
  const error = new GatewayError('provider_cut', 'The provider broke off.')

  test('makes the OpenAI SDK throw on a chat stream, and no DONE follows', async () => {
    const bytes = DIALECTS['openai-chat'].writeStreamError(error, 'c')
    expect(bytes.toString()).not.toContain('[DONE]')
    const client = new OpenAI(answering(bytes))
    const stream = await client.chat.completions.create({ model: 'a', messages: [], stream: true })
    await expect(drain(stream)).rejects.toThrow('The provider broke off.')
  })

  test('makes the OpenAI SDK throw on a Responses stream, which also ends as failed', async () => {
    const bytes = DIALECTS['openai-responses'].writeStreamError(error, 'c')
    const [told, failed] = bytes.toString().split('\n\n')
    expect(told).toMatch(/^event: error\ndata: \{"type":"error",/)
    expect(failed).toMatch(/^event: response\.failed\ndata: /)
    expect(JSON.parse(failed?.split('data: ')[1] ?? '')).toMatchObject({
      type: 'response.failed',
      response: { status: 'failed', error: { code: 'server_error', message: 'The provider broke off.' } },
    })
    const client = new OpenAI(answering(bytes))
    const stream = await client.responses.create({ model: 'a', input: 'x', stream: true })
    await expect(drain(stream)).rejects.toThrow('The provider broke off.')
  })

  test('makes the Anthropic SDK throw', async () => {
    const client = new Anthropic(answering(DIALECTS['anthropic-messages'].writeStreamError(error, 'c')))
    const stream = await client.messages.create({ model: 'a', max_tokens: 1, messages: [], stream: true })
    await expect(drain(stream)).rejects.toThrow('The provider broke off.')
  })

  test('is seen as one by the tap of its own dialect', () => {
    for (const name of ['openai-chat', 'openai-responses', 'anthropic-messages'] as const) {
      const facts = { model: 'a', stream: true, asksStreamUsage: true, tags: [] }
      const none = {
        endUser: undefined,
        sessionId: undefined,
        spendLogsMetadata: undefined,
        maxOutputTokens: undefined,
      }
      const tap = DIALECTS[name].openStream({ ...facts, ...none })
      tap.push(DIALECTS[name].writeStreamError(error, 'c').toString('latin1'))
      expect(tap.streamError?.message).toBe('The provider broke off.')
    }
  })

  test('is a whole event, as is a keep-alive, which no client takes for content', async () => {
    for (const dialect of Object.values(DIALECTS)) {
      expect(dialect.writeStreamError(error, 'c').toString().endsWith('\n\n')).toBe(true)
      expect(dialect.keepAlive.toString()).toMatch(/^(: .*|event: ping\ndata: \{"type": "ping"\})\n\n$/)
    }
    const quiet = Buffer.concat([DIALECTS['openai-chat'].keepAlive, Buffer.from('data: [DONE]\n\n')])
    const stream = await new OpenAI(answering(quiet)).chat.completions.create({
      model: 'a',
      messages: [],
      stream: true,
    })
    await drain(stream)
  })
})

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}

const JSON_TYPE = 'application/json'

describe("a provider's refusal", () => {
  const NO_CREDIT = json({
    type: 'error',
    error: { type: 'invalid_request_error', message: 'Your credit balance is too low.' },
    request_id: 'req_1',
  })

  test('in the dialect goes through byte for byte', () => {
    expect(wrapForeignError('anthropic', 400, NO_CREDIT, JSON_TYPE).body).toBe(NO_CREDIT)
    const spaced = Buffer.from('{ "error" : {"message":"m", "extra": 1.0} }\n')
    expect(wrapForeignError('openai', 400, spaced, undefined)).toEqual({
      body: spaced,
      contentType: JSON_TYPE,
    })
  })

  test.each([
    ['openai', 502, '<html>Bad gateway</html>', 'text/html'],
    ['openai', 500, '', undefined],
    ['anthropic', 529, 'overloaded', 'text/plain'],
    ['anthropic', 404, '[]', JSON_TYPE],
  ] as const)(
    'to a client of %s with status %i and the body %j is put into its envelope',
    (family, status, body, type) => {
      const wrapped = wrapForeignError(family, status, Buffer.from(body), type)
      const { error } = JSON.parse(wrapped.body.toString()) as { error: Record<string, unknown> }
      expect(wrapped.contentType).toBe(JSON_TYPE)
      expect(error['message']).toContain(`status ${status}`)
      expect(wrapped.body.toString()).not.toContain('<html')
      expect(typeof error['type']).toBe('string')
    },
  )

  test.each([
    [{ detail: 'Not Found' }, 'Not Found'],
    [{ detail: [{ loc: ['body'], msg: 'missing' }] }, '[{"loc":["body"],"msg":"missing"}]'],
    [{ object: 'error', message: 'too long', code: 400 }, 'too long'],
    [{ error: 'model not loaded' }, 'model not loaded'],
  ])('in another JSON shape keeps its words: %j', (body, message) => {
    const wrapped = wrapForeignError('openai', 400, json(body), JSON_TYPE)
    expect(JSON.parse(wrapped.body.toString())).toMatchObject({ error: { message, code: '400' } })
  })

  test('tells its message, type and code for the log', () => {
    const body = json({ error: { message: 'slow', type: 'requests', code: 'rate_limit_exceeded' } })
    expect(providerErrorFacts('openai', 429, body, JSON_TYPE)).toEqual({
      message: 'slow',
      type: 'requests',
      code: 'rate_limit_exceeded',
      errorClass: 'RateLimitError',
    })
    expect(providerErrorFacts('anthropic', 400, NO_CREDIT, JSON_TYPE)).toMatchObject({
      message: 'Your credit balance is too low.',
      errorClass: 'BadRequestError',
    })
  })

  test.each([
    [400, 'BadRequestError'],
    [401, 'AuthenticationError'],
    [403, 'PermissionDeniedError'],
    [404, 'NotFoundError'],
    [408, 'Timeout'],
    [409, 'BadRequestError'],
    [413, 'BadRequestError'],
    [422, 'UnprocessableEntityError'],
    [429, 'RateLimitError'],
    [500, 'InternalServerError'],
    [502, 'BadGatewayError'],
    [503, 'ServiceUnavailableError'],
    [504, 'Timeout'],
    [529, 'InternalServerError'],
  ])('of status %i is of class %s', (status, errorClass) => {
    expect(providerErrorFacts('anthropic', status, Buffer.alloc(0), undefined).errorClass).toBe(errorClass)
  })

  test.each([
    [{ message: 'm', code: 'context_length_exceeded' }, 'ContextWindowExceededError'],
    [{ message: "This model's maximum context length is 8192 tokens." }, 'ContextWindowExceededError'],
    [{ message: 'prompt is too long: 210000 tokens > 200000 maximum' }, 'ContextWindowExceededError'],
    [
      { message: 'input length and `max_tokens` exceed context limit: 1 + 2 > 3' },
      'ContextWindowExceededError',
    ],
    [{ message: 'm', code: 'content_policy_violation' }, 'ContentPolicyViolationError'],
    [{ message: 'triggered our content management policy' }, 'ContentPolicyViolationError'],
    [{ message: 'temperature: too large' }, 'BadRequestError'],
  ])('of status 400 is told apart by its words: %j', (error, errorClass) => {
    expect(providerErrorFacts('openai', 400, json({ error }), JSON_TYPE).errorClass).toBe(errorClass)
  })
})
