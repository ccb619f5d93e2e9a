/** The errors that a client gets at a limit: which scope, which limit, how much of it is used, and when it resets. */
import { picodollars, toDecimal } from '../money/picodollars.ts'
import type { Scope } from '../record/scope.ts'
import { LimitError } from './limits.ts'
import type { LimitKind, Refused } from './limit-store.ts'
import { DESCRIPTORS, SCOPE_TITLES } from './scope-words.ts'

type RateKind = Exclude<LimitKind, 'budget'>

/** LiteLLM's words for what is limited. */
const RATE_WORDS: Readonly<Record<RateKind, string>> = {
  requests: 'requests',
  tokens: 'tokens',
  parallel: 'max_parallel_requests',
}

/** A call under way may end at any moment. */
const SOON_SECONDS = 1
const MOST_SECONDS = 60

/** @param nowMs epoch milliseconds. */
export function limitError(scope: Scope, refused: Refused, nowMs: number): LimitError {
  return refused.limit === 'budget'
    ? budgetError(scope, BigInt(refused.used), BigInt(refused.reserved))
    : rateError(scope, refused.limit, refused, nowMs)
}

/** A budget that is spent, or that calls under way have reserved the rest of: these may leave some of it. */
export function budgetError(scope: Scope, spent: bigint, reserved: bigint): LimitError {
  const max = scope.maxBudget ?? picodollars(0n)
  const current = `Current cost: ${toDecimal(picodollars(spent))}`
  if (spent < max) {
    return new LimitError(
      scope.kind,
      'budget_reserved',
      `${opening(scope)} ${current}, reserved by calls under way: ${toDecimal(picodollars(reserved))}, ` +
        `Max budget: ${toDecimal(max)}. Try again when one of them has ended.`,
      { retryAfterSeconds: SOON_SECONDS },
    )
  }
  const reset =
    scope.resetsAtMs === undefined
      ? ''
      : ` The budget begins anew at ${new Date(scope.resetsAtMs).toISOString()}.`
  return new LimitError(
    scope.kind,
    'budget_exceeded',
    `${opening(scope)} ${current}, Max budget: ${toDecimal(max)}.${reset}`,
    {},
  )
}

function opening(scope: Scope): string {
  const subject = `${SCOPE_TITLES[scope.kind]}=${scope.label}.`
  return scope.kind === 'deployment' || scope.kind === 'provider'
    ? `No deployments available - crossed budget: ${subject}`
    : `Budget has been exceeded! ${subject}`
}

function rateError(scope: Scope, limit: RateKind, refused: Refused, nowMs: number): LimitError {
  const retryAfterSeconds =
    limit === 'parallel'
      ? SOON_SECONDS
      : Math.min(MOST_SECONDS, Math.max(1, Math.ceil(refused.freeInMs / 1000)))
  const resetAt = utcText(nowMs + retryAfterSeconds * 1000)
  return new LimitError(
    scope.kind,
    'rate_limited',
    `Rate limit exceeded for ${DESCRIPTORS[scope.kind]}: ${scope.label}. Limit type: ${RATE_WORDS[limit]}. ` +
      `Current limit: ${limitOf(scope, limit)}, Current use: ${refused.used}, Remaining: 0. Limit resets at: ${resetAt}`,
    { retryAfterSeconds, headers: { rate_limit_type: RATE_WORDS[limit], reset_at: resetAt } },
  )
}

function limitOf(scope: Scope, limit: RateKind): number {
  switch (limit) {
    case 'requests':
      return scope.requestsPerMinute ?? 0
    case 'tokens':
      return scope.tokensPerMinute ?? 0
    case 'parallel':
      return scope.parallelRequests ?? 0
  }
}

/** `2026-01-31 23:59:59 UTC` */
function utcText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
