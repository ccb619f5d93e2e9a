/**
 * Whether and when a failed attempt is tried again. Only before the first content byte has gone to the client; the
 * caller keeps that rule.
 */

const FIRST_DELAY_MS = 500
const LONGEST_DELAY_MS = 8_000
/** A provider that asks for a longer wait gets none: the client is told instead, and decides itself. */
const LONGEST_RETRY_AFTER_MS = 60_000

/** Statuses worth another try at the same kind of provider. 401 to 404 are not: they hide a wrong configuration. */
export function isRetryableStatus(status: number): boolean {
  return status === 408 || status === 409 || status === 429 || status >= 500
}

/**
 * Wait before the next try in milliseconds, or undefined when another try makes no sense.
 * @param attempts tries made so far, at least 1.
 * @param retryAfterMs what the provider asked for, if it did.
 * @param anotherDeployment true when a deployment is left that was not tried: then there is nothing to wait for.
 * @param random a number in [0, 1), for jitter.
 */
export function retryDelayMs(
  attempts: number,
  retryAfterMs: number | undefined,
  anotherDeployment: boolean,
  leastMs: number,
  random: number,
): number | undefined {
  if (anotherDeployment) return leastMs
  if (retryAfterMs !== undefined) {
    return retryAfterMs > LONGEST_RETRY_AFTER_MS ? undefined : Math.max(retryAfterMs, leastMs)
  }
  const backOff = Math.min(FIRST_DELAY_MS * 2 ** (attempts - 1), LONGEST_DELAY_MS)
  return Math.max(backOff * (1 - 0.25 * random), leastMs)
}

/** Reads `retry-after-ms`, else `retry-after` in seconds or as a date (RFC 9110 10.2.3). Undefined when absent or odd. */
export function readRetryAfterMs(
  retryAfterMs: string | undefined,
  retryAfter: string | undefined,
  nowEpochMs: number,
): number | undefined {
  if (retryAfterMs !== undefined && /^\d{1,9}(\.\d+)?$/.test(retryAfterMs)) return Number(retryAfterMs)
  if (retryAfter === undefined) return undefined
  if (/^\d{1,9}(\.\d+)?$/.test(retryAfter)) return Number(retryAfter) * 1000
  const date = Date.parse(retryAfter)
  return Number.isNaN(date) ? undefined : Math.max(0, date - nowEpochMs)
}
