/** What each dialect reads from a request, and what it changes on the way up. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { GatewayError } from '../errors/gateway-error.ts'
import type { DialectName, RequestFacts } from './dialect.ts'
import { DIALECTS, scanMembers, spliceMembers } from './index.ts'

const NAMES = Object.keys(DIALECTS) as DialectName[]

function read(name: DialectName, body: object, pathModel?: string): RequestFacts {
  return DIALECTS[name].readRequest(scanMembers(Buffer.from(JSON.stringify(body))), pathModel)
}

/** The body as it goes up. */
function sent(name: DialectName, body: object): unknown {
  const members = scanMembers(Buffer.from(JSON.stringify(body)))
  const facts = DIALECTS[name].readRequest(members, undefined)
  const parts = spliceMembers(members, DIALECTS[name].upstreamEdits(members, facts))
  return JSON.parse(Buffer.concat(parts).toString())
}

function refusal(name: DialectName, body: object): GatewayError {
  try {
    read(name, body)
  } catch (error) {
    if (error instanceof GatewayError) {
      return error
    }
  }
  throw new Error('the request was accepted')
}

describe.each(NAMES)('a request of %s', (name) => {
  test('names its model; the path may name it instead', () => {
    expect(read(name, { model: 'a' }).model).toBe('a')
    expect(read(name, { model: 'a' }, 'path').model).toBe('path')
    expect(read(name, {}, 'path').model).toBe('path')
  })

  test.each([[{}], [{ model: '' }], [{ model: 5 }], [{ model: null }], [{ model: ['a'] }]])(
    'without a usable model is refused: %j',
    (body) => {
      const error = refusal(name, body)
      expect(error.code).toBe('bad_request')
      expect(error.param).toBe('model')
      expect(error.message).toMatch(/^model: expected/)
    },
  )

  test('keeps every member that is not for the gateway', () => {
    const body = { model: 'a', messages: [{ x: 1 }], brand_new_field: { deep: [1, null] }, temperature: 0.5 }
    expect(sent(name, body)).toEqual(body)
  })

  test("loses LiteLLM's own members and the caller's credentials on the way up", () => {
    const own = {
      litellm_metadata: { tags: ['x'] },
      litellm_session_id: 's',
      litellm_trace_id: 't',
      tags: ['a'],
      'no-log': true,
      cache: { 'no-cache': true },
      num_retries: 2,
      timeout: 10,
      api_key: 'canary',
      api_base: 'http://canary',
      mock_testing_fallbacks: true,
      guardrails: ['g'],
    }
    expect(sent(name, { model: 'a', ...own, input: 'x' })).toEqual({ model: 'a', input: 'x' })
  })

  test('may be read without a byte of it being changed', () => {
    const members = scanMembers(Buffer.from('{"model":"a"}'))
    const dialect = DIALECTS[name]
    expect(dialect.upstreamEdits(members, dialect.readRequest(members, undefined))).toEqual([])
  })
})

