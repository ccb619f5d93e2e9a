/**
 * What a model costs, ready for the call path: complete rates for each date, long-context tier and service tier.
 * Rates are integers of picodollars per MILLION units (1e-18 USD per unit), because list prices go below one
 * picodollar per token; a call's cost is summed at that scale and rounded to picodollars once.
 */

/** What is billed by count. Token classes are those of `Usage`; they are disjoint. */
export const RATE_CLASSES = [
  'input',
  'inputAudio',
  'cacheRead',
  'cacheWrite5m',
  'cacheWrite1h',
  'output',
  'reasoning',
  'outputAudio',
  /** One web search that the provider ran. */
  'webSearch',
  /** One call that used anything at all. */
  'request',
] as const

export type RateClass = (typeof RATE_CLASSES)[number]

/** Units that a rate is the price of. */
export const UNITS_PER_RATE = 1_000_000n

/** Decimal places of a dollar per single unit: picodollars (12) per million units (6). */
export const RATE_PLACES = 18

/** Picodollars per million units, for every class. */
export type Rates = Readonly<Record<RateClass, bigint>>

export interface LongContextTier {
  /** The tier prices the whole call when its prompt, cached tokens included, has more tokens than this. */
  readonly abovePromptTokens: number
  readonly rates: Rates
}

export interface RateSchedule {
  readonly base: Rates
  /** Highest threshold first. */
  readonly tiers: readonly LongContextTier[]
}

/** When a dated price holds: from an instant on, or each day (UTC) between two times, which may pass midnight. */
export type PricePeriod =
  | { readonly kind: 'since'; readonly sinceMs: number }
  | { readonly kind: 'daily'; readonly fromMsOfDay: number; readonly untilMsOfDay: number }

/** Service tiers that sources list prices for. */
export const SERVICE_TIERS = ['flex', 'priority', 'batch'] as const

export type ServiceTier = (typeof SERVICE_TIERS)[number]

/** Tiers that calls are billed by: those that are listed, and those that are a multiple of the others. */
export type BilledTier = ServiceTier | 'fast' | 'fast-us' | 'standard-us' | `${ServiceTier}-us`

export interface DatedPrice {
  /** Undefined: holds always. */
  readonly period: PricePeriod | undefined
  readonly standard: RateSchedule
  readonly services: Readonly<Partial<Record<BilledTier, RateSchedule>>>
}

export interface ModelPrice {
  /** Where the price is from: the bundled book, the cost map laid over it, or the deployment's own cost keys. */
  readonly source: PriceSource
  /** The entry that was found, e.g. `openai/gpt-5.5`; undefined where the deployment's own keys are all there is. */
  readonly key: string | undefined
  /** At least one. The last whose period holds is in force; if none holds, the first. */
  readonly dated: readonly [DatedPrice, ...DatedPrice[]]
  /** Input and output are both listed as 0, and nothing else costs anything. */
  readonly zeroCost: boolean
}

export type PriceSource = 'book' | 'cost_map' | 'override'

/** True for a model whose input and output prices are both explicitly 0. An unpriced model is not one. */
export function isZeroCost(price: ModelPrice | undefined): boolean {
  return price?.zeroCost === true
}

const DAY_MS = 86_400_000

/** The entry in force at an instant (epoch milliseconds): the last whose period holds, else the first. */
export function inForce<Entry extends { readonly period: PricePeriod | undefined }>(
  dated: readonly [Entry, ...Entry[]],
  atMs: number,
): Entry {
  for (let index = dated.length - 1; index > 0; index -= 1) {
    const entry = dated[index]
    if (entry !== undefined && holds(entry.period, atMs)) return entry
  }
  return dated[0]
}

function holds(period: PricePeriod | undefined, atMs: number): boolean {
  if (period === undefined) return true
  if (period.kind === 'since') return atMs >= period.sinceMs
  const msOfDay = atMs % DAY_MS
  const { fromMsOfDay, untilMsOfDay } = period
  return fromMsOfDay <= untilMsOfDay
    ? msOfDay >= fromMsOfDay && msOfDay < untilMsOfDay
    : msOfDay >= fromMsOfDay || msOfDay < untilMsOfDay
}
