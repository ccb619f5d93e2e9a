/** Worker processes behind one listener: they look like one process from outside, and none is missed when it goes. */
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startSimulator, type Simulator } from '../../src/sim/index.ts'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { readExposition, samplesOf } from '../telemetry/read-exposition.ts'
import { ask, chat, isWholeStream, StreamingLoad } from './client.ts'
import { Installation, type LogLine } from './gateway-process.ts'

const LISTENING = /"msg":"listening"/

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

async function install(settings = ''): Promise<Installation> {
  return new Installation(simulator.url, await postgresql.createDatabase(), settings)
}

/** The sum of a metric's series, of whichever worker the scrape comes to. */
async function metric(url: string, name: string): Promise<number> {
  const page = await ask(`${url}/metrics`)
  const samples = samplesOf(readExposition(page.text), name)
  return samples.reduce((sum, { value }) => sum + value, 0)
}

async function callEach(url: string, calls: number): Promise<void> {
  for (let call = 0; call < calls; call += 1) {
    expect((await ask(`${url}/v1/chat/completions`, { body: chat(1, 0, false) })).status).toBe(200)
  }
}

function areGone(pids: readonly number[]): boolean {
  return pids.every((pid) => {
    try {
      process.kill(pid, 0)
      return false
    } catch {
      return true
    }
  })
}

const PEM = join(import.meta.dirname, '../sim/localhost.pem')
const CERTIFICATE = ['--ssl_keyfile_path', PEM, '--ssl_certfile_path', PEM]

/** Asks over a connection of its own, in a session that it may take up. */
async function askOverTls(port: number, session?: Buffer): Promise<{ reused: boolean; ticket: Buffer }> {
  const socket = connect({ host: '127.0.0.1', port, session, rejectUnauthorized: false })
  let ticket: Buffer = Buffer.alloc(0)
  socket.on('session', (given: Buffer) => (ticket = given))
  await once(socket, 'secureConnect')
  const reused = socket.isSessionReused()
  socket.end('GET /health/liveliness HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n').resume()
  await once(socket, 'close')
  return { reused, ticket }
}

const CALLS = 'litellm_proxy_total_requests_metric_total'

test('calls are spread over the workers, and every scrape counts all of them, also those of a worker that was killed', async () => {
  using installation = await install()
  await using gateway = installation.start(['--num_workers', '3'])
  const url = await gateway.url()
  await gateway.printed(LISTENING, 3)
  const workers = gateway.workers()
  expect(workers).toHaveLength(3)
  await callEach(url, 30)
  // Each comes to the next worker: all must tell the same.
  for (let scrape = 0; scrape < 4; scrape += 1) {
    expect(await metric(url, CALLS)).toBe(30)
    expect(await metric(url, 'litellm_request_total_latency_metric_count')).toBe(30)
    expect(await metric(url, 'sluice_received_calls_total')).toBe(30)
    expect(await metric(url, 'litellm_in_flight_requests')).toBe(1)
    expect(await metric(url, 'sluice_workers')).toBe(3)
  }
  process.kill(workers[1]!, 'SIGKILL')
  await gateway.printed(LISTENING, 4)
  expect(await metric(url, CALLS)).toBe(30)
  expect(await metric(url, 'sluice_worker_exits_total')).toBe(1)
  await callEach(url, 9)
  expect(await metric(url, CALLS)).toBe(39)
  expect(await metric(url, 'sluice_received_calls_total')).toBe(39)
  const all = gateway.workers()
  expect(await gateway.stop()).toBe(0)
  expect(areGone([...workers, ...all])).toBe(true)
})

test('a SIGTERM lets the streams of all workers end, and loses no row of the ledger', async () => {
  using installation = await install()
  await using gateway = installation.start(['--num_workers', '2'])
  const url = await gateway.url()
  await gateway.printed(LISTENING, 2)
  const streams = Array.from({ length: 8 }, () => {
    const began = Promise.withResolvers<void>()
    const body = chat(50, 20)
    return {
      began: began.promise,
      call: ask(`${url}/v1/chat/completions`, { body, onText: () => began.resolve() }),
    }
  })
  await Promise.all(streams.map(({ began }) => began))
  expect(await gateway.stop()).toBe(0)
  const calls = await Promise.all(streams.map(({ call }) => call))
  expect(calls.every(isWholeStream)).toBe(true)
  await using again = installation.start()
  const logs = await ask(`${await again.url()}/spend/logs`)
  expect(JSON.parse(logs.text)).toHaveLength(8)
})

