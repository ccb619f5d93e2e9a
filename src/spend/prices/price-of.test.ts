/** Guarantees of finding a price: names as users write them, and which source wins. */
import { beforeAll, describe, expect, it } from 'vitest'
import { NO_USAGE } from '../../dialects/usage.ts'
import { parseDollars } from '../../money/picodollars.ts'
import { costOf } from './cost-of.ts'
import { modelFacts } from './model-facts.ts'
import { isZeroCost } from './model-price.ts'
import type { ModelPrice } from './model-price.ts'
import { loadPriceBook } from './price-book.ts'
import type { PriceBook } from './price-book.ts'
import { resolvePrice } from './price-of.ts'
import { NO_OVERRIDES, readPriceOverrides } from './price-overrides.ts'

const NOW = Date.parse('2026-11-01T12:00:00Z')

let book: PriceBook

beforeAll(async () => {
  book = await loadPriceBook({ clock: () => NOW })
})

function find(provider: string, upstreamModel: string, baseModel?: string): ModelPrice | undefined {
  return resolvePrice(book, { provider, upstreamModel, baseModel, overrides: NO_OVERRIDES })
}

function overridden(
  provider: string,
  upstreamModel: string,
  modelInfo: Readonly<Record<string, unknown>>,
  litellmParams: Readonly<Record<string, unknown>> = {},
): ModelPrice | undefined {
  const overrides = readPriceOverrides(modelInfo, litellmParams)
  expect(overrides.errors).toEqual([])
  return resolvePrice(book, { provider, upstreamModel, overrides })
}

function perMillion(price: ModelPrice | undefined, name: keyof typeof NO_USAGE, tokens = 1_000_000): bigint {
  return costOf(price!, { ...NO_USAGE, [name]: tokens }, NOW)
}

describe('a model is found', () => {
  it.each([
    ['openai', 'gpt-5.5', 'openai/gpt-5.5'],
    ['openai', 'gpt-5-5', 'openai/gpt-5.5'],
    ['openai', 'openai/gpt-5-5', 'openai/gpt-5.5'],
    ['openai', 'GPT-5.5', 'openai/gpt-5.5'],
    ['openai', 'gpt-5.5-2026-01-01', 'openai/gpt-5.5'],
    ['openai', 'gpt-5-5-20260101', 'openai/gpt-5.5'],
    ['openai', 'gpt-4-1-mini', 'openai/gpt-4.1-mini'],
    ['openai', 'gpt-4o-2024-05-13', 'openai/gpt-4o-2024-05-13'],
    ['openai', 'gpt-4o-20240513', 'openai/gpt-4o-2024-05-13'],
    ['anthropic', 'claude-sonnet-4-6', 'anthropic/claude-sonnet-4-6'],
    ['anthropic', 'claude-sonnet-4-6-20260101', 'anthropic/claude-sonnet-4-6'],
    ['anthropic', 'claude-sonnet-4.6', 'anthropic/claude-sonnet-4-6'],
    ['anthropic', 'anthropic/claude-opus-5@20260901', 'anthropic/claude-opus-5'],
    ['bedrock', 'us.anthropic.claude-sonnet-4-6', 'aws/regional.anthropic.claude-sonnet-4-6-v1:0'],
    ['bedrock', 'ca.anthropic.claude-sonnet-4-6-v1:0', 'aws/regional.anthropic.claude-sonnet-4-6-v1:0'],
    ['bedrock', 'us-east-1/anthropic.claude-sonnet-4-6', 'aws/regional.anthropic.claude-sonnet-4-6-v1:0'],
    ['bedrock_converse', 'global.anthropic.claude-sonnet-4-6', 'aws/global.anthropic.claude-sonnet-4-6-v1:0'],
    ['vertex_ai', 'claude-sonnet-4-5@20250929', 'google/claude-sonnet-4-5'],
    ['vertex_ai', 'publishers/google/models/gemini-2.5-pro', 'google/gemini-2.5-pro'],
    ['gemini', 'gemini/gemini-2.5-pro', 'google/gemini-2.5-pro'],
    ['azure', 'gpt-4o-2024-11-20', 'openai/gpt-4o'],
    ['openrouter', 'anthropic/claude-sonnet-4.5', 'openrouter/anthropic/claude-sonnet-4.5'],
    ['xai', 'grok-4.5', 'x-ai/grok-4.5'],
  ])('%s %s as %s', (provider, upstreamModel, key) => {
    expect(find(provider, upstreamModel)?.key).toBe(key)
  })

  it.each([
    ['openai', 'a-model-of-tomorrow'],
    ['azure', 'our-deployment'],
    ['hosted_vllm', 'gpt-4o'],
    ['sim', 'claude-sonnet-4-6'],
    ['no-such-provider', 'gpt-4o'],
  ])('not where no source prices it: %s %s', (provider, upstreamModel) => {
    expect(find(provider, upstreamModel)).toBeUndefined()
  })

  it('by its base model, whatever the deployment is called', () => {
    expect(find('azure', 'our-deployment', 'azure/gpt-4o')?.key).toBe('openai/gpt-4o')
    expect(find('azure', 'our-deployment', 'gpt-4.1')?.key).toBe('openai/gpt-4.1')
    expect(find('hosted_vllm', 'ours', 'claude-sonnet-4-6')?.key).toBe('anthropic/claude-sonnet-4-6')
    expect(find('openai', 'gpt-4.1', 'no-such-model')?.key).toBe('openai/gpt-4.1')
  })
})

