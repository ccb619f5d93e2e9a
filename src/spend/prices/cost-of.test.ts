/** Guarantees of a call's cost: golden invoices worked out by hand, and properties over all usages. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NO_USAGE } from '../../dialects/usage.ts'
import type { Usage } from '../../dialects/usage.ts'
import { parseDollars } from '../../money/picodollars.ts'
import { costBreakdown, costOf } from './cost-of.ts'
import { RATE_CLASSES } from './model-price.ts'
import type { ModelPrice, PricePeriod } from './model-price.ts'
import { completePrice } from './price-listing.ts'
import type { Listing } from './price-listing.ts'
import { readPriceOverrides } from './price-overrides.ts'

/** A price made of LiteLLM cost keys, as a deployment would state it. */
function priceOf(keys: Readonly<Record<string, unknown>>, key = 'a-model'): ModelPrice {
  const { listed, errors } = readPriceOverrides(keys, {})
  expect(errors).toEqual([])
  const anthropicModel = key.includes('claude')
  const listing: Listing = {
    source: 'override',
    key,
    dated: [{ period: undefined, ...listed! }],
    anthropicModel,
  }
  return completePrice(listing)!
}

function used(usage: Partial<Usage>): Usage {
  return { ...NO_USAGE, ...usage }
}

const CLAUDE = priceOf(
  {
    input_cost_per_token: 3e-6,
    output_cost_per_token: 1.5e-5,
    cache_read_input_token_cost: 3e-7,
    cache_creation_input_token_cost: 3.75e-6,
    cache_creation_input_token_cost_above_1hr: 6e-6,
    search_context_cost_per_query: { search_context_size_low: 0.01, search_context_size_medium: 0.01 },
  },
  'claude-sonnet',
)

const GEMINI = priceOf({
  input_cost_per_token: 1.25e-6,
  input_cost_per_token_above_200k_tokens: 2.5e-6,
  output_cost_per_token: 1e-5,
  output_cost_per_token_above_200k_tokens: 1.5e-5,
  cache_read_input_token_cost: 1.25e-7,
  cache_read_input_token_cost_above_200k_tokens: 2.5e-7,
})

describe('golden invoices', () => {
  const invoices: readonly (readonly [string, ModelPrice, Partial<Usage>, string])[] = [
    [
      'Anthropic: cached prompt, both cache writes, thinking and two searches',
      CLAUDE,
      {
        inputTokens: 1_234,
        cacheReadTokens: 40_000,
        cacheWrite5mTokens: 2_000,
        cacheWrite1hTokens: 500,
        outputTokens: 700,
        reasoningTokens: 300,
        webSearchRequests: 2,
      },
      // 0.003702 + 0.012 + 0.0075 + 0.003 + 0.0105 + 0.0045 + 0.02
      '0.061202',
    ],
    [
      'OpenAI: cached and reasoning tokens',
      priceOf({
        input_cost_per_token: 2e-6,
        output_cost_per_token: 8e-6,
        cache_read_input_token_cost: 5e-7,
      }),
      { inputTokens: 906, cacheReadTokens: 1_024, outputTokens: 111, reasoningTokens: 1_344 },
      // 0.001812 + 0.000512 + 0.000888 + 0.010752
      '0.013964',
    ],
    [
      'OpenAI: audio in and out',
      priceOf({
        input_cost_per_token: 2.5e-6,
        output_cost_per_token: 1e-5,
        input_cost_per_audio_token: 3.2e-5,
        output_cost_per_audio_token: 6.4e-5,
      }),
      { inputTokens: 100, inputAudioTokens: 250, outputTokens: 40, outputAudioTokens: 500 },
      // 0.00025 + 0.008 + 0.0004 + 0.032
      '0.04065',
    ],
    ['Gemini: at the threshold', GEMINI, { inputTokens: 200_000, outputTokens: 1_000 }, '0.26'],
    [
      'Gemini: one cached token above the threshold makes the whole call dearer',
      GEMINI,
      { inputTokens: 200_000, cacheReadTokens: 1, outputTokens: 1_000 },
      // 0.5 + 0.00000025 + 0.015
      '0.51500025',
    ],
    [
      'DeepSeek: prices finer than a picodollar a token, rounded once',
      priceOf({
        input_cost_per_token: '0.000000435',
        output_cost_per_token: 8.7e-7,
        cache_read_input_token_cost: 3.625e-9,
      }),
      { inputTokens: 7, cacheReadTokens: 64, outputTokens: 3 },
      // 0.000003045 + 0.000000232 + 0.00000261
      '0.000005887',
    ],
    [
      'Perplexity: a price per call beside the tokens',
      priceOf({ input_cost_per_token: 1e-6, output_cost_per_token: 1e-6, input_cost_per_request: 0.012 }),
      { inputTokens: 10, outputTokens: 10 },
      '0.01202',
    ],
    [
      'half a picodollar rounds up',
      priceOf({ input_cost_per_token: 1.25e-13, output_cost_per_token: 0 }),
      { inputTokens: 4 },
      '0.000000000001',
    ],
  ]

  it.each(invoices)('%s', (_name, price, usage, dollars) => {
    expect(costOf(price, used(usage), 0)).toBe(parseDollars(dollars))
  })
})

