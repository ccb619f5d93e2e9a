/**
 * `npm run soak`: hours of mixed load on one gateway with faults of clients, providers and stores, while its memory is
 * watched. Prints a line a minute, and in the end how fast memory grew after the warm-up.
 *
 * `--minutes 60` (1440 for a day), `--calls-per-second 60`; `--record` puts what was found into the published result.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { NODE_FLAGS } from '../../bin/node-flags.js'
import { startPostgresql } from '../../test/postgresql.ts'
import { startRedis } from '../../test/redis.ts'
import { residentBytes } from '../process-figures.ts'
import { publish, readPublished } from '../publish.ts'
import type { SoakResult } from '../result.ts'
import { freePort, startProcess, stopProcess, waitUntilReady } from '../server-process.ts'
import { generateKey, MAIN, MASTER_KEY, readMetrics } from '../sluice-targets.ts'
import { playSoakCall } from './client.ts'
import { inUse } from './live-memory.ts'
import { callByLot, SOAK_CALLS, type SoakCall } from './plan.ts'
import { Rests } from './rests.ts'
import { minuteLows, slopeOf, type Sample } from './slope.ts'
import { troubleStores } from './stores.ts'

/** What the whole process may take; the heap of JavaScript objects is bounded well below. */
const LIMIT_BYTES = 512e6
const HEAP_LIMIT_MB = 256
const GOAL_BYTES_PER_HOUR = 1e6

const SAMPLE_EVERY_MS = 10_000
const SAMPLES_A_LINE = 6
/** Caches fill and code is compiled: a fifth of the run, within these bounds. */
const WARM_UP_SHARE = 0.2
const SHORTEST_WARM_UP_MS = 600_000
const LONGEST_WARM_UP_MS = 1_800_000
/** What is shorter cannot tell growth from the noise of single collections. */
const LEAST_JUDGED_MS = 1_200_000
const KEYS = 20

/** After the last answer its call is booked, and what it held is let go. */
const SETTLES_MS = 3_000

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    'calls-per-second': { type: 'string', default: '60' },
    record: { type: 'boolean' },
  },
})
const durationMs = Number(values.minutes) * 60_000
const callsPerSecond = Number(values['calls-per-second'])
if (!(durationMs > 0 && callsPerSecond > 0)) {
  throw new RangeError('--minutes and --calls-per-second: expected numbers above zero')
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}

interface Tally {
  calls: number
  whole: number
  /** Sound calls that did not come to a whole answer. */
  lost: number
}

interface Watched {
  readonly resident: Sample[]
  readonly heap: Sample[]
  readonly external: Sample[]
  /** In use after a full collection, while no call is under way. */
  readonly live: Sample[]
  /** Of that, what V8 has compiled. */
  readonly code: Sample[]
}

/** Calls at a steady rate, each on its way whatever becomes of the others. */
async function playCalls(
  url: string,
  keys: readonly string[],
  until: AbortSignal,
  rests: Rests,
): Promise<Map<string, Tally>> {
  const tallies = new Map(SOAK_CALLS.map(({ name }) => [name, { calls: 0, whole: 0, lost: 0 }]))
  const underWay = new Set<Promise<void>>()
  let dueAtMs = performance.now()
  for (let number = 0; !until.aborted; number += 1) {
    if (rests.isWanted) {
      await Promise.all(underWay)
      await rests.take()
      dueAtMs = performance.now()
    }
    const call = callByLot(Math.random())
    const played = play(call, url, keys[number % keys.length] ?? '', tallies).finally(() =>
      underWay.delete(played),
    )
    underWay.add(played)
    dueAtMs += 1_000 / callsPerSecond
    const leftMs = dueAtMs - performance.now()
    if (leftMs > 0) await delay(leftMs)
  }
  await Promise.all(underWay)
  rests.end()
  return tallies
}

async function play(call: SoakCall, url: string, key: string, tallies: Map<string, Tally>): Promise<void> {
  const end = await playSoakCall(call, url, key)
  const tally = tallies.get(call.name)
  if (tally === undefined) return
  tally.calls += 1
  if (end.kind === 'whole') tally.whole += 1
  else if (call.isSound) {
    tally.lost += 1
    say(`LOST ${call.name}: ${end.kind === 'broken' ? end.why : 'the client left'}`)
  }
}

