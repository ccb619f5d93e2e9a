/**
 * What a provider takes for how it serves a call, as a multiple of its token prices: Anthropic's fast mode, and its
 * serving within the United States. Cost maps list such multiples under `provider_specific_entry`.
 */
import { divideHalfUp, parseDecimal } from '../../money/picodollars.ts'
import { RATE_CLASSES, SERVICE_TIERS } from './model-price.ts'
import type { BilledTier, RateClass, Rates, RateSchedule } from './model-price.ts'

/** In thousandths: 1100 is 1.1 times the price. */
export interface PriceMultiples {
  readonly fast: bigint | undefined
  readonly us: bigint | undefined
}

const PLACES = 3
const ONE = 1_000n

/** Searches and calls cost the same however tokens are served. */
const SCALED: readonly RateClass[] = RATE_CLASSES.filter((name) => name !== 'webSearch' && name !== 'request')

/** Models that came before fast mode became cheaper. */
const EARLY_FAST = /claude-opus-4[-.][67](?!\d)/i

/** Reads `provider_specific_entry`. @returns undefined when it lists none of the multiples. */
export function readMultiples(value: unknown): PriceMultiples | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const multiples = { fast: multipleOf(Reflect.get(value, 'fast')), us: multipleOf(Reflect.get(value, 'us')) }
  return multiples.fast === undefined && multiples.us === undefined ? undefined : multiples
}

/** Anthropic's own: fast mode at twice the price, six times for Opus 4.6 and 4.7; a tenth more within the US. */
export function multiplesOfClaude(name: string): PriceMultiples {
  return { fast: EARLY_FAST.test(name) ? 6_000n : 2_000n, us: 1_100n }
}

/** Each multiple as the first says that names it. @returns undefined where nobody names any. */
export function mergedMultiples(
  sources: readonly (PriceMultiples | undefined)[],
): PriceMultiples | undefined {
  const naming = sources.filter((source) => source !== undefined)
  if (naming.length === 0) return undefined
  return {
    fast: naming.find(({ fast }) => fast !== undefined)?.fast,
    us: naming.find(({ us }) => us !== undefined)?.us,
  }
}

/** The schedules of every tier that the multiples make of those that are listed. */
export function multipliedTiers(
  standard: RateSchedule,
  services: Readonly<Partial<Record<BilledTier, RateSchedule>>>,
  { fast = ONE, us = ONE }: PriceMultiples,
): Partial<Record<BilledTier, RateSchedule>> {
  // The price of fast mode holds for prompts of every length.
  const inFastMode: RateSchedule = { base: times(standard.base, fast), tiers: [] }
  const tiers: Partial<Record<BilledTier, RateSchedule>> = {
    fast: inFastMode,
    'fast-us': scheduleTimes(inFastMode, us),
    'standard-us': scheduleTimes(standard, us),
  }
  for (const tier of SERVICE_TIERS) tiers[`${tier}-us`] = scheduleTimes(services[tier] ?? standard, us)
  return tiers
}

function scheduleTimes({ base, tiers }: RateSchedule, multiple: bigint): RateSchedule {
  return {
    base: times(base, multiple),
    tiers: tiers.map((tier) => ({ ...tier, rates: times(tier.rates, multiple) })),
  }
}

function times(rates: Rates, multiple: bigint): Rates {
  const multiplied: Record<RateClass, bigint> = { ...rates }
  for (const name of SCALED) multiplied[name] = divideHalfUp(rates[name] * multiple, ONE)
  return multiplied
}

function multipleOf(value: unknown): bigint | undefined {
  if (typeof value !== 'number' || !(value > 0) || value > 1_000) return undefined
  return parseDecimal(value.toFixed(PLACES), PLACES)
}
