/** What providers tell of their rate limits. */
import { expect, test } from 'vitest'
import { quotaOf } from './provider-quota.ts'

test('the headers of both families are read, and zero is a number like any other', () => {
  expect(
    quotaOf({ 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-remaining-tokens': '149984' }),
  ).toEqual({ requests: 0, tokens: 149_984 })
  expect(
    quotaOf({
      'anthropic-ratelimit-requests-remaining': '49',
      'anthropic-ratelimit-tokens-remaining': '39000',
    }),
  ).toEqual({ requests: 49, tokens: 39_000 })
})

test('what is no count is not told', () => {
  expect(quotaOf({ 'content-type': 'text/plain' })).toBeUndefined()
  expect(quotaOf({ 'x-ratelimit-remaining-requests': 'many' })).toEqual({
    requests: undefined,
    tokens: undefined,
  })
})
