/** Worker processes that are killed or replaced while clients connect: nobody is left without an answer or an end. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startSimulator, type Simulator } from '../../src/sim/index.ts'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { ask, chat, type Got } from './client.ts'
import { Installation } from './gateway-process.ts'

const LISTENING = /"msg":"listening"/

/** No answer here takes a hundredth of it: who has none by then has been forgotten. */
const FORGOTTEN_MS = 20_000

let simulator: Simulator
let postgresql: TestPostgresql

beforeAll(async () => {
  simulator = await startSimulator({ port: 0 })
  postgresql = await startPostgresql()
})

afterAll(async () => {
  await simulator.close()
  await postgresql[Symbol.asyncDispose]()
})

async function install(): Promise<Installation> {
  return new Installation(simulator.url, await postgresql.createDatabase())
}

/** A call over a connection of its own. Undefined when it has had neither an answer nor an end. */
async function call(url: string): Promise<Got | undefined> {
  const signal = AbortSignal.timeout(FORGOTTEN_MS)
  const got = await ask(`${url}/v1/chat/completions`, { body: chat(1, 0, false), signal })
  return signal.aborted ? undefined : got
}

/** Clients that open a connection for each call, one call after the other. */
class ConnectingLoad {
  readonly #running: Promise<void>[]
  readonly answers: (Got | undefined)[] = []
  #ending = false

  constructor(url: string, clients: number) {
    this.#running = Array.from({ length: clients }, () => this.#run(url))
  }

  /** Waits until `count` more calls have ended. */
  async more(count: number): Promise<void> {
    const until = this.answers.length + count
    while (this.answers.length < until) await new Promise((resolve) => setTimeout(resolve, 5))
  }

  async end(): Promise<readonly (Got | undefined)[]> {
    this.#ending = true
    await Promise.all(this.#running)
    return this.answers
  }

  async #run(url: string): Promise<void> {
    while (!this.#ending) this.answers.push(await call(url))
  }
}

test('a connection that a worker had been given when it was killed has an end', async () => {
  using installation = await install()
  await using gateway = installation.start(['--num_workers', '2'])
  const url = await gateway.url()
  await gateway.printed(LISTENING, 2)
  const [killed] = gateway.workers()
  // It is given connections, and takes none any more.
  process.kill(killed!, 'SIGSTOP')
  const calls = Array.from({ length: 12 }, () => call(url))
  await Promise.race(calls)
  process.kill(killed!, 'SIGKILL')
  const answers = await Promise.all(calls)
  expect(answers).not.toContain(undefined)
  expect(answers.filter((answer) => answer?.status === 200)).not.toHaveLength(0)
}, 60_000)

test('while workers are killed under load every call has an answer or an end, and the others go on', async () => {
  using installation = await install()
  await using gateway = installation.start(['--num_workers', '3'])
  const url = await gateway.url()
  await gateway.printed(LISTENING, 3)
  const load = new ConnectingLoad(url, 24)
  for (let kill = 1; kill <= 4; kill += 1) {
    await load.more(60)
    const workers = gateway.workers()
    process.kill(workers[kill % workers.length]!, 'SIGKILL')
    await gateway.printed(LISTENING, 3 + kill)
  }
  await load.more(60)
  const answers = await load.end()
  expect(answers).not.toContain(undefined)
  const failed = answers.filter((answer) => answer?.status !== 200)
  // Of each killed worker, those that were under way in it.
  expect(failed.length).toBeLessThanOrEqual(4 * 24)
  expect(failed.every((answer) => answer?.status === 0)).toBe(true)
}, 120_000)

test('who connects while the only worker is gone is served by the next one', async () => {
  using installation = await install()
  await using gateway = installation.start(['--max_requests_before_restart', '100000'])
  const url = await gateway.url()
  const [only] = gateway.workers()
  process.kill(only!, 'SIGKILL')
  await gateway.printed(/a worker has died/)
  const answers = await Promise.all(Array.from({ length: 12 }, () => call(url)))
  expect(answers.map((answer) => answer?.status)).toEqual(Array.from({ length: 12 }, () => 200))
}, 60_000)

test('no connection is refused or cut while workers are replaced', async () => {
  using installation = await install()
  await using gateway = installation.start(['--num_workers', '2', '--max_requests_before_restart', '300'])
  const url = await gateway.url()
  await gateway.printed(LISTENING, 2)
  const load = new ConnectingLoad(url, 24)
  await gateway.printed(/a worker is replaced/, 4)
  await load.more(100)
  const answers = await load.end()
  expect(answers.length).toBeGreaterThan(1_000)
  expect(answers.filter((answer) => answer?.status !== 200)).toEqual([])
}, 120_000)
