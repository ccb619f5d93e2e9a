/** The end of a scenario: the pods stop, and what they have booked is held against what the provider has billed. */
import { setTimeout as delay } from 'node:timers/promises'
import type { MeterEntry } from '../../src/sim/index.ts'
import { readBooks, readCallIds, readSpendLogs, type Books } from '../money/books.ts'
import { prove } from '../money/proof.ts'
import type { Load } from './load.ts'
import type { Platform } from './platform.ts'
import { MASTER_KEY } from './pod.ts'

export interface Reckoning {
  /** What is wrong, in sentences; empty when every call is booked once and rightly. */
  readonly faults: readonly string[]
  readonly rows: number
  /** Booked more (or less) than billed, over all rows that tell the provider's own figures. */
  readonly differencePicodollars: bigint
  /** Rows that are marked as estimates: of calls that a kill or a client cut off. */
  readonly estimatedRows: number
  /** Picodollars booked by the number of the key in the plans. */
  readonly spentByKey: ReadonlyMap<number, bigint>
  /** Picodollars of the dearest call. */
  readonly dearestPicodollars: bigint
}

const SETTLE_TIMEOUT_MS = 120_000
const POLL_MS = 50

/** Ends all pods, with every journal booked. */
export async function reckon(platform: Platform, load: Load): Promise<Reckoning> {
  const meter = await quietMeter(platform)
  await bookedCalls(platform, new Set(meter.map((entry) => entry.callId)))
  await Promise.all(platform.pods.map((pod) => pod.stop()))
  const [first] = platform.pods
  if (first === undefined) throw new RangeError('a platform without pods')
  await first.start()
  const shown = await readSpendLogs(first.url, MASTER_KEY)
  await first.stop()
  const books = await readBooks(platform.databaseUrl)
  const { pods } = platform
  const proof = prove(
    {
      plans: load.plans,
      seen: load.seen,
      meter,
      books,
      shown,
      endings: pods.flatMap((pod) => pod.endings),
      leftovers: pods.flatMap((pod) => pod.leftovers()),
    },
    true,
  )
  const exact = proof.lines.filter((line) => !line.kind.endsWith('estimated'))
  return {
    faults: [...proof.faults],
    rows: books.calls.length,
    differencePicodollars: exact.reduce(
      (sum, line) => sum + line.bookedPicodollars - line.meteredPicodollars,
      0n,
    ),
    estimatedRows: books.calls.filter((call) => call.usageSource === 'estimated').length,
    spentByKey: spentByKey(load, books),
    dearestPicodollars: books.calls.reduce(
      (most, call) => (call.picodollars > most ? call.picodollars : most),
      0n,
    ),
  }
}

function spentByKey(load: Load, books: Books): ReadonlyMap<number, bigint> {
  const keys = new Map(load.plans.map((plan) => [plan.id, plan.key]))
  const spent = new Map<number, bigint>()
  for (const { endUser, picodollars } of books.calls) {
    const key = keys.get(endUser) ?? -1
    spent.set(key, (spent.get(key) ?? 0n) + picodollars)
  }
  return spent
}

/** The meter, when no call runs any more. */
async function quietMeter(platform: Platform): Promise<readonly MeterEntry[]> {
  const giveUpAtMs = Date.now() + SETTLE_TIMEOUT_MS
  for (;;) {
    const entries = await platform.meter()
    if (!entries.some((entry) => entry.state === 'streaming')) return entries
    if (Date.now() > giveUpAtMs) throw new Error('calls do not come to an end at the provider')
    await delay(POLL_MS)
  }
}

/** Waits until the calls that the meter knows are booked; when they never are, the proof tells which. */
async function bookedCalls(platform: Platform, metered: ReadonlySet<string>): Promise<void> {
  const giveUpAtMs = Date.now() + SETTLE_TIMEOUT_MS
  while (Date.now() < giveUpAtMs) {
    const booked = await readCallIds(platform.databaseUrl)
    if ([...metered].every((callId) => booked.has(callId))) return
    await delay(POLL_MS)
  }
}
