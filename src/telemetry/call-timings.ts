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

/** What is left of the call when the time of all attempts is taken away: the gateway's own part. */
export function overheadMs(start: CallStart, end: CallEnd): number {
  let rest = totalMs(start, end)
  for (const attempt of end.attempts) rest -= attempt.endedAtMs - attempt.startedAtMs
  return Math.max(0, rest)
}