describe('stream and bounds', () => {
  test.each([
    ['openai-chat', { max_tokens: 5, max_completion_tokens: 7 }, 7],
    ['openai-chat', { max_tokens: 5 }, 5],
    ['openai-chat', { max_tokens: 5, max_completion_tokens: null }, 5],
    ['openai-completions', { max_tokens: 6 }, 6],
    ['openai-responses', { max_output_tokens: 8 }, 8],
    ['anthropic-messages', { max_tokens: 0 }, 0],
    ['anthropic-messages', { max_tokens: -1 }, undefined],
    ['openai-embeddings', { max_tokens: 9 }, undefined],
  ] as const)('%s reads its bound on output tokens from %j', (name, body, expected) => {
    expect(read(name, { model: 'a', ...body }).maxOutputTokens).toBe(expected)
  })

  test.each([
    [{ stream: 'yes' }, 'stream'],
    [{ stream: 1 }, 'stream'],
    [{ max_tokens: '100' }, 'max_tokens'],
    [{ max_tokens: 1.5 }, 'max_tokens'],
    [{ stream_options: true }, 'stream_options'],
    [{ n: 'two' }, 'n'],
    [{ user: 5 }, 'user'],
    [{ metadata: [] }, 'metadata'],
    [{ tags: 'a' }, 'tags'],
    [{ litellm_metadata: 'x' }, 'litellm_metadata'],
  ])('a member of a wrong type is refused by name: %j', (body, param) => {
    const error = refusal('openai-chat', { model: 'a', ...body })
    expect(error.param).toBe(param)
    expect(error.message.startsWith(`${param}: expected`)).toBe(true)
  })

  test('a stream is one only when stream is true, and only where the dialect has streams', () => {
    expect(read('openai-chat', { model: 'a', stream: true }).stream).toBe(true)
    expect(read('openai-chat', { model: 'a', stream: null }).stream).toBe(false)
    expect(read('openai-embeddings', { model: 'a', stream: true }).stream).toBe(false)
    expect(read('anthropic-count-tokens', { model: 'a', stream: true }).stream).toBe(false)
  })

  test('counting tokens is free, all else is billed', () => {
    expect(NAMES.filter((name) => DIALECTS[name].unbilled)).toEqual(['anthropic-count-tokens'])
  })
})

describe.each(['openai-chat', 'openai-completions'] as const)('usage in streams of %s', (name) => {
  test('is asked for when the client does not ask, and its other options stay', () => {
    expect(sent(name, { model: 'a', stream: true })).toEqual({
      model: 'a',
      stream: true,
      stream_options: { include_usage: true },
    })
    const options = { include_obfuscation: false, include_usage: false }
    expect(sent(name, { model: 'a', stream: true, stream_options: options })).toMatchObject({
      stream_options: { include_obfuscation: false, include_usage: true },
    })
  })

  test('is left alone when the client asks itself, or streams nothing', () => {
    const asking = { model: 'a', stream: true, stream_options: { include_usage: true } }
    expect(sent(name, asking)).toEqual(asking)
    expect(read(name, asking).asksStreamUsage).toBe(true)
    expect(sent(name, { model: 'a' })).toEqual({ model: 'a' })
  })
})

describe('metadata', () => {
  test('of OpenAI goes up where its API takes it, which is a flat map of strings', () => {
    const flat = { model: 'a', metadata: { order: '7' } }
    expect(sent('openai-chat', flat)).toEqual(flat)
    expect(sent('openai-responses', flat)).toEqual(flat)
    expect(sent('openai-chat', { model: 'a', metadata: { tags: ['x'], order: '7' } })).toEqual({ model: 'a' })
    expect(sent('openai-completions', flat)).toEqual({ model: 'a' })
    expect(sent('openai-embeddings', flat)).toEqual({ model: 'a' })
  })

  test("of Anthropic goes up without LiteLLM's members", () => {
    const metadata = { user_id: 'u', tags: ['x'], session_id: 's', spend_logs_metadata: { a: 1 } }
    expect(sent('anthropic-messages', { model: 'a', metadata })).toEqual({
      model: 'a',
      metadata: { user_id: 'u' },
    })
    expect(sent('anthropic-messages', { model: 'a', metadata: { tags: [] } })).toEqual({ model: 'a' })
    const own = { model: 'a', metadata: { user_id: 'u', new_field: 1 } }
    expect(sent('anthropic-messages', own)).toEqual(own)
  })

  test('fallbacks are LiteLLM’s to OpenAI hosts and a member of Anthropic’s own API', () => {
    expect(sent('openai-chat', { model: 'a', fallbacks: ['b'] })).toEqual({ model: 'a' })
    expect(sent('anthropic-messages', { model: 'a', fallbacks: ['b'] })).toEqual({
      model: 'a',
      fallbacks: ['b'],
    })
  })
})

