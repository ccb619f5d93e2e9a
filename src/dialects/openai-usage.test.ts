/** OpenAI-shaped usage, as different hosts tell it, against classes worked out by hand. */
import fc from 'fast-check'
import { expect, test } from 'vitest'

import { openAiUsage } from './openai-usage.ts'
import { completionTokens, NO_USAGE, promptTokens, type Usage } from './usage.ts'

interface Row {
  readonly what: string
  readonly told: unknown
  readonly tier?: unknown
  readonly classes: Partial<Usage>
}

const ROWS: Row[] = [
  {
    what: 'OpenAI chat, plain',
    told: { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21 },
    classes: { inputTokens: 9, outputTokens: 12 },
  },
  {
    what: 'OpenAI chat, cached and reasoning',
    told: {
      prompt_tokens: 2006,
      completion_tokens: 300,
      total_tokens: 2306,
      prompt_tokens_details: { cached_tokens: 1920, audio_tokens: 0 },
      completion_tokens_details: {
        reasoning_tokens: 192,
        audio_tokens: 0,
        accepted_prediction_tokens: 0,
        rejected_prediction_tokens: 0,
      },
    },
    tier: 'default',
    classes: {
      inputTokens: 86,
      cacheReadTokens: 1920,
      outputTokens: 108,
      reasoningTokens: 192,
      serviceTier: 'standard',
    },
  },
  {
    what: 'OpenAI chat, explicit cache write',
    told: {
      prompt_tokens: 5000,
      completion_tokens: 10,
      total_tokens: 5010,
      prompt_tokens_details: { cached_tokens: 1000, cache_write_tokens: 3000 },
    },
    classes: { inputTokens: 1000, cacheReadTokens: 1000, cacheWrite5mTokens: 3000, outputTokens: 10 },
  },
  {
    what: 'OpenAI chat, audio in and out',
    told: {
      prompt_tokens: 100,
      completion_tokens: 80,
      total_tokens: 180,
      prompt_tokens_details: { cached_tokens: 20, audio_tokens: 30 },
      completion_tokens_details: { reasoning_tokens: 5, audio_tokens: 60 },
    },
    tier: 'flex',
    classes: {
      inputTokens: 50,
      inputAudioTokens: 30,
      cacheReadTokens: 20,
      outputTokens: 15,
      reasoningTokens: 5,
      outputAudioTokens: 60,
      serviceTier: 'flex',
    },
  },
  {
    what: 'cached audio is cached, not audio',
    told: {
      prompt_tokens: 100,
      completion_tokens: 0,
      prompt_tokens_details: {
        cached_tokens: 40,
        audio_tokens: 50,
        cached_tokens_details: { audio_tokens: 30 },
      },
    },
    classes: { inputTokens: 40, inputAudioTokens: 20, cacheReadTokens: 40 },
  },
  {
    what: 'Responses',
    told: {
      input_tokens: 328,
      input_tokens_details: { cached_tokens: 128 },
      output_tokens: 52,
      output_tokens_details: { reasoning_tokens: 20 },
      total_tokens: 380,
    },
    tier: 'priority',
    classes: {
      inputTokens: 200,
      cacheReadTokens: 128,
      outputTokens: 32,
      reasoningTokens: 20,
      serviceTier: 'priority',
    },
  },
  {
    what: 'embeddings',
    told: { prompt_tokens: 8, total_tokens: 8 },
    classes: { inputTokens: 8 },
  },
  {
    what: 'embeddings with a total only',
    told: { total_tokens: 8 },
    classes: { inputTokens: 8 },
  },
  {
    what: 'DeepSeek, cache hit and miss',
    told: {
      prompt_tokens: 1200,
      completion_tokens: 50,
      total_tokens: 1250,
      prompt_cache_hit_tokens: 1152,
      prompt_cache_miss_tokens: 48,
      completion_tokens_details: { reasoning_tokens: 30 },
    },
    classes: { inputTokens: 48, cacheReadTokens: 1152, outputTokens: 20, reasoningTokens: 30 },
  },
  {
    what: 'Mistral',
    told: { prompt_tokens: 500, completion_tokens: 5, total_tokens: 505, num_cached_tokens: 400 },
    classes: { inputTokens: 100, cacheReadTokens: 400, outputTokens: 5 },
  },
  {
    what: 'Mistral, details in the singular',
    told: { prompt_tokens: 500, completion_tokens: 5, prompt_token_details: { cached_tokens: 100 } },
    classes: { inputTokens: 400, cacheReadTokens: 100, outputTokens: 5 },
  },
  {
    what: 'xAI, cached inclusive, reasoning beside the completion',
    told: {
      prompt_tokens: 100,
      completion_tokens: 10,
      total_tokens: 310,
      prompt_tokens_details: { cached_tokens: 60 },
      completion_tokens_details: { reasoning_tokens: 200 },
    },
    classes: { inputTokens: 40, cacheReadTokens: 60, outputTokens: 10, reasoningTokens: 200 },
  },
  {
    what: 'xAI, few reasoning tokens: the total tells that they are beside the completion',
    told: {
      prompt_tokens: 100,
      completion_tokens: 50,
      total_tokens: 170,
      completion_tokens_details: { reasoning_tokens: 20 },
    },
    classes: { inputTokens: 100, outputTokens: 50, reasoningTokens: 20 },
  },
  {
    what: 'xAI, more cached than prompt: the prompt is without it',
    told: {
      prompt_tokens: 5,
      completion_tokens: 10,
      total_tokens: 215,
      prompt_tokens_details: { cached_tokens: 180 },
      completion_tokens_details: { reasoning_tokens: 20 },
    },
    classes: { inputTokens: 5, cacheReadTokens: 180, outputTokens: 10, reasoningTokens: 20 },
  },
  {
    what: 'more written than is left: nothing falls below zero',
    told: {
      prompt_tokens: 100,
      completion_tokens: 5,
      prompt_tokens_details: { cached_tokens: 80, cache_write_tokens: 50 },
      completion_tokens_details: { reasoning_tokens: 3, audio_tokens: 9 },
    },
    classes: {
      inputTokens: 0,
      cacheReadTokens: 80,
      cacheWrite5mTokens: 50,
      outputTokens: 0,
      reasoningTokens: 3,
      outputAudioTokens: 5,
    },
  },
  {
    what: 'zero is told, not missing',
    told: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 },
    classes: {},
  },
  {
    what: 'details that are null',
    told: {
      prompt_tokens: 3,
      completion_tokens: 4,
      prompt_tokens_details: null,
      completion_tokens_details: null,
    },
    tier: 'auto',
    classes: { inputTokens: 3, outputTokens: 4 },
  },
]