async function watchMemory(
  pid: number,
  port: number,
  until: AbortSignal,
  watched: Watched,
  startedAtMs: number,
): Promise<void> {
  for (let count = 1; !until.aborted; count += 1) {
    await delay(SAMPLE_EVERY_MS)
    const atMs = performance.now() - startedAtMs
    const page = await readMetrics(port)
    watched.resident.push({ atMs, bytes: residentBytes(pid) })
    watched.heap.push({ atMs, bytes: metricOf(page, 'nodejs_heap_size_used_bytes') })
    watched.external.push({ atMs, bytes: metricOf(page, 'nodejs_external_memory_bytes') })
    if (count % SAMPLES_A_LINE === 0) say(lineOf(atMs, watched, page))
  }
}

function metricOf(page: string, name: string): number {
  const line = page.split('\n').find((text) => text.startsWith(`${name} `) || text.startsWith(`${name}{`))
  return Number(line?.slice(line.lastIndexOf(' ') + 1) ?? Number.NaN)
}

function lineOf(atMs: number, { resident, heap, external }: Watched, page: string): string {
  const last = (samples: readonly Sample[]): string => megabytes(samples.at(-1)?.bytes ?? Number.NaN)
  const inFlight = metricOf(page, 'litellm_in_flight_requests')
  return `${(atMs / 60_000).toFixed(0)} min: RSS ${last(resident)}, heap ${last(heap)}, external ${last(external)}, ${inFlight} in flight`
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`
}

/** Tells what memory did. Growth is not judged where a run was too short to tell. */
function tellMemory({
  resident,
  heap,
  external,
  live,
  code,
}: Watched): Pick<SoakResult, 'mostResidentBytes' | 'growth' | 'liveGrowth' | 'codeGrowth'> {
  const warmUpMs = Math.min(Math.max(durationMs * WARM_UP_SHARE, SHORTEST_WARM_UP_MS), LONGEST_WARM_UP_MS)
  const afterWarmUp = (samples: readonly Sample[]): Sample[] => samples.filter(({ atMs }) => atMs >= warmUpMs)
  const mostResidentBytes = Math.max(...resident.map(({ bytes }) => bytes))
  say(`RSS at most ${megabytes(mostResidentBytes)} of ${megabytes(LIMIT_BYTES)}`)
  if (durationMs - warmUpMs < LEAST_JUDGED_MS) {
    say(
      `growth is not judged: the run is shorter than ${(SHORTEST_WARM_UP_MS + LEAST_JUDGED_MS) / 60_000} minutes`,
    )
    return { mostResidentBytes, growth: undefined, liveGrowth: undefined }
  }
  for (const [name, samples] of Object.entries({ heap, external })) tellSlope(name, afterWarmUp(samples))
  return {
    mostResidentBytes,
    growth: tellSlope('RSS', afterWarmUp(resident)),
    liveGrowth: tellSlope('in use', afterWarmUp(live)),
    codeGrowth: tellSlope('of that, compiled code', afterWarmUp(code)),
  }
}

/**
 * What is in use after a collection is told well within an hour. The resident set is not: it fails when nine of ten
 * pairs of samples say that it grows.
 */
function keptBounds({ mostResidentBytes, growth, liveGrowth, lostCalls }: SoakResult): boolean {
  return (
    lostCalls === 0 &&
    mostResidentBytes <= LIMIT_BYTES &&
    (growth === undefined || growth.low <= GOAL_BYTES_PER_HOUR) &&
    (liveGrowth === undefined || liveGrowth.bytesPerHour <= GOAL_BYTES_PER_HOUR)
  )
}

function tellSlope(name: string, samples: readonly Sample[]) {
  const slope = slopeOf(minuteLows(samples))
  const [middle, low, high] = [slope.bytesPerHour, slope.low, slope.high].map((value) =>
    (value / 1e6).toFixed(2),
  )
  say(`${name}: ${middle} MB an hour after the warm-up (eight of ten pairs of samples: ${low} to ${high})`)
  return slope
}

function tellCalls(
  tallies: ReadonlyMap<string, Tally>,
): Pick<SoakResult, 'calls' | 'soundCalls' | 'lostCalls'> {
  const sums = { calls: 0, soundCalls: 0, lostCalls: 0 }
  for (const { name, isSound } of SOAK_CALLS) {
    const tally = tallies.get(name)
    if (tally === undefined) continue
    sums.calls += tally.calls
    sums.lostCalls += tally.lost
    if (isSound) sums.soundCalls += tally.calls
    say(
      `${name}: ${tally.calls} calls, ${tally.whole} whole${tally.lost === 0 ? '' : `, ${tally.lost} LOST`}`,
    )
  }
  return sums
}

function configuration(simulatorPort: number): string {
  const base = `http://127.0.0.1:${simulatorPort}`
  const models = [
    {
      model_name: 'gpt',
      litellm_params: { model: 'openai/gpt-5.5', api_base: `${base}/v1`, api_key: 'sk-soak' },
    },
    {
      model_name: 'claude',
      litellm_params: { model: 'anthropic/claude-sonnet-4-6', api_base: base, api_key: 'sk-soak' },
    },
  ]
  return JSON.stringify({
    model_list: models,
    // What keeps sound calls sound while PostgreSQL is away.
    general_settings: { master_key: 'os.environ/LITELLM_MASTER_KEY', allow_requests_on_db_unavailable: true },
    router_settings: { retry_after: 0 },
  })
}

