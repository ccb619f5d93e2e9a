/**
 * Node keeps a list of timers for each time that is asked for, and what is left of a time-out is another for each call:
 * from here on it is rounded up, so that calls share a list.
 */
const ROUNDED_FROM_MS = 5_000
const ROUNDED_TO_MS = 250
/** Node takes longer ones for 1 ms. */
const LONGEST_MS = 2_147_483_647

/**
 * The time of a timer for what is left of a call's time-out, in milliseconds: no earlier, and up to 250 ms later. What is
 * longer than Node's timers, 24 days, ends there.
 */
export function timerMs(leftMs: number): number {
  if (leftMs < ROUNDED_FROM_MS) return Math.max(1, leftMs)
  return Math.min(LONGEST_MS, Math.ceil(leftMs / ROUNDED_TO_MS) * ROUNDED_TO_MS)
}
