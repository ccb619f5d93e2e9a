/** Guarantees of the operator's cost map: it is taken whole or not at all, and never quietly lost. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayError } from '../../errors/gateway-error.ts'
import { NO_USAGE } from '../../dialects/usage.ts'
import { parseDollars } from '../../money/picodollars.ts'
import { costOf } from './cost-of.ts'
import { modelFacts } from './model-facts.ts'
import type { ModelPrice } from './model-price.ts'
import { loadPriceBook } from './price-book.ts'
import type { PriceBook } from './price-book.ts'
import { resolvePrice } from './price-of.ts'
import { NO_OVERRIDES, readPriceOverrides } from './price-overrides.ts'

const NOW = Date.parse('2026-11-01T12:00:00Z')
const clock = (): number => NOW

const GOOD_MAP = {
  sample_spec: { max_tokens: 'how many', input_cost_per_token: 0 },
  'gpt-5.5': {
    litellm_provider: 'openai',
    mode: 'chat',
    input_cost_per_token: 7e-6,
    output_cost_per_token: 7e-5,
    max_tokens: 128_000,
    max_output_tokens: 128_000,
    supports_vision: true,
  },
  'azure/gpt-5.5': { litellm_provider: 'azure', input_cost_per_token: 8e-6, output_cost_per_token: 8e-5 },
  'acme/rocket-1': { litellm_provider: 'acme', input_cost_per_token: 1e-6, output_cost_per_token: 1e-6 },
  'claude-sonnet-4-6': { litellm_provider: 'anthropic', max_output_tokens: 64_000, supports_reasoning: true },
}
const GOOD_TEXT = JSON.stringify(GOOD_MAP)

function inputPrice(price: ModelPrice | undefined): bigint {
  return costOf(price!, { ...NO_USAGE, inputTokens: 1_000_000 }, NOW)
}

function find(book: PriceBook, provider: string, upstreamModel: string): ModelPrice | undefined {
  return resolvePrice(book, { provider, upstreamModel, overrides: NO_OVERRIDES })
}

async function reasonOf(refused: Promise<unknown>): Promise<string> {
  const error: unknown = await refused.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(GatewayError)
  expect((error as GatewayError).code).toBe('price_map_invalid')
  return (error as GatewayError).message
}

let directory: string

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'price-book-'))
})

afterAll(async () => {
  await rm(directory, { recursive: true, force: true })
})

describe('a cost map', () => {
  it('from a file goes over the bundled prices, model by model and provider by provider', async () => {
    const file = join(directory, 'good.json')
    await writeFile(file, GOOD_TEXT)
    const book = await loadPriceBook({ overlay: { file }, clock })
    expect(inputPrice(find(book, 'openai', 'gpt-5-5'))).toBe(parseDollars(7))
    expect(inputPrice(find(book, 'openai', 'gpt-5.5-2026-01-01'))).toBe(parseDollars(7))
    expect(inputPrice(find(book, 'azure', 'gpt-5.5'))).toBe(parseDollars(8))
    expect(inputPrice(find(book, 'acme', 'rocket-1'))).toBe(parseDollars(1))
    expect(find(book, 'hosted_vllm', 'gpt-5.5')).toBeUndefined()
    expect(find(book, 'openai', 'gpt-5.5')?.source).toBe('cost_map')
    expect(inputPrice(find(book, 'openai', 'gpt-4.1'))).toBe(parseDollars(2))
    expect(book.overlay).toMatchObject({ name: file, loadedAtMs: NOW })
  })

  it('is under the prices of a deployment', async () => {
    const book = await loadPriceBook({ overlay: { text: GOOD_TEXT, name: 'map' }, clock })
    const overrides = readPriceOverrides({ input_cost_per_token: 1e-6 }, {})
    const price = resolvePrice(book, { provider: 'openai', upstreamModel: 'gpt-5.5', overrides })
    expect(inputPrice(price)).toBe(parseDollars(1))
    expect(costOf(price!, { ...NO_USAGE, outputTokens: 1_000 }, NOW)).toBe(parseDollars('0.07'))
  })

  it('is found by base_model', async () => {
    const book = await loadPriceBook({ overlay: { text: GOOD_TEXT, name: 'map' }, clock })
    const ours = { provider: 'azure', upstreamModel: 'ours', overrides: NO_OVERRIDES }
    expect(inputPrice(resolvePrice(book, { ...ours, baseModel: 'gpt-5.5' }))).toBe(parseDollars(7))
    expect(inputPrice(resolvePrice(book, { ...ours, baseModel: 'azure/gpt-5.5' }))).toBe(parseDollars(8))
    expect(inputPrice(resolvePrice(book, { ...ours, baseModel: 'acme/rocket-1' }))).toBe(parseDollars(1))
  })

  it('may state facts and leave the price to the book', async () => {
    const book = await loadPriceBook({ overlay: { text: GOOD_TEXT, name: 'map' }, clock })
    const model = { provider: 'anthropic', upstreamModel: 'claude-sonnet-4-6', overrides: NO_OVERRIDES }
    expect(modelFacts(book, model)).toMatchObject({
      input_cost_per_token: 3e-6,
      max_input_tokens: 1_000_000,
      max_output_tokens: 64_000,
      supports_reasoning: true,
    })
    expect(find(book, 'anthropic', 'claude-sonnet-4-6')?.source).toBe('book')
  })

  it('may price what Sluice does not count, and hold fields that it does not know', async () => {
    const odd = {
      'exa/search': { tiered_pricing: [{ input_cost_per_query: 0.005, max_results_range: [0, 25] }] },
      'image-1': { output_cost_per_image: 0.04, search_context_cost_per_query: {}, new_field: { a: [1] } },
      'free-1': { input_cost_per_token: null, mode: null, litellm_provider: null },
    }
    const text = JSON.stringify({ ...GOOD_MAP, ...odd })
    const book = await loadPriceBook({ overlay: { text, name: 'odd' }, clock })
    expect(inputPrice(find(book, 'openai', 'gpt-5.5'))).toBe(parseDollars(7))
    for (const name of ['search', 'image-1', 'free-1']) expect(find(book, 'exa', name)).toBeUndefined()
  })

  it.each([
    ['one extra brace', GOOD_TEXT.replace('"acme', '{"acme'), 'not JSON'],
    ['no text', '', 'not JSON'],
    ['a page of HTML', '<!doctype html><title>429</title>', 'not JSON'],
    ['a list', '[]', 'expected record'],
    ['no model', '{}', 'no entry has a price'],
    ['no price', '{"gpt-4o":{"mode":"chat"}}', 'no entry has a price'],
    ['a negative price', mapWith({ input_cost_per_token: -1 }), 'bad-model.input_cost_per_token'],
    ['a price in words', mapWith({ output_cost_per_token: 'cheap' }), 'bad-model.output_cost_per_token'],
    [
      'an infinite price',
      mapWith({}).replace('"bad-model":{', '"bad-model":{"input_cost_per_token":1e999,'),
      'bad-model.input',
    ],
    [
      'a tier without a range',
      mapWith({ tiered_pricing: [{ input_cost_per_token: 1 }] }),
      'bad-model.tiered_pricing',
    ],
    ['an entry that is no object', JSON.stringify({ ...GOOD_MAP, 'bad-model': 7 }), 'bad-model'],
  ])('with %s is refused with the reason, and the one in force stays', async (_what, text, reason) => {
    const book = await loadPriceBook({ overlay: { text: GOOD_TEXT, name: 'good' }, clock })
    const message = await reasonOf(book.replaceOverlay({ text, name: 'broken.json' }))
    expect(message).toContain('broken.json')
    expect(message).toContain(reason)
    expect(inputPrice(find(book, 'openai', 'gpt-5.5'))).toBe(parseDollars(7))
    expect(book.overlay?.name).toBe('good')
    expect(book.generation).toBe(1)
  })

  it('that cannot be read or is broken at the start is an error, not a start without it', async () => {
    const missing = join(directory, 'missing.json')
    expect(await reasonOf(loadPriceBook({ overlay: { file: missing }, clock }))).toContain('missing.json')
    const broken = { text: `{${GOOD_TEXT}`, name: 'map' }
    expect(await reasonOf(loadPriceBook({ overlay: broken, clock }))).toContain('not JSON')
  })

  it('is replaced by a newer one, and prices resolved before can be told from those after', async () => {
    const book = await loadPriceBook({ overlay: { text: GOOD_TEXT, name: 'old' }, clock })
    const before = find(book, 'openai', 'gpt-5.5')
    const newer = { 'gpt-5.5': { ...GOOD_MAP['gpt-5.5'], input_cost_per_token: '9e-6' } }
    await book.replaceOverlay({ text: JSON.stringify(newer), name: 'new' })
    expect(book.generation).toBe(2)
    expect(inputPrice(before)).toBe(parseDollars(7))
    expect(inputPrice(find(book, 'openai', 'gpt-5.5'))).toBe(parseDollars(9))
  })
})

function mapWith(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ ...GOOD_MAP, 'bad-model': { mode: 'chat', ...fields } })
}
