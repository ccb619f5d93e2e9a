/**
 * Prices as a source lists them, with gaps, and the rules that make complete rates of them: how a deployment's own
 * keys change a listing, and what a class costs that no source prices.
 */
import { divideHalfUp } from '../../money/picodollars.ts'
import { RATE_CLASSES, SERVICE_TIERS } from './model-price.ts'
import type {
  BilledTier,
  DatedPrice,
  LongContextTier,
  ModelPrice,
  PricePeriod,
  PriceSource,
  RateClass,
  Rates,
  RateSchedule,
  ServiceTier,
} from './model-price.ts'
import { multipliedTiers, type PriceMultiples } from './price-multiples.ts'

/** Rates that a source names, in picodollars per million units. */
export type ListedRates = Readonly<Partial<Record<RateClass, bigint>>>

export interface ListedTier {
  readonly abovePromptTokens: number
  /** Only what changes above the threshold. */
  readonly rates: ListedRates
}

export interface ListedSchedule {
  readonly base: ListedRates
  /** Lowest threshold first. */
  readonly tiers: readonly ListedTier[]
}

export interface ListedPrice {
  readonly standard: ListedSchedule
  /** Only what differs from the standard tier. */
  readonly services: Readonly<Partial<Record<ServiceTier, ListedSchedule>>>
  readonly multiples?: PriceMultiples | undefined
}

export interface DatedListing extends ListedPrice {
  readonly period: PricePeriod | undefined
}

/** What one source says of one model's price. */
export interface Listing {
  readonly source: PriceSource
  readonly key: string | undefined
  readonly dated: readonly [DatedListing, ...DatedListing[]]
  /** Prompt-cache writes that are not listed cost Anthropic's multiples of the input price. */
  readonly anthropicModel: boolean
  /** What the model costs in fast mode and by place; undefined where its provider has no such thing. */
  readonly multiples?: PriceMultiples | undefined
}

const INPUT_CLASSES: readonly RateClass[] = [
  'input',
  'inputAudio',
  'cacheRead',
  'cacheWrite5m',
  'cacheWrite1h',
]
const OUTPUT_CLASSES: readonly RateClass[] = ['output', 'reasoning', 'outputAudio']
const OTHER_CLASSES: readonly RateClass[] = ['webSearch', 'request']

/** The listing as complete rates, or undefined when it prices neither tokens nor calls. */
export function completePrice(listing: Listing): ModelPrice | undefined {
  if (!listing.dated.some(isPriced)) return undefined
  const complete = (entry: DatedListing): DatedPrice => completeEntry(entry, listing)
  const [first, ...rest] = listing.dated
  const dated: [DatedPrice, ...DatedPrice[]] = [complete(first), ...rest.map(complete)]
  return {
    source: listing.source,
    key: listing.key,
    dated,
    zeroCost: listing.dated.every(isListedFree) && dated.every(isFree),
  }
}

function isPriced({ standard: { base } }: DatedListing): boolean {
  return base.input !== undefined || base.output !== undefined || base.request !== undefined
}

function isListedFree({ standard: { base } }: DatedListing): boolean {
  return base.input === 0n && base.output === 0n
}

function isFree({ standard, services }: DatedPrice): boolean {
  return [standard, ...Object.values(services)].every((schedule) =>
    [schedule.base, ...schedule.tiers.map((tier) => tier.rates)].every((rates) =>
      RATE_CLASSES.every((rateClass) => rates[rateClass] === 0n),
    ),
  )
}

function completeEntry(entry: DatedListing, { anthropicModel, multiples }: Listing): DatedPrice {
  const services: Partial<Record<BilledTier, RateSchedule>> = {}
  for (const tier of SERVICE_TIERS) {
    const listed = entry.services[tier]
    if (listed !== undefined) services[tier] = completeSchedule([entry.standard, listed], anthropicModel)
  }
  const standard = completeSchedule([entry.standard], anthropicModel)
  if (multiples !== undefined) Object.assign(services, multipliedTiers(standard, services, multiples))
  return { period: entry.period, standard, services }
}

/**
 * Lays schedules over one another, later ones winning at the same threshold. A class that has a long-context price in
 * the standard tier only has it in every service tier.
 */
function completeSchedule(layers: readonly ListedSchedule[], anthropicModel: boolean): RateSchedule {
  let listed: ListedRates = Object.assign({}, ...layers.map((layer) => layer.base))
  const base = completeRates(listed, anthropicModel)
  const tiers: LongContextTier[] = []
  for (const abovePromptTokens of thresholdsOf(layers)) {
    const changes = layers.map((layer) => ratesAbove(layer, abovePromptTokens))
    listed = Object.assign({}, listed, ...changes)
    tiers.unshift({ abovePromptTokens, rates: completeRates(listed, anthropicModel) })
  }
  return { base, tiers }
}

