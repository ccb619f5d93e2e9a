/** Guarantees of the bundled prices: each model of the package costs what the package itself says it costs. */
import { calcPrice, waitForUpdate } from '@pydantic/genai-prices'
import type { Provider } from '@pydantic/genai-prices'
import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { completionTokens, NO_USAGE, promptTokens } from '../../dialects/usage.ts'
import type { Usage } from '../../dialects/usage.ts'
import { parseDollars, toDollars } from '../../money/picodollars.ts'
import { costOf } from './cost-of.ts'
import { loadPriceBook } from './price-book.ts'
import type { PriceBook } from './price-book.ts'
import { resolvePrice } from './price-of.ts'
import { NO_OVERRIDES } from './price-overrides.ts'

let book: PriceBook
let models: { readonly provider: Provider; readonly id: string; readonly keys: ReadonlySet<string> }[]

beforeAll(async () => {
  book = await loadPriceBook({ clock: () => Date.parse('2026-11-01T00:00:00Z') })
  models = ((await waitForUpdate()) ?? []).flatMap((provider) =>
    provider.models.map(({ id, prices }) => {
      const listed = Array.isArray(prices) ? prices.map((entry) => entry.prices) : [prices]
      return { provider, id, keys: new Set(listed.flatMap((price) => Object.keys(price))) }
    }),
  )
})

const count = fc.oneof(fc.constant(0), fc.nat({ max: 100_000 }))

const usages = fc.record({
  inputTokens: fc.oneof(count, fc.nat({ max: 600_000 })),
  inputAudioTokens: count,
  cacheReadTokens: count,
  cacheWrite5mTokens: count,
  cacheWrite1hTokens: count,
  outputTokens: fc.nat({ max: 100_000 }).map((tokens) => tokens + 1),
  reasoningTokens: count,
  outputAudioTokens: count,
  webSearchRequests: fc.nat({ max: 5 }),
})

/** Only classes that the package prices: for the others the two have different rules. */
function pricedOnly(usage: Omit<Usage, 'serviceTier'>, keys: ReadonlySet<string>): Usage {
  return {
    ...NO_USAGE,
    ...usage,
    cacheWrite5mTokens: keys.has('cache_write_mtok') ? usage.cacheWrite5mTokens : 0,
    cacheWrite1hTokens: keys.has('cache_write_1h_mtok') ? usage.cacheWrite1hTokens : 0,
  }
}

function packagePrice(usage: Usage, id: string, provider: Provider, atMs: number): number | undefined {
  const { cacheWrite5mTokens, cacheWrite1hTokens } = usage
  const counts = {
    input_tokens: promptTokens(usage),
    input_audio_tokens: usage.inputAudioTokens,
    cache_read_tokens: usage.cacheReadTokens,
    cache_audio_read_tokens: 0,
    cache_audio_write_tokens: 0,
    cache_write_tokens: cacheWrite5mTokens + cacheWrite1hTokens,
    cache_write_1h_tokens: cacheWrite1hTokens,
    output_tokens: completionTokens(usage),
    output_reasoning_tokens: usage.reasoningTokens,
    output_audio_tokens: usage.outputAudioTokens,
    web_searches: usage.webSearchRequests,
  }
  const calculation = calcPrice(counts, id, { providerId: provider.id, timestamp: new Date(atMs) })
  return calculation?.model.id === id ? calculation.total_price : undefined
}

describe('the bundled prices', () => {
  it('cost the same as the package calculates, for every model, within rounding', () => {
    const instants = fc.date({
      min: new Date('2025-01-01'),
      max: new Date('2027-12-31'),
      noInvalidDate: true,
    })
    let compared = 0
    for (const { provider, id, keys } of models) {
      const price = resolvePrice(book, { provider: provider.id, upstreamModel: id, overrides: NO_OVERRIDES })
      if (price?.key !== `${provider.id}/${id}`) continue
      fc.assert(
        fc.property(usages, instants, (counts, instant) => {
          const usage = pricedOnly(counts, keys)
          const expected = packagePrice(usage, id, provider, instant.getTime())
          if (expected === undefined) return
          compared += 1
          const actual = toDollars(costOf(price, usage, instant.getTime()))
          expect(Math.abs(actual - expected), `${provider.id}/${id}`).toBeLessThan(1e-9 * expected + 2e-12)
        }),
        { numRuns: 8 },
      )
    }
    expect(compared).toBeGreaterThan(8_000)
  })

  it('price a call by the time at which it was made', () => {
    const price = resolvePrice(book, {
      provider: 'deepseek',
      upstreamModel: 'deepseek-chat',
      overrides: NO_OVERRIDES,
    })!
    const usage: Usage = { ...NO_USAGE, inputTokens: 1_000_000, outputTokens: 1_000_000 }
    expect(costOf(price, usage, Date.parse('2025-03-01T12:00:00Z'))).toBe(parseDollars('1.37'))
    expect(costOf(price, usage, Date.parse('2025-03-01T20:00:00Z'))).toBe(parseDollars('0.685'))
  })

  it('price long prompts by the tier that held on that day', () => {
    const price = resolvePrice(book, {
      provider: 'anthropic',
      upstreamModel: 'claude-sonnet-4-6',
      overrides: NO_OVERRIDES,
    })!
    const usage: Usage = { ...NO_USAGE, inputTokens: 200_001 }
    expect(costOf(price, usage, Date.parse('2026-03-12T23:59:59Z'))).toBe(parseDollars('1.200006'))
    expect(costOf(price, usage, Date.parse('2026-03-13T00:00:00Z'))).toBe(parseDollars('0.600003'))
  })

  it('leave a model without any token price unpriced, and not free', () => {
    for (const upstreamModel of ['whisper-1', 'omni-moderation-latest']) {
      expect(
        resolvePrice(book, { provider: 'openai', upstreamModel, overrides: NO_OVERRIDES }),
      ).toBeUndefined()
    }
  })
})