describe("a deployment's own prices", () => {
  it('price a model that no source knows, from model_info or litellm_params', () => {
    const keys = { input_cost_per_token: 0.000001, output_cost_per_token: '2e-6' }
    for (const price of [overridden('sim', 'any', keys), overridden('sim', 'any', {}, keys)]) {
      expect(perMillion(price, 'inputTokens')).toBe(parseDollars(1))
      expect(perMillion(price, 'outputTokens')).toBe(parseDollars(2))
      expect(price?.source).toBe('override')
    }
  })

  it('are taken from litellm_params where both maps state one', () => {
    const price = overridden('sim', 'any', { input_cost_per_token: 1e-6 }, { input_cost_per_token: 3e-6 })
    expect(perMillion(price, 'inputTokens')).toBe(parseDollars(3))
    const unset = overridden('sim', 'any', { input_cost_per_token: 1e-6 }, { input_cost_per_token: null })
    expect(perMillion(unset, 'inputTokens')).toBe(parseDollars(1))
  })

  it('hold for every prompt length, and leave the other direction as listed', () => {
    const price = overridden('openai', 'gpt-5.5', { input_cost_per_token: 1e-6 })
    expect(perMillion(price, 'inputTokens', 100_000)).toBe(parseDollars('0.1'))
    expect(perMillion(price, 'inputTokens', 500_000)).toBe(parseDollars('0.5'))
    expect(perMillion(price, 'outputTokens', 100_000)).toBe(parseDollars(3))
  })

  it('keep cached tokens in proportion unless they are set too', () => {
    const discounted = { input_cost_per_token: 1.5e-6, output_cost_per_token: 7.5e-6 }
    const price = overridden('anthropic', 'claude-sonnet-4-6', discounted)
    expect(perMillion(price, 'cacheReadTokens')).toBe(parseDollars('0.15'))
    expect(perMillion(price, 'cacheWrite1hTokens')).toBe(parseDollars(3))
    const explicit = overridden('anthropic', 'claude-sonnet-4-6', {
      ...discounted,
      cache_read_input_token_cost: 1e-6,
    })
    expect(perMillion(explicit, 'cacheReadTokens')).toBe(parseDollars(1))
  })

  it('add a tier or a class to what is listed', () => {
    const price = overridden('openai', 'gpt-4.1', {
      input_cost_per_token_above_128k_tokens: 9e-6,
      input_cost_per_token_flex: 1e-6,
    })
    expect(perMillion(price, 'inputTokens', 100_000)).toBe(parseDollars('0.2'))
    expect(perMillion(price, 'inputTokens', 200_000)).toBe(parseDollars('1.8'))
    expect(costOf(price!, { ...NO_USAGE, inputTokens: 100_000, serviceTier: 'flex' }, NOW)).toBe(
      parseDollars('0.1'),
    )
  })

  it('that are no prices are errors that name the key and what was found', () => {
    const { errors, listed } = readPriceOverrides(
      { input_cost_per_token: -1, tiered_pricing: 'steep' },
      { output_cost_per_token: 'cheap', cache_read_input_token_cost: true },
    )
    expect(errors).toEqual([
      'input_cost_per_token: expected a price in dollars, 0 or more, found -1',
      'tiered_pricing: expected a list of tiers, found "steep"',
      'output_cost_per_token: expected a price in dollars, 0 or more, found "cheap"',
      'cache_read_input_token_cost: expected a price in dollars, 0 or more, found true',
    ])
    expect(listed).toBeUndefined()
  })

  it('that Sluice does not bill by, or that cover one direction only, are warned of', () => {
    const warningsOf = (modelInfo: Readonly<Record<string, unknown>>): readonly string[] =>
      readPriceOverrides(modelInfo, {}).warnings
    expect(warningsOf({ input_cost_per_second: 0.1 })[0]).toContain('input_cost_per_second')
    expect(warningsOf({ input_cost_per_token: 1e-6 })[0]).toContain('output_cost_per_token')
    expect(warningsOf({ input_cost_per_token: 1e-6, mode: 'embedding' })).toEqual([])
    expect(
      warningsOf({ input_cost_per_token: 1e-6, output_cost_per_token: 0, input_cost_per_pixel: 0 }),
    ).toEqual([])
  })
})

