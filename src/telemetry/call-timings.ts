/** How long the parts of a call took, from the times that its record holds. All in milliseconds. */
import type { CallEnd, CallStart } from '../record/call-record.ts'

/** From arrival to end. */
export function totalMs(start: CallStart, end: CallEnd): number {
  return Math.max(0, end.endedAtMs - start.arrivedAtMs)
}

/** From sending the last attempt's request to the end of its answer; undefined when none was sent. */
export function providerMs(end: CallEnd): number | undefined {
  if (end.providerStartedAtMs === undefined) return undefined
  return Math.max(0, (end.providerEndedAtMs ?? end.endedAtMs) - end.providerStartedAtMs)
}

/** From sending the last attempt's request to the first content; undefined when none came. */
export function firstContentMs(end: CallEnd): number | undefined {
  if (end.providerStartedAtMs === undefined || end.firstContentAtMs === undefined) return undefined
  return Math.max(0, end.firstContentAtMs - end.providerStartedAtMs)
}

/** From arrival to the first attempt; undefined when there was none. */
export function queueMs(start: CallStart, end: CallEnd): number | undefined {
  const first = end.attempts[0]
  return first === undefined ? undefined : Math.max(0, first.startedAtMs - start.arrivedAtMs)
}

/**
 * The gateway's own part: before the first attempt and after the last. Pauses between attempts are not among it: they
 * are the provider's wish.
 */
export function overheadMs(start: CallStart, end: CallEnd): number {
  const first = end.attempts[0]
  const last = end.attempts.at(-1)
  if (first === undefined || last === undefined) return totalMs(start, end)
  return Math.max(0, totalMs(start, end) - (last.endedAtMs - first.startedAtMs))
}
