/** Anthropic's usage against classes worked out by hand. */
import { expect, test } from 'vitest'

import { anthropicUsage } from './anthropic-usage.ts'
import { NO_USAGE, promptTokens } from './usage.ts'

test('the three input figures are disjoint already, and thinking is part of the output', () => {
  const usage = anthropicUsage({
    input_tokens: 12,
    cache_creation_input_tokens: 300,
    cache_read_input_tokens: 40_000,
    cache_creation: { ephemeral_5m_input_tokens: 100, ephemeral_1h_input_tokens: 200 },
    output_tokens: 90,
    output_tokens_details: { thinking_tokens: 50 },
    server_tool_use: { web_search_requests: 3, web_fetch_requests: 1 },
    service_tier: 'priority',
  })
  expect(usage).toEqual({
    ...NO_USAGE,
    inputTokens: 12,
    cacheReadTokens: 40_000,
    cacheWrite5mTokens: 100,
    cacheWrite1hTokens: 200,
    outputTokens: 40,
    reasoningTokens: 50,
    webSearchRequests: 3,
    serviceTier: 'priority',
  })
  expect(promptTokens(usage!)).toBe(12 + 300 + 40_000)
})

test.each([
  ['no split: five minutes', { cache_creation_input_tokens: 70 }, 70, 0],
  [
    'a split that is too small',
    { cache_creation_input_tokens: 70, cache_creation: { ephemeral_1h_input_tokens: 30 } },
    40,
    30,
  ],
  [
    'a split without a sum',
    { cache_creation: { ephemeral_5m_input_tokens: 5, ephemeral_1h_input_tokens: 6 } },
    5,
    6,
  ],
  [
    'a sum that corrects the split',
    {
      cache_creation_input_tokens: 10,
      cache_creation: { ephemeral_5m_input_tokens: 90, ephemeral_1h_input_tokens: 4 },
    },
    6,
    4,
  ],
  [
    'a sum of zero',
    { cache_creation_input_tokens: 0, cache_creation: { ephemeral_5m_input_tokens: 9 } },
    0,
    0,
  ],
  ['nothing', { cache_creation_input_tokens: null, cache_creation: null }, 0, 0],
])('cache writes told as %s', (_what, told, fiveMinutes, oneHour) => {
  expect(anthropicUsage({ input_tokens: 1, output_tokens: 1, ...told })).toEqual({
    ...NO_USAGE,
    inputTokens: 1,
    outputTokens: 1,
    cacheWrite5mTokens: fiveMinutes,
    cacheWrite1hTokens: oneHour,
  })
})

test('iterations that are billed beside the figures above them are added, and only those', () => {
  const usage = anthropicUsage({
    input_tokens: 100,
    output_tokens: 20,
    iterations: [
      { type: 'message', input_tokens: 100, output_tokens: 20 },
      { type: 'compaction', input_tokens: 5_000, output_tokens: 700, cache_read_input_tokens: 60 },
      { type: 'advisor_message', model: 'other', input_tokens: 30, output_tokens: 4 },
      { type: 'fallback_message', input_tokens: 9, output_tokens: 9 },
      null,
    ],
  })
  expect(usage).toEqual({ ...NO_USAGE, inputTokens: 5_130, cacheReadTokens: 60, outputTokens: 724 })
})

test('fast mode, which has a price of its own, is told as the tier', () => {
  expect(anthropicUsage({ input_tokens: 1, service_tier: 'standard', speed: 'fast' })?.serviceTier).toBe(
    'fast',
  )
  expect(anthropicUsage({ input_tokens: 1, service_tier: 'batch', speed: 'standard' })?.serviceTier).toBe(
    'batch',
  )
})

test('zero is told, nothing is not', () => {
  expect(anthropicUsage({ input_tokens: 0, output_tokens: 0 })).toEqual(NO_USAGE)
  for (const told of [undefined, null, {}, [], { input_tokens: null }, { output_tokens: -3 }]) {
    expect(anthropicUsage(told)).toBeUndefined()
  }
})

test('serving within the United States, which has a price of its own, is told with the tier', () => {
  const tierOf = (told: object) => anthropicUsage({ input_tokens: 1, ...told })?.serviceTier
  expect(tierOf({ inference_geo: 'us' })).toBe('standard-us')
  expect(tierOf({ inference_geo: 'us', service_tier: 'priority' })).toBe('priority-us')
  expect(tierOf({ inference_geo: 'us', service_tier: 'standard', speed: 'fast' })).toBe('fast-us')
  expect(tierOf({ inference_geo: 'global', service_tier: 'standard' })).toBe('standard')
  expect(tierOf({ inference_geo: 'not_available' })).toBeUndefined()
})
