/** The allow-list of a provider's headers. */
import { expect, test } from 'vitest'
import { appendProviderHeaders, headerText, headerValue } from './answer-headers.ts'

test('limits and request ids go on under their own name and with the prefix', () => {
  const list: string[] = []
  appendProviderHeaders(list, {
    'x-ratelimit-limit-tokens': '9',
    'request-id': 'r',
    'set-cookie': ['a'],
    date: 'now',
  })
  expect(list).toEqual([
    'x-ratelimit-limit-tokens',
    '9',
    'llm_provider-x-ratelimit-limit-tokens',
    '9',
    'request-id',
    'r',
    'llm_provider-request-id',
    'r',
  ])
})

test("the limits of a caller's key are told instead of the provider's", () => {
  const list = ['x-ratelimit-limit-requests', '5']
  appendProviderHeaders(list, { 'x-ratelimit-limit-requests': '9', 'request-id': 'r' }, true)
  expect(list).toEqual([
    'x-ratelimit-limit-requests',
    '5',
    'llm_provider-x-ratelimit-limit-requests',
    '9',
    'request-id',
    'r',
    'llm_provider-request-id',
    'r',
  ])
})

test('names that a provider makes up do not go on, however many they are', () => {
  const list: string[] = []
  for (let count = 0; count < 5_000; count += 1) appendProviderHeaders(list, { [`x-odd-${count}`]: '1' })
  appendProviderHeaders(list, { 'retry-after': '1' })
  expect(list).toEqual(['retry-after', '1', 'llm_provider-retry-after', '1'])
})

test('a configured text cannot break a header', () => {
  expect(headerValue('gpt-4 (EU)')).toBe('gpt-4 (EU)')
  expect(headerValue('Modell Ü\r\nx: y')).toBe('Modell%20%C3%9C%0D%0Ax%3A%20y')
})

test('of a repeated header the first value counts', () => {
  expect([headerText(['a', 'b']), headerText('a'), headerText(undefined)]).toEqual(['a', 'a', undefined])
})
