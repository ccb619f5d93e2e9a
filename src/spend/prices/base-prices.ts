/**
 * The bundled price book: the data of the package @pydantic/genai-prices, read once. Its prices are per million tokens
 * (`_mtok`) or per thousand requests (`_kcount`), may be tiered by the prompt's length (the tier prices the whole call
 * when the prompt is longer than `start`) and dated (the last entry whose constraint holds).
 */
import type { ConditionalPrice, MatchLogic, ModelInfo, ModelPrice, Provider } from '@pydantic/genai-prices'
import { parseDecimal } from '../../money/picodollars.ts'
import type { PricePeriod, RateClass } from './model-price.ts'
import type { DatedListing, ListedRates, ListedSchedule, ListedTier } from './price-listing.ts'

/** Per price key of the package: the class, and the decimal places that make picodollars per million units of it. */
const PRICE_KEYS: ReadonlyMap<string, { readonly rateClass: RateClass; readonly places: number }> = new Map([
  ['input_mtok', { rateClass: 'input', places: 12 }],
  ['input_audio_mtok', { rateClass: 'inputAudio', places: 12 }],
  ['cache_read_mtok', { rateClass: 'cacheRead', places: 12 }],
  ['cache_write_mtok', { rateClass: 'cacheWrite5m', places: 12 }],
  ['cache_write_1h_mtok', { rateClass: 'cacheWrite1h', places: 12 }],
  ['output_mtok', { rateClass: 'output', places: 12 }],
  ['output_reasoning_mtok', { rateClass: 'reasoning', places: 12 }],
  ['output_audio_mtok', { rateClass: 'outputAudio', places: 12 }],
  ['web_searches_kcount', { rateClass: 'webSearch', places: 15 }],
  ['requests_kcount', { rateClass: 'request', places: 15 }],
])

export interface BaseEntry {
  readonly seller: string
  readonly id: string
  readonly contextWindow: number | undefined
  readonly dated: readonly [DatedListing, ...DatedListing[]]
}

export class BasePrices {
  readonly #providers: ReadonlyMap<string, Provider>

  constructor(providers: readonly Provider[]) {
    this.#providers = new Map(providers.map((provider) => [provider.id, provider]))
  }

  /** The entry of the first name that the seller's list knows; some sellers resell models of others at their price. */
  find(seller: string, names: readonly string[]): BaseEntry | undefined {
    for (const name of names) {
      const entry = this.#findName(seller, name)
      if (entry !== undefined) return entry
    }
    return undefined
  }

  #findName(seller: string, name: string): BaseEntry | undefined {
    const provider = this.#providers.get(seller)
    const model = provider?.models.find((candidate) => matches(candidate.match, name))
    if (model !== undefined) return toEntry(seller, model)
    for (const other of provider?.fallback_model_providers ?? []) {
      const entry = this.#findName(other, name)
      if (entry !== undefined) return entry
    }
    return undefined
  }

  /** The seller that a bare model name belongs to, e.g. `openai` for `gpt-4o`. */
  sellerOfModel(name: string): string | undefined {
    for (const [id, provider] of this.#providers) {
      if (provider.model_match !== undefined && matches(provider.model_match, name)) return id
    }
    return undefined
  }

  knows(seller: string): boolean {
    return this.#providers.has(seller)
  }
}

/** Reads the package. It is imported here and not at the top, for it costs 50 ms that a command line may not need. */
export async function loadBasePrices(): Promise<BasePrices> {
  const { waitForUpdate } = await import('@pydantic/genai-prices')
  // Without an updater set, this is the data of the package itself; nothing is fetched.
  const providers = await waitForUpdate()
  return new BasePrices(providers ?? [])
}

function matches(rule: MatchLogic, name: string): boolean {
  if ('or' in rule) return rule.or.some((part) => matches(part, name))
  if ('and' in rule) return rule.and.every((part) => matches(part, name))
  if ('equals' in rule) return name === rule.equals.toLowerCase()
  if ('starts_with' in rule) return name.startsWith(rule.starts_with.toLowerCase())
  if ('ends_with' in rule) return name.endsWith(rule.ends_with.toLowerCase())
  if ('contains' in rule) return name.includes(rule.contains.toLowerCase())
  return new RegExp(rule.regex).test(name)
}

function toEntry(seller: string, model: ModelInfo): BaseEntry {
  const [first, ...rest] = Array.isArray(model.prices) ? model.prices : [{ prices: model.prices }]
  const dated = (entry: ConditionalPrice): DatedListing => ({
    period: toPeriod(entry.constraint),
    standard: toSchedule(entry.prices),
    services: {},
  })
  return {
    seller,
    id: model.id,
    contextWindow: model.context_window,
    dated: [dated(first ?? { prices: {} }), ...rest.map(dated)],
  }
}

function toPeriod(constraint: ConditionalPrice['constraint']): PricePeriod | undefined {
  if (constraint === undefined) return undefined
  if (constraint.type === 'start_date') return { kind: 'since', sinceMs: Date.parse(constraint.start_date) }
  return {
    kind: 'daily',
    fromMsOfDay: msOfDay(constraint.start_time),
    untilMsOfDay: msOfDay(constraint.end_time),
  }
}

function msOfDay(time: string): number {
  return Date.parse(`1970-01-02T${time}`) % 86_400_000
}

function toSchedule(prices: ModelPrice): ListedSchedule {
  const base: Partial<Record<RateClass, bigint>> = {}
  const tiers = new Map<number, Partial<Record<RateClass, bigint>>>()
  for (const [key, price] of Object.entries(prices)) {
    const known = PRICE_KEYS.get(key)
    if (known === undefined || price === undefined) continue
    const { rateClass, places } = known
    base[rateClass] = parseDecimal(typeof price === 'number' ? price : price.base, places)
    for (const tier of typeof price === 'number' ? [] : price.tiers) {
      const rates = tiers.get(tier.start) ?? {}
      rates[rateClass] = parseDecimal(tier.price, places)
      tiers.set(tier.start, rates)
    }
  }
  return { base, tiers: toTiers(tiers) }
}

function toTiers(tiers: ReadonlyMap<number, ListedRates>): readonly ListedTier[] {
  return [...tiers]
    .map(([abovePromptTokens, rates]) => ({ abovePromptTokens, rates }))
    .sort((first, second) => first.abovePromptTokens - second.abovePromptTokens)
}