test.each(ROWS)('$what', ({ told, tier, classes }) => {
  expect(openAiUsage(told, tier)).toEqual({ ...NO_USAGE, ...classes })
})

test.each([[undefined], [null], ['12'], [[]], [{}], [{ prompt_tokens: 'many' }], [{ prompt_tokens: -1 }]])(
  '%j tells no usage',
  (told) => {
    expect(openAiUsage(told)).toBeUndefined()
  },
)

const count = fc.nat({ max: 1_000_000 })

test('whatever is told, no class is below zero or fractional', () => {
  const odd = fc.oneof(count, fc.constantFrom(null, -5, 1.5, 'x', Number.MAX_VALUE))
  const told = fc.record(
    {
      prompt_tokens: odd,
      completion_tokens: odd,
      total_tokens: odd,
      prompt_tokens_details: fc.record({ cached_tokens: odd, cache_write_tokens: odd, audio_tokens: odd }),
      completion_tokens_details: fc.record({ reasoning_tokens: odd, audio_tokens: odd }),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(told, (usage) => {
      for (const value of Object.values(openAiUsage(usage) ?? {})) {
        expect(value === undefined || (Number.isSafeInteger(value) && Number(value) >= 0)).toBe(true)
      }
    }),
  )
})

test('the classes of a consistent inclusive usage add up to the figures told', () => {
  const parts = fc.record({ text: count, cached: count, written: count, answer: count, reasoning: count })
  fc.assert(
    fc.property(parts, ({ text, cached, written, answer, reasoning }) => {
      const prompt = text + cached + written
      const completion = answer + reasoning
      const usage = openAiUsage({
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: prompt + completion,
        prompt_tokens_details: { cached_tokens: cached, cache_write_tokens: written },
        completion_tokens_details: { reasoning_tokens: reasoning },
      })
      expect(promptTokens(usage!)).toBe(prompt)
      expect(completionTokens(usage!)).toBe(completion)
    }),
  )
})
