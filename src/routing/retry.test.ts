import { describe, expect, test } from 'vitest'
import { isRetryableStatus, readRetryAfterMs, retryDelayMs } from './retry.ts'

describe('which statuses are tried again', () => {
  test.each([
    [400, false],
    [401, false],
    [403, false],
    [404, false],
    [408, true],
    [409, true],
    [429, true],
    [500, true],
    [503, true],
    [529, true],
  ])('%i: %s', (status, expected) => {
    expect(isRetryableStatus(status)).toBe(expected)
  })
})

describe('how long a retry waits', () => {
  test('another deployment is tried without waiting, whatever the first asked for', () => {
    expect(retryDelayMs(1, 30_000, true, 0, 0.5)).toBe(0)
  })

  test('the least time between tries holds for another deployment too', () => {
    expect(retryDelayMs(1, undefined, true, 250, 0)).toBe(250)
  })

  test('the same deployment is given the time that it asked for', () => {
    expect(retryDelayMs(1, 2_000, false, 0, 0)).toBe(2_000)
  })

  test('a wait of more than a minute is left to the client', () => {
    expect(retryDelayMs(1, 61_000, false, 0, 0)).toBeUndefined()
  })

  test('without a wish of the provider the wait doubles up to 8 s', () => {
    expect([1, 2, 3, 4, 5, 6, 9].map((attempts) => retryDelayMs(attempts, undefined, false, 0, 0))).toEqual([
      500, 1_000, 2_000, 4_000, 8_000, 8_000, 8_000,
    ])
  })

  test('jitter shortens the wait by a quarter at most', () => {
    expect(retryDelayMs(1, undefined, false, 0, 0.999_999)).toBeGreaterThan(374)
  })
})

describe('what a provider asks for', () => {
  const now = Date.parse('2026-11-22T12:00:00Z')

  test.each([
    ['milliseconds win', '1500', '9', 1_500],
    ['seconds', undefined, '2', 2_000],
    ['fractions of seconds', undefined, '0.5', 500],
    ['a date', undefined, 'Sun, 22 Nov 2026 12:00:05 GMT', 5_000],
    ['a date that has passed is no wait', undefined, 'Sun, 22 Nov 2026 11:00:00 GMT', 0],
    ['nonsense is no wish', undefined, 'soon', undefined],
    ['nothing is no wish', undefined, undefined, undefined],
  ])('%s', (_name, milliseconds, seconds, expected) => {
    expect(readRetryAfterMs(milliseconds, seconds, now)).toBe(expected)
  })
})