test('a key that one worker blocks is refused by all others within a second', async () => {
  using installation = await install()
  await using gateway = installation.start(['--num_workers', '3'])
  const url = await gateway.url()
  await gateway.printed(LISTENING, 3)
  const made = await ask(`${url}/key/generate`, { body: { user_id: 'someone' } })
  const { key } = JSON.parse(made.text) as { key: string }
  const statuses = async (): Promise<ReadonlySet<number>> => {
    const got = await Promise.all(
      Array.from({ length: 12 }, () => ask(`${url}/v1/chat/completions`, { key, body: chat(1, 0, false) })),
    )
    return new Set(got.map(({ status }) => status))
  }
  expect(await statuses()).toEqual(new Set([200]))
  await ask(`${url}/key/block`, { body: { key } })
  // A slow machine gets a little longer than the second that is promised.
  await vi.waitFor(async () => expect(await statuses()).toEqual(new Set([401])), { timeout: 3_000 })
})

test('without Redis the workers count limits together: no more calls go through than one process would let', async () => {
  using installation = await install()
  await using gateway = installation.start(['--num_workers', '3'])
  const url = await gateway.url()
  await gateway.printed(LISTENING, 3)
  const made = await ask(`${url}/key/generate`, { body: { rpm_limit: 10 } })
  const { key } = JSON.parse(made.text) as { key: string }
  const got = await Promise.all(
    Array.from({ length: 30 }, () => ask(`${url}/v1/chat/completions`, { key, body: chat(1, 0, false) })),
  )
  expect(got.filter(({ status }) => status === 200)).toHaveLength(10)
  expect(got.filter(({ status }) => status === 429)).toHaveLength(20)
})

test('a second signal ends the workers at once, too', async () => {
  using installation = await install()
  await using gateway = installation.start(['--num_workers', '2'])
  const url = await gateway.url()
  await gateway.printed(LISTENING, 2)
  const workers = gateway.workers()
  const began = Promise.withResolvers<void>()
  const call = ask(`${url}/v1/chat/completions`, { body: chat(10_000, 20), onText: () => began.resolve() })
  await began.promise
  gateway.signal('SIGTERM')
  await gateway.printed(/"msg":"stopping"/)
  expect(await gateway.stop()).toBe(130)
  expect((await call).whole).toBe(false)
  await vi.waitFor(() => expect(areGone(workers)).toBe(true), { timeout: 10_000 })
})

test('workers that have had their requests are replaced without a failed call, also where there is only one', async () => {
  using installation = await install()
  await using gateway = installation.start(['--max_requests_before_restart', '60'])
  const url = await gateway.url()
  const first = gateway.workers()
  expect(first).toHaveLength(1)
  const load = new StreamingLoad(url, 20)
  await gateway.printed(/a worker is replaced/, 2)
  await load.more(40)
  expect(await load.end()).toEqual([])
  expect(gateway.workers()).not.toContain(first[0])
  expect(await gateway.stop()).toBe(0)
}, 60_000)

test('/health/drain takes all workers out of the traffic, and waits for the calls of all', async () => {
  using installation = await install('\ngeneral_settings:\n  enable_drain_endpoint: true\n')
  await using gateway = installation.start(['--num_workers', '2'])
  const url = await gateway.url()
  await gateway.printed(LISTENING, 2)
  const calls = Array.from({ length: 4 }, () => ask(`${url}/v1/chat/completions`, { body: chat(30, 20) }))
  await vi.waitFor(async () => expect(await metric(url, 'litellm_in_flight_requests')).toBe(5))
  const drained = await ask(`${url}/health/drain`)
  expect(JSON.parse(drained.text)).toEqual({ status: 'drained', in_flight_requests: 0 })
  expect((await Promise.all(calls)).every(isWholeStream)).toBe(true)
  for (let probe = 0; probe < 4; probe += 1) {
    expect((await ask(`${url}/health/readiness`)).status).toBe(503)
  }
})

