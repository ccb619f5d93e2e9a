/** What each dialect reads from a whole answer. */
import { describe, expect, test } from 'vitest'

import type { DialectName } from './dialect.ts'
import { DIALECTS } from './index.ts'
import { NO_USAGE } from './usage.ts'

function read(name: DialectName, body: unknown) {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return DIALECTS[name].readAnswer(Buffer.from(text))
}

const CHAT_USAGE = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }

test.each(['openai-chat', 'openai-completions', 'openai-embeddings'] as const)(
  'an answer of %s tells usage, model and tier',
  (name) => {
    expect(read(name, { model: 'gpt', choices: [], usage: CHAT_USAGE, service_tier: 'flex' })).toEqual({
      usage: { ...NO_USAGE, inputTokens: 3, outputTokens: 4, serviceTier: 'flex' },
      responseModel: 'gpt',
      isError: false,
    })
  },
)

test('a message of Anthropic tells usage and model', () => {
  const usage = { input_tokens: 3, output_tokens: 4, cache_read_input_tokens: 100 }
  expect(read('anthropic-messages', { type: 'message', model: 'claude', content: [], usage })).toEqual({
    usage: { ...NO_USAGE, inputTokens: 3, outputTokens: 4, cacheReadTokens: 100 },
    responseModel: 'claude',
    isError: false,
  })
})

test('usage that stands in what the model wrote is not the usage', () => {
  const fake = { input_tokens: 0, output_tokens: 0, prompt_tokens: 0 }
  const content = [
    { type: 'tool_use', input: { usage: fake } },
    { type: 'text', text: '"usage":{"input_tokens":0}' },
  ]
  const usage = { input_tokens: 30, output_tokens: 40 }
  expect(read('anthropic-messages', { type: 'message', usage, content }).usage?.inputTokens).toBe(30)
  expect(read('anthropic-messages', { type: 'message', content }).usage).toBeUndefined()
})

test('counted tokens are no usage', () => {
  expect(read('anthropic-count-tokens', { input_tokens: 812 })).toEqual({
    usage: undefined,
    responseModel: undefined,
    isError: false,
  })
})

describe('an answer of Responses', () => {
  const usage = { input_tokens: 3, output_tokens: 4, total_tokens: 7 }

  test('counts the web searches in its output, not the pages opened', () => {
    const output = [
      { type: 'web_search_call', action: { type: 'search', query: 'a' } },
      { type: 'web_search_call', action: { type: 'open_page' } },
      { type: 'web_search_call' },
      { type: 'message', content: [{ type: 'output_text', text: '"web_search_call"' }] },
    ]
    expect(read('openai-responses', { model: 'gpt', error: null, output, usage }).usage).toEqual({
      ...NO_USAGE,
      inputTokens: 3,
      outputTokens: 4,
      webSearchRequests: 2,
    })
  })

  test('that failed is an error', () => {
    const error = { code: 'server_error', message: 'no' }
    expect(read('openai-responses', { status: 'failed', error, usage })).toMatchObject({ isError: true })
  })
})

test.each([
  ['openai-chat', { error: { message: 'no' } }],
  ['openai-chat', { error: 'no' }],
  ['anthropic-messages', { type: 'error', error: { type: 'api_error', message: 'no' } }],
  ['openai-chat', '<html></html>'],
  ['anthropic-messages', ''],
  ['openai-responses', '[1]'],
  ['openai-chat', '{"choices":['],
] as const)('an answer of %s that is an error in spite of its status is told as one: %j', (name, body) => {
  expect(read(name, body)).toMatchObject({ isError: true, usage: undefined })
})

test('a large answer is read like a small one', () => {
  const filler = [{ type: 'message', text: '"web_search_call" ü'.repeat(2_000) }]
  const searches = [{ type: 'web_search_call' }, ...filler]
  const usage = { input_tokens: 3, output_tokens: 4, total_tokens: 7 }
  expect(read('openai-responses', { model: 'gpt', output: searches, usage })).toMatchObject({
    usage: { inputTokens: 3, webSearchRequests: 1 },
    responseModel: 'gpt',
    isError: false,
  })
  expect(read('openai-responses', { output: filler, usage }).usage?.webSearchRequests).toBe(0)
  expect(read('anthropic-messages', { content: filler, usage, model: 'c' }).usage?.outputTokens).toBe(4)
  expect(read('openai-chat', { choices: filler, usage: CHAT_USAGE }).usage?.outputTokens).toBe(4)
  expect(read('openai-chat', `{"x":"${'<'.repeat(20_000)}`).isError).toBe(true)
})

test('an answer stranger than the strict scan allows is read all the same', () => {
  const deep = `["${'x'.repeat(10_000)}",${'['.repeat(300)}${']'.repeat(300)}]`
  const usage = JSON.stringify(CHAT_USAGE)
  expect(read('openai-chat', `{"x":${deep},"usage":${usage}}`).usage?.inputTokens).toBe(3)
  expect(
    read('openai-chat', `{"x":"${'x'.repeat(10_000)}","usage":null,"usage":${usage}}`).usage?.inputTokens,
  ).toBe(3)
  expect(read('openai-responses', `{"x":${deep},"output":[],"usage":${usage}}`).usage?.inputTokens).toBe(3)
})

test('a malformed string in a large answer costs only the member it stands in', () => {
  const text = `{"x":"${'x'.repeat(10_000)}","model":"a\\x","usage":${JSON.stringify(CHAT_USAGE)}}`
  expect(read('openai-chat', text)).toMatchObject({ responseModel: undefined, usage: { inputTokens: 3 } })
})

describe('why an answer ended', () => {
  test.each<[DialectName, string, string | undefined]>([
    [
      'openai-chat',
      '{"choices":[{"message":{"content":"\\"finish_reason\\":\\"no\\""},"finish_reason":"tool_calls"}]}',
      'tool_calls',
    ],
    ['openai-chat', '{"choices":[{"finish_reason" : "length","message":{}}],"usage":{}}', 'length'],
    ['openai-chat', '{"choices":[{"finish_reason":null}]}', undefined],
    ['openai-completions', '{"choices":[{"text":"a","finish_reason":"stop"}]}', 'stop'],
    ['openai-responses', '{"status":"completed"}', 'completed'],
    [
      'openai-responses',
      '{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}',
      'max_output_tokens',
    ],
    ['anthropic-messages', '{"type":"message","stop_reason":"end_turn"}', 'end_turn'],
    ['openai-embeddings', '{"data":[]}', undefined],
  ])('is what %s says: %s', (name, body, reason) => {
    expect(read(name, body).finishReason).toBe(reason)
  })
})