async function startGateway(directory: string, environment: Readonly<Record<string, string>>) {
  const port = await freePort()
  const configFile = join(directory, 'sluice.yaml')
  const inspectorPort = await freePort()
  const inspect = `--inspect=127.0.0.1:${inspectorPort}`
  const flags = [...NODE_FLAGS, `--max-old-space-size=${HEAP_LIMIT_MB}`, inspect]
  const argv = [
    '--config',
    configFile,
    '--host',
    '127.0.0.1',
    '--port',
    String(port),
    '--data-dir',
    directory,
  ]
  const child = startProcess(process.execPath, [...flags, MAIN, ...argv], {
    core: 'server',
    env: { LITELLM_MASTER_KEY: MASTER_KEY, NODE_ENV: 'production', ...environment },
  })
  await waitUntilReady(child, port, '/health/readiness')
  return { child, port, inspectorPort }
}

async function startSimulator(): Promise<{ child: ReturnType<typeof startProcess>; port: number }> {
  const port = await freePort()
  const child = startProcess(process.execPath, [MAIN, 'sim', '--port', String(port)], { core: 'load' })
  await waitUntilReady(child, port, '/__sim/meter')
  return { child, port }
}

/** The simulator's meter keeps every call until it is told to begin anew. */
async function forgetMeter(port: number, until: AbortSignal): Promise<void> {
  while (!until.aborted) {
    await delay(SAMPLE_EVERY_MS)
    await fetch(`http://127.0.0.1:${port}/__sim/meter`, { method: 'DELETE' })
  }
}

async function soak(): Promise<SoakResult> {
  await using stack = new AsyncDisposableStack()
  const directory = mkdtempSync(join(tmpdir(), 'sluice-soak-'))
  stack.defer(() => rmSync(directory, { recursive: true, force: true }))
  const postgresql = stack.use(await startPostgresql())
  const redis = stack.use(await startRedis())
  const simulator = await startSimulator()
  stack.defer(() => stopProcess(simulator.child))
  writeFileSync(join(directory, 'sluice.yaml'), configuration(simulator.port))
  const stores = { DATABASE_URL: await postgresql.createDatabase(), REDIS_URL: redis.url }
  const gateway = await startGateway(directory, stores)
  stack.defer(() => stopProcess(gateway.child))
  const limits = { max_budget: 1_000_000, rpm_limit: 1_000_000, tpm_limit: 1_000_000_000 }
  const keys = await Promise.all(Array.from({ length: KEYS }, () => generateKey(gateway.port, limits)))
  say(`${values.minutes} minutes, ${callsPerSecond} calls a second, heap of at most ${HEAP_LIMIT_MB} MB`)
  const until = AbortSignal.timeout(durationMs)
  const watched: Watched = { resident: [], heap: [], external: [], live: [], code: [] }
  const startedAtMs = performance.now()
  const rests = new Rests()
  const weighLive = (): Promise<void> =>
    rests.during(async () => {
      await delay(SETTLES_MS)
      const { bytes, codeBytes } = await inUse(gateway.inspectorPort)
      const atMs = performance.now() - startedAtMs
      watched.live.push({ atMs, bytes })
      watched.code.push({ atMs, bytes: codeBytes })
      say(`in use after a collection: ${megabytes(bytes)}, of that compiled code ${megabytes(codeBytes)}`)
    })
  const [tallies] = await Promise.all([
    playCalls(`http://127.0.0.1:${gateway.port}`, keys, until, rests),
    watchMemory(gateway.child.pid, gateway.port, until, watched, startedAtMs),
    troubleStores(postgresql, redis, until, say, weighLive),
    forgetMeter(simulator.port, until),
  ])
  return {
    date: new Date().toISOString(),
    minutes: Number(values.minutes),
    callsPerSecond,
    ...tellCalls(tallies),
    ...tellMemory(watched),
  }
}

const found = await soak()
const published = values.record === true ? readPublished() : undefined
if (published !== undefined) publish({ ...published, soak: found })
const isGood = keptBounds(found)
say(isGood ? 'all bounds kept' : 'FAILED')
process.exitCode = isGood ? 0 : 1