describe('the end user', () => {
  const all = {
    model: 'a',
    user: '1',
    litellm_metadata: { user: '2' },
    metadata: { user_id: '3' },
    safety_identifier: '4',
  }
  test.each(NAMES)('of %s is the first of the places where LiteLLM looks', (name) => {
    const { user: _1, ...second } = all
    const { litellm_metadata: _2, ...third } = second
    const { metadata: _3, ...fourth } = third
    expect([all, second, third, fourth, { model: 'a' }].map((body) => read(name, body).endUser)).toEqual([
      '1',
      '2',
      '3',
      '4',
      undefined,
    ])
  })

  test('goes up in OpenAI dialects, whose member it is, and not in Anthropic’s, which would refuse it', () => {
    expect(sent('openai-chat', { model: 'a', user: 'u' })).toEqual({ model: 'a', user: 'u' })
    expect(sent('anthropic-messages', { model: 'a', user: 'u', safety_identifier: 's' })).toEqual({
      model: 'a',
    })
  })

  test('of Claude Code is its account, else its device, and its session is the session', () => {
    const device = 'd'.repeat(64)
    const pack = (account: string) => ({
      model: 'a',
      metadata: { user_id: JSON.stringify({ device_id: device, account_uuid: account, session_id: 's-1' }) },
    })
    expect(read('anthropic-messages', pack(''))).toMatchObject({ endUser: device, sessionId: 's-1' })
    expect(read('anthropic-messages', pack('acc'))).toMatchObject({ endUser: 'acc', sessionId: 's-1' })
    expect(sent('anthropic-messages', pack(''))).toEqual(pack(''))
    const older = `user_${'a'.repeat(64)}_account_acc_session_s-2`
    expect(read('anthropic-messages', { model: 'a', metadata: { user_id: older } })).toMatchObject({
      endUser: 'acc',
      sessionId: 's-2',
    })
  })

  test.each(['{"not":"packed"}', '{broken', 'user_5', 'plain'])(
    'that only looks packed stays whole: %s',
    (id) => {
      expect(read('anthropic-messages', { model: 'a', metadata: { user_id: id } })).toMatchObject({
        endUser: id,
        sessionId: undefined,
      })
    },
  )
})

test('tags of all places come together, each once', () => {
  const body = {
    model: 'a',
    tags: ['x', 'y'],
    litellm_metadata: { tags: ['y', 'z', 7] },
    metadata: { tags: ['w'] },
  }
  expect(read('openai-chat', body).tags).toEqual(['x', 'y', 'z', 'w'])
  expect(read('openai-chat', { model: 'a', metadata: { tags: 'a legal string' } }).tags).toEqual([])
})

test('session and spend-log metadata are read from the places where LiteLLM has them', () => {
  expect(
    read('openai-chat', { model: 'a', litellm_session_id: 's', metadata: { session_id: 't' } }).sessionId,
  ).toBe('s')
  expect(read('openai-chat', { model: 'a', metadata: { trace_id: 't' } }).sessionId).toBe('t')
  const spendLogs = { project: { id: 7 } }
  expect(
    read('anthropic-messages', { model: 'a', litellm_metadata: { spend_logs_metadata: spendLogs } })
      .spendLogsMetadata,
  ).toEqual(spendLogs)
})

test('any members at all are read or refused as bad requests, never crashed on', () => {
  const body = fc.dictionary(
    fc.constantFrom(
      'model',
      'stream',
      'max_tokens',
      'metadata',
      'litellm_metadata',
      'tags',
      'user',
      'stream_options',
      'n',
      'prompt',
    ),
    fc.jsonValue({ maxDepth: 2 }),
  )
  fc.assert(
    fc.property(fc.constantFrom(...NAMES), body, (name, members) => {
      try {
        sent(name, members)
      } catch (error) {
        expect(error).toBeInstanceOf(GatewayError)
        expect((error as GatewayError).code).toBe('bad_request')
      }
    }),
  )
})
