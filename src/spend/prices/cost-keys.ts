/**
 * LiteLLM's cost keys (`input_cost_per_token`, `cache_creation_input_token_cost_above_1hr_above_200k_tokens_priority`,
 * …): the grammar of their names, and how they become a listed price and are printed again.
 */
import { formatDecimal, parseDecimal } from '../../money/picodollars.ts'
import { RATE_CLASSES, RATE_PLACES, SERVICE_TIERS } from './model-price.ts'
import type { RateClass, ServiceTier } from './model-price.ts'
import { readMultiples, type PriceMultiples } from './price-multiples.ts'
import type { ListedPrice, ListedRates, ListedSchedule } from './price-listing.ts'

const KEY_OF_CLASS: Readonly<Record<RateClass, string>> = {
  input: 'input_cost_per_token',
  inputAudio: 'input_cost_per_audio_token',
  cacheRead: 'cache_read_input_token_cost',
  cacheWrite5m: 'cache_creation_input_token_cost',
  cacheWrite1h: 'cache_creation_input_token_cost_above_1hr',
  output: 'output_cost_per_token',
  reasoning: 'output_cost_per_reasoning_token',
  outputAudio: 'output_cost_per_audio_token',
  webSearch: 'search_context_cost_per_query',
  request: 'input_cost_per_request',
}

const CLASS_OF_KEY = new Map(RATE_CLASSES.map((rateClass) => [KEY_OF_CLASS[rateClass], rateClass]))

const SUFFIXES = /^(.+?)(?:_above_(\d{1,6})k_tokens)?(?:_(flex|priority|batch|batches))?$/

/** Search prices by context size; the middle one is what providers bill unless asked otherwise. */
const SEARCH_SIZES = ['medium', 'low', 'high'].flatMap((size) => [`search_context_size_${size}`, size])

/** A cost key taken apart. */
interface CostKey {
  readonly rateClass: RateClass
  readonly abovePromptTokens: number
  readonly service: ServiceTier | undefined
}

function parseCostKey(name: string): CostKey | undefined {
  const match = SUFFIXES.exec(name)
  const rateClass = CLASS_OF_KEY.get(match?.[1] ?? '')
  if (match === null || rateClass === undefined) return undefined
  const word = match[3] === 'batches' ? 'batch' : match[3]
  return {
    rateClass,
    abovePromptTokens: Number(match[2] ?? '0') * 1000,
    service: SERVICE_TIERS.find((tier) => tier === word),
  }
}

/** True for every name that states a price, whether or not Sluice can bill by it. */
function isCostKey(name: string): boolean {
  return /(?:^|_)cost(?:_|$)/.test(name) || name === 'tiered_pricing'
}

/** A key whose value is not a price. */
export interface CostKeyFault {
  readonly key: string
  readonly expected: string
  readonly found: unknown
}

export interface CostKeyReading {
  /** Undefined when there was no cost key that Sluice bills by. */
  readonly listed: ListedPrice | undefined
  readonly faults: readonly CostKeyFault[]
  /** Keys that state a price other than 0 for something that Sluice does not count (seconds, pixels, …). */
  readonly unbilled: readonly string[]
}

/**
 * Reads the cost keys of a record (a cost-map entry, `model_info`, `litellm_params`); other keys are passed over.
 * Prices are dollars, as a number or its text. `null` is the same as absent.
 */
export function readCostKeys(record: Readonly<Record<string, unknown>>): CostKeyReading {
  const reader = new CostKeyReader()
  reader.multiples = readMultiples(record['provider_specific_entry'])
  for (const [key, value] of Object.entries(record)) {
    if (value === null || value === undefined || !isCostKey(key)) continue
    if (key === 'tiered_pricing') reader.readTiers(value)
    else reader.read(key, value, 0)
  }
  return { listed: reader.listed(), faults: reader.faults, unbilled: reader.unbilled }
}

type Draft = Map<number, Partial<Record<RateClass, bigint>>>

class CostKeyReader {
  readonly faults: CostKeyFault[] = []
  readonly unbilled: string[] = []
  multiples: PriceMultiples | undefined
  readonly #schedules = new Map<ServiceTier | undefined, Draft>()

  /** Reads one key; `abovePromptTokens` is the least threshold, for keys inside a tier. */
  read(key: string, value: unknown, abovePromptTokens: number): void {
    const parsed = parseCostKey(key)
    const price = parsed?.rateClass === 'webSearch' ? searchPrice(value) : value
    if (parsed === undefined || price === undefined) {
      if (value !== 0) this.unbilled.push(key)
      return
    }
    const rate = parseRate(price)
    if (rate === undefined) {
      this.faults.push({ key, expected: 'a price in dollars, 0 or more', found: price })
      return
    }
    const threshold = Math.max(parsed.abovePromptTokens, abovePromptTokens)
    this.#ratesAt(parsed.service, threshold)[parsed.rateClass] = rate
  }

