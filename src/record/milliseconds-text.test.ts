import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fixedMilliseconds, millisecondsText } from './milliseconds-text.ts'

describe('milliseconds as text', () => {
  test.for([
    [0, '0'],
    [0.0004, '0'],
    [0.0005, '0.001'],
    [12, '12'],
    [12.3, '12.3'],
    [12.0601, '12.06'],
    [999.9996, '1000'],
    [999_999_999.9996, '1000000000'],
    [1_764_480_000_007.05, '1764480000007.05'],
    [8_932_296_829_455.62, '8932296829455.62'],
    [-1.5, '-1.5'],
    [Number.NaN, '0'],
    [Number.POSITIVE_INFINITY, '0'],
  ] as const)('%d is %s', ([ms, text]) => {
    expect(millisecondsText(ms)).toBe(text)
  })

  test('it is the text of the number, rounded to microseconds', () => {
    const anyTime = fc.oneof(
      fc.double({ min: 0, max: 1e4, noNaN: true }),
      fc.double({ min: 0, max: 4e12, noNaN: true }),
      fc.double({ min: -1e6, max: 1e20, noNaN: true }),
      fc.double({ min: 2 ** 42, max: 2 ** 44, noNaN: true }),
      fc.integer({ min: 0, max: 4e15 }).map((micros) => micros / 1_000),
    )
    fc.assert(
      fc.property(anyTime, (ms) => {
        const rounded = Math.round(ms * 1_000) / 1_000
        expect(millisecondsText(ms)).toBe(`${rounded}`)
      }),
      { numRuns: 5_000 },
    )
  })
})

test.for([
  [0, '0.000'],
  [0.0004, '0.000'],
  [0.0126, '0.013'],
  [7.5, '7.500'],
  [999.9996, '1000.000'],
  [123_456.789, '123456.789'],
  [4e12, '4000000000000.000'],
  [-1.5, '-1.500'],
] as const)('%d has three decimals: %s', ([ms, text]) => {
  expect(fixedMilliseconds(ms)).toBe(text)
})
