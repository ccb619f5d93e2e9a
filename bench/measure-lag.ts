/** How late the event loop of Sluice is while all that is long goes on at the same time. */
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { withCalledKeys } from './grown-targets.ts'
import { startIdleGauge, type IdleGauge } from './idle-lag.ts'
import type { LoadRequest } from './load-job.ts'
import { loadRequest, runLoad } from './run-load.ts'
import { LARGE_BODY, SMALL_BODY } from './section.ts'
import { managementRequest, readEventLoopLag, type EventLoopLag } from './sluice-targets.ts'
import { median } from './statistics.ts'
import type { RunningTarget, TargetContext } from './target.ts'

/** As many as a process tells apart in its metrics. */
const CALLED_KEYS = 2_500
const TEAMS = 1_000
const DEEP_NESTING = 10_000
const WARM_UP_MS = 5_000
const STRETCHES = 5
/** In a stretch, of which the worst counts. */
const SCRAPES = 3
const SCRAPED_EACH_MS = 4_000

/** A load, and how much of it a second. */
interface Part {
  readonly request: LoadRequest
  readonly perSecond: number
}

/** The lag from one scrape to the next, and beside it that of a process which does nothing on the same core. */
export interface LagSample {
  readonly sluice: EventLoopLag
  readonly idle: EventLoopLag
}

export interface LagFigures {
  readonly eventLoopLagP99Ms: number
  readonly eventLoopLagMaxMs: number
  readonly idleLagP99Ms: number
  readonly ownLagP99Ms: number
}

/**
 * Fifty bodies of 2 MB a second, and beside them answers of 100,000 tokens, refusals of bodies that are too deep, lists
 * of the management API, and scrapes of the metrics.
 *
 * @returns the median over some stretches of that.
 */
export async function measureLag(context: TargetContext): Promise<LagFigures> {
  const grown = withCalledKeys(CALLED_KEYS)
  await using target = await grown.start(context)
  await insertTeams(await context.databaseUrl(grown.name))
  await load(target, WARM_UP_MS)
  await using idle = await startIdleGauge()
  // The gauges tell of the time since they were last read.
  await readLag(target, idle)
  const stretches: LagFigures[] = []
  for (let stretch = 0; stretch < STRETCHES; stretch += 1) {
    const [samples] = await Promise.all([scrapes(target, idle), load(target, SCRAPES * SCRAPED_EACH_MS)])
    stretches.push(worstOf(samples))
  }
  return medianOf(stretches)
}

/** One neighbour decides the worst sample of one stretch, and not of most. */
export function medianOf(stretches: readonly LagFigures[]): LagFigures {
  const middle = (of: (stretch: LagFigures) => number) => median(stretches.map(of))
  return {
    eventLoopLagP99Ms: middle((stretch) => stretch.eventLoopLagP99Ms),
    eventLoopLagMaxMs: middle((stretch) => stretch.eventLoopLagMaxMs),
    idleLagP99Ms: middle((stretch) => stretch.idleLagP99Ms),
    ownLagP99Ms: middle((stretch) => stretch.ownLagP99Ms),
  }
}

/** Of each figure the worst of the samples; what is the gateway's own is told apart within a sample. */
export function worstOf(samples: readonly LagSample[]): LagFigures {
  const worst = (of: (sample: LagSample) => number) => Math.max(...samples.map(of))
  return {
    eventLoopLagP99Ms: worst(({ sluice }) => sluice.p99Ms),
    eventLoopLagMaxMs: worst(({ sluice }) => sluice.maxMs),
    idleLagP99Ms: worst(({ idle }) => idle.p99Ms),
    ownLagP99Ms: worst(({ sluice, idle }) => Math.max(0, sluice.p99Ms - idle.p99Ms)),
  }
}

/** What a scrape itself holds up is in the figures of the next one. */
async function scrapes(target: RunningTarget, idle: IdleGauge): Promise<LagSample[]> {
  const samples = []
  for (let scrape = 0; scrape < SCRAPES; scrape += 1) {
    await delay(SCRAPED_EACH_MS)
    samples.push(await readLag(target, idle))
  }
  return samples
}

async function readLag(target: RunningTarget, idle: IdleGauge): Promise<LagSample> {
  const [ofSluice, ofIdle] = await Promise.all([readEventLoopLag(target.port), idle.read()])
  return { sluice: ofSluice, idle: ofIdle }
}

async function load(target: RunningTarget, durationMs: number): Promise<void> {
  await Promise.all(
    partsOf(target).map((part) =>
      runLoad({
        kind: 'open-loop',
        request: part.request,
        serverPid: target.pid,
        callsPerSecond: part.perSecond,
        openAtStart: Math.min(part.perSecond, 32),
        warmUpMs: 0,
        durationMs,
      }),
    ),
  )
}

function partsOf(target: RunningTarget): Part[] {
  const today = new Date().toISOString().slice(0, 10)
  const list = (path: string): Part => ({ request: managementRequest(target, path), perSecond: 2 })
  return [
    { request: loadRequest(target, 'whole', LARGE_BODY), perSecond: 50 },
    { request: loadRequest(target, 'long', SMALL_BODY), perSecond: 10 },
    { request: { ...loadRequest(target, 'whole', SMALL_BODY), nesting: DEEP_NESTING }, perSecond: 10 },
    list('/key/list?size=100&return_full_object=true'),
    list('/team/list'),
    list(`/spend/logs?start_date=${today}&end_date=${today}&summarize=false`),
  ]
}

/** `/team/list` tells all of them. */
async function insertTeams(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(
      `insert into sluice_team (team_id, team_alias) select 'team-' || number, 'Team ' || number
       from generate_series(1, $1::integer) as number on conflict do nothing`,
      [TEAMS],
    )
  } finally {
    await client.end()
  }
}