describe('classes without a price of their own', () => {
  const flat = { input_cost_per_token: 2e-6, output_cost_per_token: 8e-6 }
  const each: Usage = used({
    inputAudioTokens: 1_000_000,
    cacheReadTokens: 10_000_000,
    reasoningTokens: 1_000_000,
    outputAudioTokens: 10_000_000,
  })

  it('cost what their direction costs', () => {
    expect(costOf(priceOf(flat), each, 0)).toBe(parseDollars(2 + 20 + 8 + 80))
  })

  it('cost the input price for cache writes, and of Claude models 1.25 and 2 times it', () => {
    const writes = used({ cacheWrite5mTokens: 1_000_000, cacheWrite1hTokens: 100_000_000 })
    expect(costOf(priceOf(flat), writes, 0)).toBe(parseDollars(2 + 200))
    expect(costOf(priceOf(flat, 'anthropic/claude-x'), writes, 0)).toBe(parseDollars(2.5 + 400))
    const withWrite = { ...flat, cache_creation_input_token_cost: 3e-6 }
    expect(costOf(priceOf(withWrite), writes, 0)).toBe(parseDollars(3 + 300))
  })
})

describe('tiers', () => {
  it('of a service are billed where they are priced, and as standard where not', () => {
    const price = priceOf({
      input_cost_per_token: 2e-6,
      output_cost_per_token: 8e-6,
      input_cost_per_token_flex: 1e-6,
      output_cost_per_token_flex: 4e-6,
      input_cost_per_token_batches: 5e-7,
      input_cost_per_token_priority: 4e-6,
      input_cost_per_token_above_200k_tokens: 6e-6,
      input_cost_per_token_above_200k_tokens_priority: 9e-6,
    })
    const cost = (serviceTier: string | undefined, inputTokens: number): bigint =>
      costOf(price, used({ inputTokens, outputTokens: 100_000, serviceTier }), 0)
    expect(cost(undefined, 100_000)).toBe(parseDollars(0.2 + 0.8))
    expect(cost('default', 100_000)).toBe(parseDollars(0.2 + 0.8))
    expect(cost('flex', 100_000)).toBe(parseDollars(0.1 + 0.4))
    expect(cost('batch', 100_000)).toBe(parseDollars('0.85'))
    expect(cost('priority', 100_000)).toBe(parseDollars('1.2'))
    expect(cost('priority', 300_000)).toBe(parseDollars('3.5'))
    expect(cost('flex', 300_000)).toBe(parseDollars('2.2'))
  })

  it('of a tiered_pricing list are chosen by the prompt and price the whole call', () => {
    const price = priceOf({
      tiered_pricing: [
        { range: [0, 32_000], input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 },
        { range: [32_000, 128_000], input_cost_per_token: 2e-6, output_cost_per_token: 5e-6 },
      ],
    })
    expect(costOf(price, used({ inputTokens: 32_000, outputTokens: 1_000 }), 0)).toBe(parseDollars('0.034'))
    expect(costOf(price, used({ inputTokens: 40_000, outputTokens: 1_000 }), 0)).toBe(parseDollars('0.085'))
  })

  it('are chosen from the highest that the prompt exceeds', () => {
    const price = priceOf({
      input_cost_per_token: 1e-6,
      output_cost_per_token: 0,
      input_cost_per_token_above_128k_tokens: 2e-6,
      input_cost_per_token_above_272k_tokens: 4e-6,
    })
    const cost = (inputTokens: number): bigint => costOf(price, used({ inputTokens }), 0)
    expect([cost(128_000), cost(200_000), cost(300_000)]).toEqual(
      ['0.128', '0.4', '1.2'].map((dollars) => parseDollars(dollars)),
    )
  })
})

