/** By which way calls come in, and why connections leave the front, as the metrics of a whole gateway tell it. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { freePort } from '../free-port.ts'
import { head, RawConnection, type RawAnswer } from '../hostile/raw-connection.ts'
import { startTestGateway, type TestGateway } from '../running-gateway.ts'
import { readExposition, samplesOf } from './read-exposition.ts'

const BODY = '{"model":"gpt","messages":[{"role":"user","content":"[[sim tokens=2]]"}]}'
const CALL = '/v1/chat/completions'

let gateway: TestGateway
/** Of their own port: a scrape is no connection of the listener. */
let metricsUrl: string
let before: Readonly<Record<string, number>>
const connections: RawConnection[] = []

beforeAll(async () => {
  const metricsPort = await freePort()
  metricsUrl = `http://127.0.0.1:${metricsPort}/metrics`
  gateway = await startTestGateway({ metricsPort })
})

afterAll(async () => {
  for (const connection of connections) connection.close()
  await gateway.stop()
})

beforeEach(async () => {
  before = await scrape()
})

function open(): RawConnection {
  const connection = new RawConnection(gateway.url)
  connections.push(connection)
  return connection
}

async function ask(connection: RawConnection, bytes: string): Promise<RawAnswer> {
  const answer = await connection.send(bytes).answer()
  if (answer === undefined) throw new Error(`no answer to ${bytes}`)
  return answer
}

function call(path = CALL, ...lines: readonly string[]): string {
  return head(`POST ${path} HTTP/1.1`, ...lines, `Content-Length: ${BODY.length}`) + BODY
}

/** All series of both metrics, by the value of their label. */
async function scrape(): Promise<Readonly<Record<string, number>>> {
  const page = readExposition(await (await fetch(metricsUrl)).text())
  const samples = ['sluice_received_calls_total', 'sluice_handed_over_connections_total'].flatMap((name) =>
    samplesOf(page, name),
  )
  return Object.fromEntries(samples.map(({ labels, value }) => [labels['way'] ?? labels['reason'], value]))
}

/** What has been counted in this test. */
async function counted(): Promise<Readonly<Record<string, number>>> {
  const now = Object.entries(await scrape())
  return Object.fromEntries(
    now.map(([name, value]) => [name, value - (before[name] ?? 0)] as const).filter(([, more]) => more > 0),
  )
}

test('every series is there from the start', () => {
  expect(before).toEqual({
    front: 0,
    node: 0,
    other_route: 0,
    http_version: 0,
    upgrade: 0,
    expect: 0,
    chunked: 0,
    connection: 0,
    late_head: 0,
    long_head: 0,
    odd_head: 0,
  })
})

test('calls are the front’s until something else comes over their connection, and Node’s from then on', async () => {
  const client = open()
  for (let each = 0; each < 5; each += 1) expect((await ask(client, call())).status).toBe(200)
  expect(await counted()).toEqual({ front: 5 })
  expect((await ask(client, head('GET /v1/models HTTP/1.1'))).status).toBe(200)
  for (let each = 0; each < 3; each += 1) expect((await ask(client, call())).status).toBe(200)
  expect(await counted()).toEqual({ front: 5, node: 3, other_route: 1 })
})

test('calls that are refused have come in, too', async () => {
  const refused = call().replace(/sk-[\w-]+/, 'sk-nobody')
  const client = open()
  expect((await ask(client, refused)).status).toBe(401)
  await ask(client, head('GET /v1/models HTTP/1.1'))
  expect((await ask(client, refused)).status).toBe(401)
  expect(await counted()).toEqual({ front: 1, node: 1, other_route: 1 })
})

test('what is no model call is counted by no way', async () => {
  const body = '{}'
  await ask(open(), head('POST /key/generate HTTP/1.1', 'Content-Length: 2') + body)
  await ask(open(), head('POST /v1/nowhere HTTP/1.1', 'Content-Length: 2') + body)
  expect(await counted()).toEqual({ other_route: 2 })
})

test.each([
  ['other_route', call('/engines/gpt/chat/completions')],
  ['http_version', call().replace('HTTP/1.1', 'HTTP/1.0')],
  ['upgrade', call(CALL, 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABk')],
  [
    'chunked',
    `${head(`POST ${CALL} HTTP/1.1`, 'Transfer-Encoding: chunked')}${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`,
  ],
  ['connection', call(CALL, 'Connection: close')],
  ['long_head', call(CALL, `x-a: ${'y'.repeat(20_000)}`)],
  ['odd_head', call(CALL, 'x-a: 1', 'x-a: 2')],
])('a call that only Node’s server takes tells why: %s', async (reason, bytes) => {
  expect((await ask(open(), bytes)).status).toBe(200)
  expect(await counted()).toEqual({ node: 1, [reason]: 1 })
})

test('a call whose body waits to be asked for tells why: expect', async () => {
  const client = open()
  const [requestHead = '', body = ''] = call(CALL, 'Expect: 100-continue').split(/(?<=\r\n\r\n)/)
  expect((await ask(client, requestHead)).status).toBe(100)
  expect((await ask(client, body)).status).toBe(200)
  expect(await counted()).toEqual({ node: 1, expect: 1 })
})
