/** Estimates where nothing was told. */
import { expect, test } from 'vitest'

import { estimatedUsage, estimateTokens } from './estimate.ts'
import { NO_USAGE } from './usage.ts'

test('four bytes are a token, and any text is at least one', () => {
  expect([0, 1, 4, 5, 4_000].map(estimateTokens)).toEqual([0, 1, 1, 2, 1_000])
})

test('an estimated usage is input and output without finer classes', () => {
  expect(estimatedUsage(400, 10)).toEqual({ ...NO_USAGE, inputTokens: 100, outputTokens: 3 })
})
