/** How fast something grows, told so that outliers and single garbage collections do not decide it. */
import { median, quantile } from '../statistics.ts'

export interface Sample {
  readonly atMs: number
  readonly bytes: number
}

export interface Slope {
  readonly bytesPerHour: number
  /** Of the slopes between all pairs of samples, a tenth is below this, and a tenth above the other. */
  readonly low: number
  readonly high: number
}

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/** The median of the slopes between all pairs (Theil and Sen). NaN for fewer than two samples. */
export function slopeOf(samples: readonly Sample[]): Slope {
  const slopes: number[] = []
  for (const [index, first] of samples.entries()) {
    for (const second of samples.slice(index + 1)) {
      slopes.push(((second.bytes - first.bytes) / (second.atMs - first.atMs)) * HOUR_MS)
    }
  }
  const sorted = slopes.toSorted((a, b) => a - b)
  return { bytesPerHour: median(sorted), low: quantile(sorted, 0.1), high: quantile(sorted, 0.9) }
}

/** The lowest sample of each minute: of a heap what is left after a collection, and not what waits for the next one. */
export function minuteLows(samples: readonly Sample[]): Sample[] {
  const lows = new Map<number, Sample>()
  for (const sample of samples) {
    const minute = Math.floor(sample.atMs / MINUTE_MS)
    const low = lows.get(minute)
    if (low === undefined || sample.bytes < low.bytes) lows.set(minute, sample)
  }
  return [...lows.values()]
}