function thresholdsOf(layers: readonly ListedSchedule[]): readonly number[] {
  const thresholds = layers.flatMap((layer) => layer.tiers.map((tier) => tier.abovePromptTokens))
  return [...new Set(thresholds)].sort((first, second) => first - second)
}

function ratesAbove(schedule: ListedSchedule, abovePromptTokens: number): ListedRates | undefined {
  return schedule.tiers.find((tier) => tier.abovePromptTokens === abovePromptTokens)?.rates
}

/**
 * Fills the gaps. Cached and audio input cost the input price; cache writes of a Claude model cost 1.25 times it for
 * five minutes and twice it for an hour (Anthropic's multiples), of other models what the next shorter kind costs;
 * reasoning and audio output cost the output price. Input, output, searches and calls without a price cost nothing.
 */
function completeRates(listed: ListedRates, anthropicModel: boolean): Rates {
  const input = listed.input ?? 0n
  const output = listed.output ?? 0n
  const cacheWrite5m = listed.cacheWrite5m ?? (anthropicModel ? divideHalfUp(input * 5n, 4n) : input)
  return {
    input,
    inputAudio: listed.inputAudio ?? input,
    cacheRead: listed.cacheRead ?? input,
    cacheWrite5m,
    cacheWrite1h: listed.cacheWrite1h ?? (anthropicModel ? input * 2n : cacheWrite5m),
    output,
    reasoning: listed.reasoning ?? output,
    outputAudio: listed.outputAudio ?? output,
    webSearch: listed.webSearch ?? 0n,
    request: listed.request ?? 0n,
  }
}

/**
 * Lays a deployment's own prices over a listing. Who sets the input (or output) price sets it for every prompt length
 * and service tier, unless those keys are set too; cached and audio prices that are not set keep their proportion to
 * it. Who sets both to 0 makes the model free, searches included.
 */
export function overridePrice(listed: DatedListing, override: ListedPrice): DatedListing {
  const own = override.standard.base
  const free = own.input === 0n && own.output === 0n
  const owned = new Set<RateClass>([
    ...(own.input === undefined ? [] : INPUT_CLASSES),
    ...(own.output === undefined ? [] : OUTPUT_CLASSES),
    ...(free ? OTHER_CLASSES : []),
  ])
  const base = {
    ...without(listed.standard.base, owned),
    ...inProportion(listed.standard.base, 'input', own.input, INPUT_CLASSES),
    ...inProportion(listed.standard.base, 'output', own.output, OUTPUT_CLASSES),
    ...own,
  }
  const services: Partial<Record<ServiceTier, ListedSchedule>> = {}
  for (const tier of SERVICE_TIERS) {
    const merged = mergeSchedules(listed.services[tier], override.services[tier], owned)
    if (merged !== undefined) services[tier] = merged
  }
  const { tiers } = mergeSchedules(listed.standard, override.standard, owned) ?? { tiers: [] }
  return { period: listed.period, standard: { base, tiers }, services }
}

function inProportion(
  listed: ListedRates,
  leading: 'input' | 'output',
  price: bigint | undefined,
  classes: readonly RateClass[],
): ListedRates {
  const before = listed[leading]
  if (price === undefined || before === undefined || before === 0n) return {}
  const scaled: Partial<Record<RateClass, bigint>> = {}
  for (const rateClass of classes) {
    const rate = listed[rateClass]
    if (rate !== undefined) scaled[rateClass] = divideHalfUp(rate * price, before)
  }
  return scaled
}

function mergeSchedules(
  listed: ListedSchedule | undefined,
  own: ListedSchedule | undefined,
  owned: ReadonlySet<RateClass>,
): ListedSchedule | undefined {
  if (listed === undefined) return own
  const kept: ListedSchedule = {
    base: without(listed.base, owned),
    tiers: listed.tiers.map((tier) => ({ ...tier, rates: without(tier.rates, owned) })),
  }
  if (own === undefined) return kept
  const tiers = thresholdsOf([kept, own]).map((abovePromptTokens) => ({
    abovePromptTokens,
    rates: { ...ratesAbove(kept, abovePromptTokens), ...ratesAbove(own, abovePromptTokens) },
  }))
  return { base: { ...kept.base, ...own.base }, tiers }
}

function without(rates: ListedRates, owned: ReadonlySet<RateClass>): ListedRates {
  const kept: Partial<Record<RateClass, bigint>> = {}
  for (const rateClass of RATE_CLASSES) {
    const rate = rates[rateClass]
    if (rate !== undefined && !owned.has(rateClass)) kept[rateClass] = rate
  }
  return kept
}
