/**
 * A process that does nothing but gauge how late its own event loop is, as the gateway does for its metrics: what is
 * late here is late for every process of the core. For each line that it reads it prints the figures since the one
 * before, as a line of JSON.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import type { EventLoopLag } from './sluice-targets.ts'

/** As the gateway samples. */
const RESOLUTION_MS = 10

const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
histogram.enable()

/** Each sample holds the interval itself. */
function milliseconds(nanoseconds: number): number {
  return Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS)
}

for await (const _ of createInterface({ input: process.stdin })) {
  const lag: EventLoopLag = {
    p99Ms: milliseconds(histogram.percentile(99)),
    maxMs: milliseconds(histogram.max),
  }
  histogram.reset()
  process.stdout.write(`${JSON.stringify(lag)}\n`)
}
