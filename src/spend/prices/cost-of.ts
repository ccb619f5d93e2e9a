/** The cost of a call: its usage times the rates in force, exact, rounded to picodollars once. */
import type { Usage } from '../../dialects/usage.ts'
import { promptTokens } from '../../dialects/usage.ts'
import { divideHalfUp, picodollars } from '../../money/picodollars.ts'
import type { Picodollars } from '../../money/picodollars.ts'
import { inForce, RATE_CLASSES, SERVICE_TIERS, UNITS_PER_RATE } from './model-price.ts'
import type { BilledTier, ModelPrice, RateClass, Rates, RateSchedule } from './model-price.ts'

/**
 * What a call costs that used this much at this time. A usage of nothing costs nothing, also where calls have a price.
 * The prompt's length, cached tokens included, chooses the long-context tier for the whole call, as providers bill it.
 * Never throws and never negative: a count that is not above 0 counts as 0, and a fraction of a token as a token.
 *
 * @param atMs When the provider was called, epoch milliseconds: dated and time-of-day prices depend on it.
 */
export function costOf(price: ModelPrice, usage: Usage, atMs: number): Picodollars {
  const rates = ratesFor(price, usage, atMs)
  const tokens =
    part(usage.inputTokens, rates.input) +
    part(usage.inputAudioTokens, rates.inputAudio) +
    part(usage.cacheReadTokens, rates.cacheRead) +
    part(usage.cacheWrite5mTokens, rates.cacheWrite5m) +
    part(usage.cacheWrite1hTokens, rates.cacheWrite1h) +
    part(usage.outputTokens, rates.output) +
    part(usage.reasoningTokens, rates.reasoning) +
    part(usage.outputAudioTokens, rates.outputAudio) +
    part(usage.webSearchRequests, rates.webSearch)
  const total = rates.request > 0n ? tokens + part(requestCount(usage), rates.request) : tokens
  return picodollars(divideHalfUp(total, UNITS_PER_RATE))
}

function part(count: number, rate: bigint): bigint {
  return count > 0 ? BigInt(Math.min(Math.ceil(count), Number.MAX_SAFE_INTEGER)) * rate : 0n
}

function ratesFor(price: ModelPrice, usage: Usage, atMs: number): Rates {
  const schedule = scheduleFor(price, usage.serviceTier, atMs)
  if (schedule.tiers.length > 0) {
    const prompt = promptTokens(usage)
    for (const tier of schedule.tiers) if (prompt > tier.abovePromptTokens) return tier.rates
  }
  return schedule.base
}

function scheduleFor(price: ModelPrice, serviceTier: string | undefined, atMs: number): RateSchedule {
  const { dated } = price
  const entry = dated.length === 1 ? dated[0] : inForce(dated, atMs)
  if (serviceTier === undefined || !isBilledTier(serviceTier)) return entry.standard
  return entry.services[serviceTier] ?? entry.standard
}

/** Any other word of a provider is the standard tier. */
function isBilledTier(word: string): word is BilledTier {
  return BILLED_TIERS.has(word)
}

const BILLED_TIERS: ReadonlySet<string> = new Set<BilledTier>([
  ...SERVICE_TIERS,
  'fast',
  'fast-us',
  'standard-us',
  'flex-us',
  'priority-us',
  'batch-us',
])

function requestCount(usage: Usage): number {
  return USED_CLASSES.some((rateClass) => countOf(usage, rateClass) > 0) ? 1 : 0
}

const USED_CLASSES = RATE_CLASSES.filter((rateClass) => rateClass !== 'request')

function countOf(usage: Usage, rateClass: RateClass): number {
  switch (rateClass) {
    case 'input':
      return usage.inputTokens
    case 'inputAudio':
      return usage.inputAudioTokens
    case 'cacheRead':
      return usage.cacheReadTokens
    case 'cacheWrite5m':
      return usage.cacheWrite5mTokens
    case 'cacheWrite1h':
      return usage.cacheWrite1hTokens
    case 'output':
      return usage.outputTokens
    case 'reasoning':
      return usage.reasoningTokens
    case 'outputAudio':
      return usage.outputAudioTokens
    case 'webSearch':
      return usage.webSearchRequests
    case 'request':
      return requestCount(usage)
  }
}

/** A call's cost by class. The parts add up to the total exactly. */
export interface CostBreakdown {
  readonly total: Picodollars
  readonly parts: Readonly<Record<RateClass, Picodollars>>
}

/**
 * The same cost as `costOf`, by class, for the call's log row. Each part is the growth of the rounded running sum, so
 * that no picodollar is lost or made by rounding.
 */
export function costBreakdown(price: ModelPrice, usage: Usage, atMs: number): CostBreakdown {
  const rates = ratesFor(price, usage, atMs)
  const parts: Partial<Record<RateClass, Picodollars>> = {}
  let sum = 0n
  let total = 0n
  for (const rateClass of RATE_CLASSES) {
    sum += part(countOf(usage, rateClass), rates[rateClass])
    const rounded = divideHalfUp(sum, UNITS_PER_RATE)
    parts[rateClass] = picodollars(rounded - total)
    total = rounded
  }
  // Every class of RATE_CLASSES has been set by the loop.
  return { total: picodollars(total), parts: parts as Record<RateClass, Picodollars> }
}
