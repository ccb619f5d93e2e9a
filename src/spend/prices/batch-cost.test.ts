import { expect, test } from 'vitest'
import { NO_USAGE } from '../../dialects/usage.ts'
import { batchCostOf } from './batch-cost.ts'
import { costOf } from './cost-of.ts'
import { loadPriceBook } from './price-book.ts'
import { resolvePrice } from './price-of.ts'
import { readPriceOverrides } from './price-overrides.ts'

const AT_MS = Date.UTC(2026, 10, 22)
const USAGE = { ...NO_USAGE, inputTokens: 1_001, outputTokens: 10 }
const book = await loadPriceBook({ clock: () => AT_MS })

function priceOf(keys: Record<string, unknown>) {
  const price = resolvePrice(book, {
    provider: 'openai',
    upstreamModel: 'a-model-of-ours',
    overrides: readPriceOverrides(keys, {}),
  })
  if (price === undefined) throw new Error('expected a price')
  return price
}

const STANDARD = { input_cost_per_token: 0.000002, output_cost_per_token: 0.000008 }

test('without a batch price a request in a batch costs half', () => {
  const price = priceOf(STANDARD)
  expect(batchCostOf(price, USAGE, AT_MS)).toBe(1_041_000_000n)
  expect(costOf(price, USAGE, AT_MS)).toBe(2_082_000_000n)
})

test('a listed batch price is taken as it stands', () => {
  const price = priceOf({
    ...STANDARD,
    input_cost_per_token_batches: 0.0000005,
    output_cost_per_token_batches: 0.000001,
  })
  expect(batchCostOf(price, USAGE, AT_MS)).toBe(510_500_000n)
})

test('what the answer says of its service tier does not change the price of a batch', () => {
  const price = priceOf({ ...STANDARD, input_cost_per_token_priority: 0.000004 })
  expect(batchCostOf(price, { ...USAGE, serviceTier: 'priority' }, AT_MS)).toBe(1_041_000_000n)
})