  /** Reads `tiered_pricing`: prices for the whole call, chosen by the prompt's tokens. */
  readTiers(value: unknown): void {
    if (!Array.isArray(value)) {
      this.faults.push({ key: 'tiered_pricing', expected: 'a list of tiers', found: value })
      return
    }
    for (const tier of value) this.#readTier(tier)
  }

  #readTier(tier: unknown): void {
    const prices = isRecord(tier) ? Object.entries(tier).filter(([key]) => isCostKey(key)) : []
    // Search tools have tiers by the number of results, priced per query: nothing that is counted here.
    if (prices.length > 0 && prices.every(([key]) => parseCostKey(key) === undefined)) {
      this.unbilled.push('tiered_pricing')
      return
    }
    const start = rangeStart(tier)
    if (start === undefined) {
      this.faults.push({
        key: 'tiered_pricing',
        expected: 'tiers with a range: [tokens from, tokens to]',
        found: tier,
      })
      return
    }
    for (const [key, value] of prices) if (value !== null) this.read(key, value, start)
  }

  listed(): ListedPrice | undefined {
    if (this.#schedules.size === 0) return undefined
    const services: Partial<Record<ServiceTier, ListedSchedule>> = {}
    for (const tier of SERVICE_TIERS) {
      const draft = this.#schedules.get(tier)
      if (draft !== undefined) services[tier] = toSchedule(draft)
    }
    const standard = toSchedule(this.#schedules.get(undefined) ?? new Map())
    return { standard, services, ...(this.multiples === undefined ? {} : { multiples: this.multiples }) }
  }

  #ratesAt(service: ServiceTier | undefined, threshold: number): Partial<Record<RateClass, bigint>> {
    const draft: Draft = this.#schedules.get(service) ?? new Map()
    const rates = draft.get(threshold) ?? {}
    this.#schedules.set(service, draft.set(threshold, rates))
    return rates
  }
}

function toSchedule(draft: Draft): ListedSchedule {
  const tiers = [...draft]
    .filter(([threshold]) => threshold > 0)
    .map(([abovePromptTokens, rates]) => ({ abovePromptTokens, rates }))
    .sort((first, second) => first.abovePromptTokens - second.abovePromptTokens)
  return { base: draft.get(0) ?? {}, tiers }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The tokens above which a tier of `tiered_pricing` holds. */
function rangeStart(tier: unknown): number | undefined {
  const range: unknown = isRecord(tier) ? tier['range'] : undefined
  const start: unknown = Array.isArray(range) ? range[0] : undefined
  return typeof start === 'number' && Number.isSafeInteger(start) && start >= 0 ? start : undefined
}

/** One price out of a map by context size; undefined when the map has none of the sizes. */
function searchPrice(value: unknown): unknown {
  if (!isRecord(value)) return value
  const size = SEARCH_SIZES.find((name) => value[name] !== undefined && value[name] !== null)
  return size === undefined ? undefined : value[size]
}

function parseRate(price: unknown): bigint | undefined {
  if (typeof price !== 'number' && typeof price !== 'string') return undefined
  try {
    const rate = parseDecimal(price, RATE_PLACES)
    return rate < 0n ? undefined : rate
  } catch {
    return undefined
  }
}

/** The value of a cost key: dollars per token or call, and for searches one price per context size. */
export type CostKeyValue = number | Readonly<Record<string, number>>

/** A listed price as cost keys, for answers only. */
export function toCostKeys(price: ListedPrice): Readonly<Record<string, CostKeyValue>> {
  const keys: Record<string, CostKeyValue> = { ...scheduleKeys(price.standard, '') }
  for (const tier of SERVICE_TIERS) {
    const schedule = price.services[tier]
    const suffix = tier === 'batch' ? '_batches' : `_${tier}`
    if (schedule !== undefined) Object.assign(keys, scheduleKeys(schedule, suffix))
  }
  return keys
}

function scheduleKeys(schedule: ListedSchedule, suffix: string): Readonly<Record<string, CostKeyValue>> {
  const keys = rateKeys(schedule.base, suffix)
  for (const { abovePromptTokens, rates } of schedule.tiers) {
    const thousands = Math.round(abovePromptTokens / 1000)
    Object.assign(keys, rateKeys(rates, `_above_${thousands}k_tokens${suffix}`))
  }
  return keys
}

function rateKeys(rates: ListedRates, suffix: string): Record<string, CostKeyValue> {
  const keys: Record<string, CostKeyValue> = {}
  for (const rateClass of RATE_CLASSES) {
    const rate = rates[rateClass]
    if (rate === undefined) continue
    const dollars = Number(formatDecimal(rate, RATE_PLACES))
    keys[KEY_OF_CLASS[rateClass] + suffix] = rateClass === 'webSearch' ? bySearchSize(dollars) : dollars
  }
  return keys
}

function bySearchSize(dollars: number): Readonly<Record<string, number>> {
  return {
    search_context_size_low: dollars,
    search_context_size_medium: dollars,
    search_context_size_high: dollars,
  }
}
