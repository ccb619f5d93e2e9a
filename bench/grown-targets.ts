/** Sluice after something in it has grown: keys in its database, streams that are open, series of its metrics. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import pg from 'pg'
import type { HeldStreamsJob, KeyRange } from './load-job.ts'
import { keyOf } from './request-source.ts'
import { loadRequest, runLoad } from './run-load.ts'
import { SMALL_BODY } from './section.ts'
import { onCore, stopProcess } from './server-process.ts'
import { EVERYTHING_ON } from './sluice-forms.ts'
import { readMetrics, startSluice } from './sluice-targets.ts'
import type { RunningTarget, Target } from './target.ts'

const KEY_PREFIX = 'sk-bench-'
const KEY_BUDGET_PICODOLLARS = 1_000_000_000_000_000_000n
const CONNECTIONS = 32

/** @param used how many of the keys calls take in turn. */
export function withKeys(count: number, used: number): Target {
  const [all, some] = [count, used].map((number) => number.toLocaleString('en-US'))
  const title = `${all} keys, ${some} in use`
  return withKeysInDatabase(count, `sluice-keys-${count}-${used}`, title, async (running) => {
    const keys = { prefix: KEY_PREFIX, count: used }
    await callEach(running, keys)
    return { ...running, keys }
  })
}

/** Each call brings a key that was not called before. */
export function withNewKeys(count: number): Target {
  const title = `${count.toLocaleString('en-US')} keys, a new one each call`
  return withKeysInDatabase(count, `sluice-keys-${count}-new`, title, (running) =>
    Promise.resolve({ ...running, keys: { prefix: KEY_PREFIX, count, beginsAnywhere: true } }),
  )
}

/** Rows with the same number of keys share a database: it takes long to fill. */
function withKeysInDatabase(
  count: number,
  name: string,
  title: string,
  grow: (running: RunningTarget) => Promise<RunningTarget>,
): Target {
  const form = { ...EVERYTHING_ON, name }
  const database = `keys-${count}`
  return {
    name,
    title,
    settings: `everything on, ${count.toLocaleString('en-US')} keys with a budget each, written into the database`,
    start: async (context) => {
      const url = await context.databaseUrl(database)
      const shared = { ...context, databaseUrl: () => Promise.resolve(url) }
      return await grown(await startSluice(form, shared), async (running) => {
        await insertKeys(url, count)
        return await grow(running)
      })
    },
  }
}

/** Series of metrics, by keys that have been called. */
export function withCalledKeys(count: number): Target {
  const words = count.toLocaleString('en-US')
  const form = { ...EVERYTHING_ON, name: `sluice-series-${count}` }
  return {
    name: form.name,
    title: `after calls by ${words} keys`,
    settings: 'everything on',
    start: async (context) => {
      const url = await context.databaseUrl(form.name)
      return await grown(await startSluice(form, context), async (running) => {
        await insertKeys(url, count)
        await callEach(running, { prefix: KEY_PREFIX, count })
        const page = await readMetrics(running.port)
        const series = page.split('\n').filter((line) => /^[a-z]/.test(line)).length
        return { ...running, note: `${series.toLocaleString('en-US')} lines on the metrics page` }
      })
    },
  }
}

/** Streams that another load generator holds open meanwhile. */
export function withOpenStreams(streams: number): Target {
  const words = streams.toLocaleString('en-US')
  const form = { ...EVERYTHING_ON, name: `sluice-beside-${streams}` }
  return {
    name: form.name,
    title: `${words} open streams`,
    settings: 'everything on',
    start: async (context) => {
      return await grown(await startSluice(form, context), async (running) => {
        if (streams === 0) return running
        const stopHolding = await holdStreams(running, streams)
        return {
          ...running,
          [Symbol.asyncDispose]: async () => {
            await stopHolding()
            await running[Symbol.asyncDispose]()
          },
        }
      })
    },
  }
}

/** A target that cannot be brought to where it should be is stopped. */
async function grown(
  running: RunningTarget,
  grow: (running: RunningTarget) => Promise<RunningTarget>,
): Promise<RunningTarget> {
  try {
    return await grow(running)
  } catch (error) {
    await running[Symbol.asyncDispose]()
    throw error
  }
}

/** As `/key/generate` would, in one statement; nothing where they are there. */
async function insertKeys(url: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rowCount } = await client.query('select from sluice_virtual_key where key_name = $1 limit 1', [
      `sk-...${count - 1}`,
    ])
    if (rowCount !== 0) return
    await client.query(
      `insert into sluice_virtual_key (key_hash, key_name, max_budget)
       select encode(sha256(($1 || lpad(number::text, $2, '0'))::bytea), 'hex'), 'sk-...' || number, $3
       from generate_series(0, $4 - 1) as number`,
      [KEY_PREFIX, keyOf('', 0).length, String(KEY_BUDGET_PICODOLLARS), count],
    )
    await client.query('analyze sluice_virtual_key')
  } finally {
    await client.end()
  }
}

/** Calls each key once: that first call asks the database. */
async function callEach(running: RunningTarget, keys: KeyRange): Promise<void> {
  const figures = await runLoad({
    kind: 'counted-calls',
    request: { ...loadRequest(running, 'whole', SMALL_BODY), keys },
    serverPid: running.pid,
    connections: CONNECTIONS,
    calls: keys.count,
  })
  if (figures.failures > 0)
    throw new Error(`${figures.failures} first calls of keys were not answered with 200`)
}

/** @returns what ends it. Resolves when all of the streams flow. */
async function holdStreams(running: RunningTarget, streams: number): Promise<() => Promise<void>> {
  const job: HeldStreamsJob = {
    kind: 'held-streams',
    request: loadRequest(running, 'quiet', SMALL_BODY),
    serverPid: running.pid,
    streams,
  }
  const program = join(import.meta.dirname, 'hold-process.ts')
  const [command, ...argv] = onCore('load', [process.execPath, program, JSON.stringify(job)])
  const child = spawn(command, argv, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(createInterface({ input: child.stdout }), 'line')
  return () => stopProcess(child)
}