test('/health/backlog counts the requests of all workers, whichever is asked', async () => {
  using installation = await install()
  await using gateway = installation.start(['--num_workers', '3'])
  const url = await gateway.url()
  await gateway.printed(LISTENING, 3)
  const begun = Array.from({ length: 9 }, () => Promise.withResolvers<void>())
  const calls = begun.map(({ resolve }) =>
    ask(`${url}/v1/chat/completions`, { body: chat(60, 50), onText: () => resolve() }),
  )
  await Promise.all(begun.map(({ promise }) => promise))
  for (let probe = 0; probe < 6; probe += 1) {
    const backlog = await ask(`${url}/health/backlog`)
    expect(JSON.parse(backlog.text)).toEqual({ in_flight_requests: 10 })
  }
  expect((await Promise.all(calls)).every(isWholeStream)).toBe(true)
})

test('without the process above them workers end their calls, and then themselves', async () => {
  using installation = await install()
  await using gateway = installation.start(['--num_workers', '2'])
  const url = await gateway.url()
  await gateway.printed(LISTENING, 2)
  const workers = gateway.workers()
  const began = Promise.withResolvers<void>()
  const call = ask(`${url}/v1/chat/completions`, { body: chat(30, 20), onText: () => began.resolve() })
  await began.promise
  gateway.signal('SIGKILL')
  expect(isWholeStream(await call)).toBe(true)
  await vi.waitFor(() => expect(areGone(workers)).toBe(true), { timeout: 20_000 })
})

test('every line that four workers write at the same time comes out whole, and none is missing', async () => {
  using installation = await install()
  await using gateway = installation.start(['--num_workers', '4'])
  const url = await gateway.url()
  await gateway.printed(LISTENING, 4)
  const clients = Array.from({ length: 24 }, async () => {
    for (let call = 0; call < 25; call += 1)
      await ask(`${url}/v1/chat/completions`, { body: chat(1, 0, false) })
  })
  await Promise.all(clients)
  expect(await gateway.stop()).toBe(0)
  const lines = gateway.output.split('\n').filter(Boolean)
  const calls = lines.map((line) => JSON.parse(line) as LogLine).filter(({ event }) => event === 'call')
  expect(calls).toHaveLength(24 * 25)
})

test('a TLS session that one worker began is taken up by the others', async () => {
  using installation = await install()
  await using gateway = installation.start(['--num_workers', '3', ...CERTIFICATE])
  const { port } = new URL((await gateway.printed(/"url":"https:[^"]+"/)).slice(7, -1))
  await gateway.printed(LISTENING, 3)
  const { ticket } = await askOverTls(Number(port))
  const later = await Promise.all(Array.from({ length: 12 }, () => askOverTls(Number(port), ticket)))
  expect(later.every(({ reused }) => reused)).toBe(true)
})

test('a port that another program listens on is told once, and ends the process', async () => {
  using installation = await install()
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  await using gateway = installation.start(['--num_workers', '2', '--port', String(port)])
  expect(await gateway.ended()).toBe(1)
  expect(gateway.output.match(/is in use by another program/g)).toHaveLength(1)
  other.close()
})

test('with the embedded database one worker runs, and a warning says why', async () => {
  using installation = new Installation(simulator.url)
  await using gateway = installation.start(['--num_workers', '4', '--max_requests_before_restart', '5'])
  const url = await gateway.url()
  await gateway.printed(/num_workers 4 needs PostgreSQL/)
  await gateway.printed(/max_requests_before_restart needs PostgreSQL/)
  await callEach(url, 10)
  expect(gateway.workers()).toHaveLength(1)
  expect(await gateway.stop()).toBe(0)
})

test('what keeps the first worker from starting is told once, and ends the process with its code', async () => {
  using installation = new Installation(simulator.url, undefined, '\nrouter_settings:\n  num_retries: many\n')
  await using gateway = installation.start(['--num_workers', '3'])
  expect(await gateway.ended()).toBe(1)
  expect(gateway.output.match(/num_retries/g)).toHaveLength(1)
})
