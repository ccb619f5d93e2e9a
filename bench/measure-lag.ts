/** How late the event loop of Sluice is while all that is long goes on at the same time. */
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { withCalledKeys } from './grown-targets.ts'
import type { LoadRequest } from './load-job.ts'
import { loadRequest, runLoad } from './run-load.ts'
import { LARGE_BODY, SMALL_BODY } from './section.ts'
import { managementRequest, readEventLoopLag, type EventLoopLag } from './sluice-targets.ts'
import type { RunningTarget, TargetContext } from './target.ts'

/** As many as a process tells apart in its metrics. */
const CALLED_KEYS = 2_500
const TEAMS = 1_000
const DEEP_NESTING = 10_000
const WARM_UP_MS = 5_000
const SCRAPES = 3
const SCRAPED_EACH_MS = 4_000

/** A load, and how much of it a second. */
interface Part {
  readonly request: LoadRequest
  readonly perSecond: number
}

/**
 * Fifty bodies of 2 MB a second, and beside them answers of 100,000 tokens, refusals of bodies that are too deep, lists
 * of the management API, and scrapes of the metrics.
 *
 * @returns of the scrapes the one with the latest.
 */
export async function measureLag(context: TargetContext): Promise<EventLoopLag> {
  const grown = withCalledKeys(CALLED_KEYS)
  await using target = await grown.start(context)
  await insertTeams(await context.databaseUrl(grown.name))
  await load(target, WARM_UP_MS)
  // The gauges tell of the time since they were last read.
  await readEventLoopLag(target.port)
  const [lags] = await Promise.all([scrapes(target), load(target, SCRAPES * SCRAPED_EACH_MS)])
  return {
    p99Ms: Math.max(...lags.map(({ p99Ms }) => p99Ms)),
    maxMs: Math.max(...lags.map(({ maxMs }) => maxMs)),
  }
}

/** What a scrape itself holds up is in the figures of the next one. */
async function scrapes(target: RunningTarget): Promise<EventLoopLag[]> {
  const lags = []
  for (let scrape = 0; scrape < SCRAPES; scrape += 1) {
    await delay(SCRAPED_EACH_MS)
    lags.push(await readEventLoopLag(target.port))
  }
  return lags
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