describe('a zero-cost model', () => {
  it('is one whose input and output are both explicitly 0', () => {
    const zero = { input_cost_per_token: 0, output_cost_per_token: 0 }
    expect(isZeroCost(overridden('sim', 'any', zero))).toBe(true)
    expect(isZeroCost(overridden('sim', 'any', { input_cost_per_token: 0 }))).toBe(false)
    expect(isZeroCost(undefined)).toBe(false)
    expect(isZeroCost(find('openai', 'gpt-5.5'))).toBe(false)
  })

  it('costs nothing at all, whatever the price book lists for the model', () => {
    const price = overridden('openai', 'gpt-5.5', { input_cost_per_token: 0, output_cost_per_token: 0 })
    const everything = {
      ...NO_USAGE,
      inputTokens: 9e5,
      cacheReadTokens: 9,
      outputTokens: 9,
      webSearchRequests: 9,
    }
    expect(costOf(price!, everything, NOW)).toBe(0n)
    expect(isZeroCost(price)).toBe(true)
  })

  it('is not one that has another price beside', () => {
    const keys = { input_cost_per_token: 0, output_cost_per_token: 0, input_cost_per_request: 0.01 }
    expect(isZeroCost(overridden('sim', 'any', keys))).toBe(false)
  })
})

describe('model facts', () => {
  it("show prices and limits under LiteLLM's names", () => {
    const facts = modelFacts(book, { provider: 'openai', upstreamModel: 'gpt-5-5', overrides: NO_OVERRIDES })
    expect(facts).toMatchObject({
      key: 'openai/gpt-5.5',
      litellm_provider: 'openai',
      mode: 'chat',
      max_input_tokens: 1_000_000,
      max_output_tokens: null,
      input_cost_per_token: 5e-6,
      output_cost_per_token: 3e-5,
      cache_read_input_token_cost: 5e-7,
      input_cost_per_token_above_272k_tokens: 1e-5,
      search_context_cost_per_query: { search_context_size_medium: 0.01 },
      supports_prompt_caching: true,
    })
  })

  it('show the deployment its own prices, and null for what is not known', () => {
    const overrides = readPriceOverrides({ input_cost_per_token: 1e-6, output_cost_per_token_flex: 1e-7 }, {})
    expect(modelFacts(book, { provider: 'sim', upstreamModel: 'any', overrides })).toEqual({
      key: null,
      max_tokens: null,
      max_input_tokens: null,
      max_output_tokens: null,
      input_cost_per_token: 1e-6,
      output_cost_per_token: null,
      output_cost_per_token_flex: 1e-7,
      cache_creation_input_token_cost: null,
      cache_read_input_token_cost: null,
      litellm_provider: 'sim',
      mode: null,
    })
  })

  it('name an embedding model one', () => {
    const model = { provider: 'openai', upstreamModel: 'text-embedding-3-small', overrides: NO_OVERRIDES }
    expect(modelFacts(book, model)['mode']).toBe('embedding')
  })
})

