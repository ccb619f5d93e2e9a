/** How a process ends: what is under way, what is told, and when. */
import { Agent } from 'node:http'
import { connect } from 'node:net'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startSimulator, type Simulator } from '../../src/sim/index.ts'
import { ask, chat, isWholeStream } from './client.ts'
import { Installation } from './gateway-process.ts'

let simulator: Simulator

beforeAll(async () => {
  simulator = await startSimulator({ port: 0 })
})

afterAll(async () => await simulator.close())

test('with the grace over, a stream ends with its error event, a waiting call with a 503, and the exit code is 0', async () => {
  using installation = new Installation(simulator.url)
  await using gateway = installation.start(['--shutdown_grace', '0.3'])
  const url = `${await gateway.url()}/v1/chat/completions`
  const began = Promise.withResolvers<void>()
  const stream = ask(url, { body: chat(10_000, 20), onText: () => began.resolve() })
  const waiting = ask(url, {
    body: { model: 'gpt', messages: [{ role: 'user', content: '[[sim latency=600000]]' }] },
  })
  await began.promise
  expect(await gateway.stop()).toBe(0)
  const cut = await stream
  expect(cut.whole).toBe(true)
  expect(cut.text).toContain('The gateway stopped before the call ended.')
  expect(isWholeStream(cut)).toBe(false)
  const refused = await waiting
  expect(refused.status).toBe(503)
  expect(refused.headers['retry-after']).toBe('1')
  expect(refused.text).toContain('The gateway stopped before the call ended.')
  const calls = gateway.output.split('\n').filter((line) => line.includes('"event":"call"'))
  expect(calls.map((line) => (JSON.parse(line) as { ending: string }).ending)).toEqual(['timeout', 'timeout'])
})

test('where readiness is watched the listener stays open for a while, and every answer closes its connection', async () => {
  using installation = new Installation(simulator.url)
  await using gateway = installation.start(['--drain_notice', '2'])
  const url = await gateway.url()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  expect((await ask(`${url}/health/readiness`, { agent })).headers.connection).toBe('keep-alive')
  gateway.signal('SIGTERM')
  await gateway.printed(/"msg":"stopping"/)
  const last = await ask(`${url}/health/readiness`, { agent })
  expect([last.status, last.headers.connection]).toEqual([503, 'close'])
  // A client that the load balancer sent here before it noticed.
  const call = await ask(`${url}/v1/chat/completions`, { body: chat(3, 0) })
  expect(isWholeStream(call)).toBe(true)
  expect(call.headers.connection).toBe('close')
  agent.destroy()
  expect(await gateway.ended()).toBe(0)
})

test('a call whose client has left, and that is to be read to its end, is so within the grace', async () => {
  using installation = new Installation(
    simulator.url,
    undefined,
    '\ngeneral_settings:\n  cancel_on_disconnect: false\n',
  )
  await using gateway = installation.start()
  const began = Promise.withResolvers<void>()
  const leaving = new AbortController()
  const url = `${await gateway.url()}/v1/chat/completions`
  const left = ask(url, { body: chat(40, 30), onText: () => began.resolve(), signal: leaving.signal })
  await began.promise
  leaving.abort()
  expect((await left).whole).toBe(false)
  expect(await gateway.stop()).toBe(0)
  const line = gateway.output.split('\n').find((text) => text.includes('"event":"call"'))
  expect(JSON.parse(line!)).toMatchObject({ ending: 'client_gone', usage_source: 'provider' })
})

test('connections that are open and silent do not hold up the end', async () => {
  using installation = new Installation(simulator.url)
  await using gateway = installation.start()
  const url = new URL(await gateway.url())
  const agent = new Agent({ keepAlive: true })
  await ask(`${url.origin}/health/liveness`, { agent })
  const silent = connect(Number(url.port), url.hostname)
  await once(silent, 'connect')
  const closed = once(silent.resume(), 'close')
  expect(await gateway.stop()).toBe(0)
  await closed
})

test('a second signal ends the process at once', async () => {
  using installation = new Installation(simulator.url)
  await using gateway = installation.start()
  const began = Promise.withResolvers<void>()
  const url = `${await gateway.url()}/v1/chat/completions`
  const stream = ask(url, { body: chat(10_000, 20), onText: () => began.resolve() })
  await began.promise
  gateway.signal('SIGTERM')
  await gateway.printed(/"msg":"stopping"/)
  expect(await gateway.stop()).toBe(130)
  expect((await stream).whole).toBe(false)
})

test('a start that waits for its database ends by a signal, and by itself with a reason when the wait is over', async () => {
  const nowhere = 'postgresql://sluice@127.0.0.1:1/none'
  using installation = new Installation(simulator.url, nowhere)
  await using patient = installation.start()
  await patient.printed(/cannot be reached.*Trying again for/)
  expect(await patient.stop()).toBe(0)
  await using hasty = installation.start(['--database_wait', '0'])
  expect(await hasty.ended()).toBe(1)
  expect(hasty.output).toMatch(
    /^sluice: The database 127\.0\.0\.1:1\/none cannot be reached.*Check that it runs/m,
  )
})