describe('dated prices', () => {
  const rates = (perToken: bigint): Listing['dated'][0]['standard'] => ({
    base: { input: perToken * 1_000_000n, output: 0n },
    tiers: [],
  })
  const dated = (later: PricePeriod): ModelPrice =>
    completePrice({
      source: 'book',
      key: undefined,
      anthropicModel: false,
      dated: [
        { period: undefined, standard: rates(1n), services: {} },
        { period: later, standard: rates(2n), services: {} },
      ],
    })!
  const one = used({ inputTokens: 1 })
  const day = Date.parse('2026-06-01T00:00:00Z')

  it('change at the very instant of their start', () => {
    const price = dated({ kind: 'since', sinceMs: day })
    expect([costOf(price, one, day - 0.5), costOf(price, one, day)]).toEqual([1n, 2n])
  })

  it('hold between two times of each day, the first included and the last not', () => {
    const price = dated({ kind: 'daily', fromMsOfDay: 3_600_000, untilMsOfDay: 7_200_000 })
    const at = [3_599_999, 3_600_000, 7_199_999, 7_200_000].map((ms) => costOf(price, one, day + ms))
    expect(at).toEqual([1n, 2n, 2n, 1n])
  })

  it('hold across midnight when their day ends before it begins', () => {
    const price = dated({ kind: 'daily', fromMsOfDay: 72_000_000, untilMsOfDay: 3_600_000 })
    const at = [71_999_999, 72_000_000, 86_400_000 + 3_599_999, 3_600_000].map((ms) =>
      costOf(price, one, day + ms),
    )
    expect(at).toEqual([1n, 2n, 2n, 1n])
  })
})

const count = fc.oneof(fc.constant(0), fc.nat({ max: 2_000_000 }))
const usages: fc.Arbitrary<Usage> = fc.record({
  inputTokens: count,
  inputAudioTokens: count,
  cacheReadTokens: count,
  cacheWrite5mTokens: count,
  cacheWrite1hTokens: count,
  outputTokens: count,
  reasoningTokens: count,
  outputAudioTokens: count,
  webSearchRequests: fc.nat({ max: 50 }),
  serviceTier: fc.constantFrom(undefined, 'standard', 'flex', 'priority', 'batch'),
})

const dollars = fc.nat({ max: 10_000_000 }).map((amount) => `${amount}e-12`)
const prices: fc.Arbitrary<ModelPrice> = fc
  .record({
    input_cost_per_token: dollars,
    output_cost_per_token: dollars,
    cache_read_input_token_cost: fc.option(dollars),
    cache_creation_input_token_cost: fc.option(dollars),
    output_cost_per_reasoning_token: fc.option(dollars),
    input_cost_per_token_flex: fc.option(dollars),
    input_cost_per_request: fc.option(dollars),
    search_context_cost_per_query: fc.option(dollars),
  })
  .map((keys) => priceOf(keys))

const COUNTS = Object.keys(NO_USAGE).filter((name) => name !== 'serviceTier')

describe('every cost', () => {
  it('is the sum of its classes, to the picodollar', () => {
    fc.assert(
      fc.property(fc.oneof(prices, fc.constantFrom(CLAUDE, GEMINI)), usages, (price, usage) => {
        const { total, parts } = costBreakdown(price, usage, 0)
        expect(total).toBe(costOf(price, usage, 0))
        expect(RATE_CLASSES.reduce((sum, rateClass) => sum + parts[rateClass], 0n)).toBe(total)
        expect(RATE_CLASSES.every((rateClass) => parts[rateClass] >= 0n)).toBe(true)
      }),
    )
  })

  it('never falls when more of anything is used', () => {
    fc.assert(
      fc.property(
        fc.oneof(prices, fc.constantFrom(CLAUDE, GEMINI)),
        usages,
        fc.constantFrom(...COUNTS),
        fc.nat({ max: 500_000 }),
        (price, usage, name, more) => {
          const grown: Usage = { ...usage, [name]: Number(Reflect.get(usage, name)) + more }
          expect(costOf(price, grown, 0)).toBeGreaterThanOrEqual(costOf(price, usage, 0))
        },
      ),
    )
  })

  it('is nothing for a usage of nothing, also where calls have a price', () => {
    fc.assert(fc.property(prices, (price) => costOf(price, NO_USAGE, 0) === 0n))
  })

  it('is never negative and never throws, whatever a provider counted', () => {
    const odd = fc.constantFrom(-1, -1e300, Number.NaN, 0.5, 1e300, Number.POSITIVE_INFINITY)
    fc.assert(
      fc.property(prices, usages, fc.constantFrom(...COUNTS), odd, (price, usage, name, value) => {
        expect(costOf(price, { ...usage, [name]: value }, 0)).toBeGreaterThanOrEqual(0n)
      }),
    )
  })
})