describe('a call that its provider served in another way', () => {
  const usage = { ...NO_USAGE, inputTokens: 1_000, cacheReadTokens: 1_000, outputTokens: 100 }
  const costIn = (price: ModelPrice | undefined, serviceTier: string | undefined): bigint =>
    costOf(price!, { ...usage, serviceTier }, NOW)

  it.each([
    ['claude-opus-4-6', 6],
    ['claude-opus-4.7', 6],
    ['claude-opus-4-6-20260205', 6],
    ['claude-opus-5', 2],
  ])('costs Anthropic’s multiple in fast mode: %s, %d times', (model, times) => {
    const price = find('anthropic', model)
    expect(costIn(price, 'fast')).toBe(BigInt(times) * costIn(price, 'standard'))
  })

  it('costs a tenth more within the United States, in every tier', () => {
    const price = find('anthropic', 'claude-opus-5')
    for (const tier of ['standard', 'fast'])
      expect(costIn(price, `${tier}-us`) * 10n).toBe(costIn(price, tier) * 11n)
    expect(costIn(price, 'priority-us')).toBe(costIn(price, 'standard-us'))
  })

  it('costs the same for its searches', () => {
    const price = find('anthropic', 'claude-opus-5')
    const search = { ...NO_USAGE, webSearchRequests: 1 }
    expect(costOf(price!, { ...search, serviceTier: 'fast-us' }, NOW)).toBe(costOf(price!, search, NOW))
  })

  it('has one price in fast mode, however long its prompt is', () => {
    const price = overridden('anthropic', 'claude-opus-5', {
      input_cost_per_token: 0.000001,
      input_cost_per_token_above_200k_tokens: 0.000002,
      output_cost_per_token: 0.000004,
    })
    const long = { ...NO_USAGE, inputTokens: 300_000 }
    expect(costOf(price!, long, NOW)).toBe(parseDollars('0.6'))
    expect(costOf(price!, { ...long, serviceTier: 'fast' }, NOW)).toBe(parseDollars('0.6'))
    expect(costOf(price!, { ...long, serviceTier: 'standard-us' }, NOW)).toBe(parseDollars('0.66'))
  })

  it('costs the multiple that its deployment names beside its prices', () => {
    const price = overridden('anthropic', 'claude-opus-5', {
      input_cost_per_token: 0.000001,
      output_cost_per_token: 0.000004,
      provider_specific_entry: { fast: 2.5, us: 1.25 },
    })
    expect(costIn(price, 'fast') * 2n).toBe(costIn(price, undefined) * 5n)
    expect(costIn(price, 'standard-us') * 4n).toBe(costIn(price, undefined) * 5n)
  })

  it('costs its provider’s multiple where its deployment names another one alone', () => {
    const price = overridden('anthropic', 'claude-opus-5', {
      input_cost_per_token: 0.000001,
      output_cost_per_token: 0.000004,
      provider_specific_entry: { fast: 2.5 },
    })
    expect(costIn(price, 'fast') * 2n).toBe(costIn(price, undefined) * 5n)
    expect(costIn(price, 'standard-us') * 10n).toBe(costIn(price, undefined) * 11n)
  })

  it.each(['constructor', '__proto__', 'turbo', 'fast-eu', ''])(
    'costs the standard price in the tier %j',
    (tier) => {
      const price = find('anthropic', 'claude-opus-5')
      expect(costIn(price, tier)).toBe(costIn(price, undefined))
    },
  )

  it('costs the standard price where its provider has no such multiples', () => {
    const price = find('openai', 'gpt-5.5')
    for (const tier of ['fast', 'standard-us']) expect(costIn(price, tier)).toBe(costIn(price, undefined))
  })
})
