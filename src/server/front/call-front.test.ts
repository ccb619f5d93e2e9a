/** The front before Node's server, over real connections. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { GatewayError } from '../../errors/gateway-error.ts'
import { standBefore } from './call-front.ts'
import type { FrontExchange } from './front-exchange.ts'
import type { HandOverReason } from './hand-over-reason.ts'
import { MAX_HEAD_BYTES } from './request-head.ts'
import { CALLS_BEFORE_RETURN } from './way-back.ts'

const LIMITS = { maxBodyBytes: 1_000_000, bodyIdleTimeoutMs: 60_000, bodyTimeoutMs: 60_000 }
const KEEP_ALIVE_MS = 10_000

let server: Server
let serve: (exchange: FrontExchange) => void
let atNode: (request: IncomingMessage, response: ServerResponse) => void
let ended: number
let stallMs: number
let handedOver: HandOverReason[]
const sockets: Socket[] = []

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'Date'] })
  ended = 0
  stallMs = 50
  handedOver = []
  serve = (exchange) => void echo(exchange)
  atNode = (request, response) => response.end(`node ${request.method} ${request.url}\n`)
  server = createServer({ maxHeaderSize: 65_536 }, (request, response) => atNode(request, response))
  standBefore(server, {
    isTls: false,
    keepAliveTimeoutMs: KEEP_ALIVE_MS,
    get stallMs() {
      return stallMs
    },
    isCall: (path) => path === '/call',
    serve: (exchange) => serve(exchange),
    ended: () => (ended += 1),
    handedOver: (reason) => void handedOver.push(reason),
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
})

afterEach(async () => {
  vi.useRealTimers()
  for (const socket of sockets.splice(0)) socket.destroy()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

async function echo(exchange: FrontExchange): Promise<void> {
  const body = await exchange.readBody(LIMITS)
  exchange.writeHead(200, ['content-length', String(body.length + 6)])
  exchange.end(Buffer.from(`front ${body.toString()}`))
}

class Client {
  readonly socket: Socket
  text = ''

  constructor() {
    this.socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    sockets.push(this.socket)
    this.socket.on('error', () => undefined)
    this.socket.on('data', (bytes: Buffer) => (this.text += bytes.toString('latin1')))
  }

  send(...pieces: readonly (string | Buffer)[]): this {
    for (const piece of pieces) this.socket.write(piece)
    return this
  }

  async sees(pattern: RegExp): Promise<void> {
    const seen = (): void => {
      if (!pattern.test(this.text)) throw new Error(`not seen: ${pattern}, in ${this.text.slice(0, 500)}`)
    }
    await vi.waitFor(seen, { timeout: 20_000, interval: 5 })
  }
}

function call(body: string, headers = ''): string {
  return `POST /call HTTP/1.1\r\nHost: g\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

const GET = 'GET /other HTTP/1.1\r\nHost: g\r\n\r\n'

test('calls of one connection are served one after the other, and it is kept', async () => {
  const client = new Client().send(call('one'))
  await client.sees(/front one$/)
  client.send(call('two'))
  await client.sees(/front two$/)
  expect(client.text).toMatch(/connection: keep-alive\r\nkeep-alive: timeout=10\r\n/)
  expect(ended).toBe(2)
})

test('requests sent all at once are answered in their order, by whoever serves them', async () => {
  const client = new Client().send(call('one') + call('two') + GET + call('three'))
  await client.sees(/front one[^]*front two[^]*node GET \/other[^]*node POST \/call/)
})

test('a request in pieces, of head and body, is put together', async () => {
  const bytes = Buffer.from(call('{"a":"é"}'))
  const client = new Client()
  for (const byte of bytes) {
    client.send(Buffer.of(byte))
    await new Promise((resolve) => setImmediate(resolve))
  }
  await client.sees(/front \{"a":"Ã©"\}$/)
})

test('another path, and all that comes after it, goes to Node’s server with every byte', async () => {
  const body = 'x'.repeat(100_000)
  const client = new Client().send(
    `POST /other HTTP/1.1\r\nHost: g\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  )
  await client.sees(/node POST \/other/)
  client.send(call('{}'))
  await client.sees(/node POST \/call/)
})

const POST = 'POST /call HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n'

test.each<readonly [HandOverReason, string]>([
  ['other_route', GET],
  ['http_version', 'POST /call HTTP/1.0\r\nHost: g\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'],
  [
    'upgrade',
    `${POST}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n`,
  ],
  ['expect', `${POST}Expect: 100-continue\r\n\r\n`],
  ['chunked', 'POST /call HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
  ['connection', `${POST}Connection: close\r\n\r\n`],
  ['long_head', `${POST}x-a: ${'y'.repeat(12_000)}\r\nx-b: ${'z'.repeat(MAX_HEAD_BYTES - 12_000)}\r\n\r\n`],
  ['odd_head', `${POST}x-a: 1\r\nx-a: 2\r\n\r\n`],
])('a connection that is handed over is told of once, with the reason: %s', async (reason, request) => {
  const client = new Client().send(call('one'))
  await client.sees(/front one/)
  expect(handedOver).toEqual([])
  await client.send(request).sees(/front one[^]*node [A-Z]+ \/\w+\n/)
  expect(handedOver).toEqual([reason])
  if (reason === 'http_version' || reason === 'connection') return
  await client.send(call('two')).sees(/node POST \/call\n$/)
  expect(handedOver).toEqual([reason])
})

test('bytes that are no HTTP at all are refused by Node’s server', async () => {
  const client = new Client().send('\x16\x03\x01 what is this\r\n\r\n')
  await client.sees(/^HTTP\/1.1 400 /)
})

test('an answer before the end of the body ends the connection, and the client still reads it', async () => {
  serve = (exchange) => {
    expect(() => exchange.readBody({ ...LIMITS, maxBodyBytes: 10 })).toThrow(GatewayError)
    exchange.writeHead(413, ['content-length', '5'])
    exchange.end(Buffer.from('large'))
  }
  const client = new Client()
  const closed = once(client.socket, 'close')
  client.send(`POST /call HTTP/1.1\r\nHost: g\r\nContent-Length: 900000\r\n\r\n`, Buffer.alloc(800_000))
  await client.sees(/connection: close\r\n\r\nlarge$/)
  client.socket.end()
  await closed
})

test('a body that nobody has asked for yet is not read without bound', async () => {
  const exchanges: FrontExchange[] = []
  serve = (exchange) => void exchanges.push(exchange)
  const body = 'y'.repeat(900_000)
  const client = new Client().send(call(body))
  await vi.waitFor(() => expect(exchanges).toHaveLength(1))
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(exchanges[0]!.requestComplete).toBe(false)
  void echo(exchanges[0]!)
  await client.sees(/front y{900000}$/)
})

test('an answer without a length is sent in chunks, the head with the first', async () => {
  serve = (exchange) => {
    exchange.writeHead(200, ['content-type', 'text/event-stream'])
    expect(exchange.headersSent).toBe(true)
    exchange.write('data: 1\n\n')
    exchange.write('')
    exchange.write('z'.repeat(20_000))
    exchange.end(Buffer.from('data: 2\n\n'))
  }
  const client = new Client().send(call('{}'))
  await client.sees(/\r\n\r\n9\r\ndata: 1\n\n\r\n4e20\r\nz{20000}\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n$/)
})

test('a value that reads like the name of a length is none', async () => {
  serve = (exchange) => {
    exchange.writeHead(200, ['x-request-id', 'content-length'], ['x-shared', '1'])
    exchange.end(Buffer.from('body'))
  }
  const client = new Client().send(call('{}'))
  await client.sees(/\r\n\r\n4\r\nbody\r\n0\r\n\r\n$/)
  expect(client.text).toMatch(
    /^HTTP\/1\.1 200 OK\r\nx-request-id: content-length\r\nx-shared: 1\r\ntransfer-encoding: chunked\r\n/,
  )
})

test('a header that HTTP does not allow is refused, and nothing of the answer is sent', async () => {
  serve = (exchange) => {
    expect(() => exchange.writeHead(200, ['x-a', 'b\r\nx-c: d'])).toThrow(TypeError)
    exchange.end()
  }
  const client = new Client().send(call('{}'))
  await vi.waitFor(() => expect(ended).toBe(1))
  expect(client.text).toBe('')
})

test('a client that leaves is told of once, and its body’s reader too', async () => {
  const watcher = { clientClosed: vi.fn<() => void>(), clientDrained: vi.fn<() => void>() }
  let reading: Promise<unknown> | undefined
  serve = (exchange) => {
    exchange.watch(watcher)
    reading = Promise.resolve(exchange.readBody(LIMITS))
    reading.catch(() => undefined)
  }
  const client = new Client().send('POST /call HTTP/1.1\r\nHost: g\r\nContent-Length: 10\r\n\r\n{')
  await vi.waitFor(() => expect(reading).toBeDefined())
  client.socket.destroy()
  await expect(reading).rejects.toMatchObject({ code: 'bad_request' })
  expect(watcher.clientClosed).toHaveBeenCalledTimes(1)
  expect(ended).toBe(1)
})

test('a client that closes its side while its answer is being made is gone', async () => {
  const gone = Promise.withResolvers<void>()
  serve = (exchange) => exchange.watch({ clientClosed: gone.resolve, clientDrained: () => undefined })
  new Client().send(call('{}')).socket.end()
  await gone.promise
})

test('a slow reader holds back who writes, until it has read', async () => {
  const drained = Promise.withResolvers<void>()
  let held = 0
  serve = (exchange) => {
    exchange.watch({ clientClosed: () => undefined, clientDrained: drained.resolve })
    exchange.writeHead(200, ['content-type', 'text/event-stream'])
    do held += 16_384
    while (exchange.write('x'.repeat(16_384)))
    void drained.promise.then(() => exchange.end(Buffer.from('end')))
  }
  const client = new Client()
  client.socket.pause()
  client.send(call('{}'))
  await vi.waitFor(() => expect(held).toBeGreaterThan(0))
  client.socket.resume()
  await client.sees(/end\r\n0\r\n\r\n$/)
  expect(held).toBeLessThan(64 * 1_048_576)
})

test('a connection that is idle too long is closed; one with a call under way is not', async () => {
  const idle = new Client().send(call('{}'))
  await idle.sees(/front/)
  let answer: (() => void) | undefined
  serve = (exchange) => (answer = () => void echo(exchange))
  const busy = new Client().send(call('busy'))
  await vi.waitFor(() => expect(answer).toBeDefined())
  const closed = once(idle.socket, 'close')
  vi.advanceTimersByTime(KEEP_ALIVE_MS + 10_000)
  await closed
  answer?.()
  await busy.sees(/front busy$/)
})

test('a connection that says nothing, or half a head, is given to Node’s server and its time-outs', async () => {
  const silent = new Client()
  const half = new Client().send('POST /call HTTP/1.1\r\nHost: g\r\n')
  await new Promise((resolve) => setTimeout(resolve, 50))
  vi.advanceTimersByTime(11_000)
  half.send('Content-Length: 0\r\n\r\n')
  silent.send(call('{}'))
  await Promise.all([half.sees(/node POST \/call/), silent.sees(/node POST \/call/)])
  expect(handedOver).toEqual(['late_head', 'late_head'])
})

test('a connection of which nothing has been read by the first check stays at the front', async () => {
  const fresh = new Client()
  const half = new Client().send('POST /call HTTP/1.1\r\nHost: g\r\n')
  const kept = new Client().send(call('{}'))
  await kept.sees(/front/)
  await new Promise((resolve) => setTimeout(resolve, 50))
  vi.advanceTimersByTime(6_000)
  half.send('Content-Length: 0\r\n\r\n')
  fresh.send(call('first'))
  await Promise.all([half.sees(/front $/), fresh.sees(/front first$/)])
  // What was late once is not late for ever.
  kept.send('POST /call HTTP/1.1\r\nHost: g\r\n')
  fresh.send('POST /call HTTP/1.1\r\nHost: g\r\n')
  await new Promise((resolve) => setTimeout(resolve, 50))
  vi.advanceTimersByTime(5_000)
  fresh.send('Content-Length: 6\r\n\r\nsecond')
  kept.send('Content-Length: 6\r\n\r\nsecond')
  await Promise.all([kept.sees(/front second$/), fresh.sees(/front second$/)])
})

/** One after the other. Resolves with the last answer. */
async function answersTo(client: Client, requests: readonly string[]): Promise<string> {
  for (const request of requests) {
    client.text = ''
    await client.send(request).sees(/node [A-Z]+ \/\w+\n/)
  }
  return client.text
}

function repeated(request: string, times: number): string[] {
  return Array.from({ length: times }, () => request)
}

const CHUNKED_CALL =
  'POST /call HTTP/1.1\r\nHost: g\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n'

test('a client of Node’s server that only makes calls is sent back to the front', async () => {
  const client = new Client()
  const closed = once(client.socket, 'close')
  const last = await answersTo(client, [GET, ...repeated(call('{}'), CALLS_BEFORE_RETURN - 1)])
  expect(last).toMatch(/connection: keep-alive/i)
  expect(await answersTo(client, [call('{}')])).toMatch(/connection: close/i)
  await closed
  await new Client().send(call('{}')).sees(/front \{\}$/)
})

test('a connection that is used for other things, too, is kept', async () => {
  const client = new Client()
  const mixed = [...repeated(call('{}'), CALLS_BEFORE_RETURN - 1), GET]
  expect(await answersTo(client, [GET, ...mixed, ...mixed])).toMatch(/connection: keep-alive/i)
})

test('calls that the front does not take do not end their connection', async () => {
  const client = new Client()
  const calls = repeated(CHUNKED_CALL, 2 * CALLS_BEFORE_RETURN)
  expect(await answersTo(client, calls)).toMatch(/connection: keep-alive/i)
  // The same client may send others later.
  const plain = repeated(call('{}'), CALLS_BEFORE_RETURN)
  expect(await answersTo(client, plain)).toMatch(/connection: close/i)
})

test.each([
  ['all at once', 40],
  ['one ahead', 2],
])('a client that does not wait for its answers gets each of them: %s', async (_, ahead) => {
  const waiting: (() => void)[] = []
  atNode = (_request, response) => waiting.push(() => response.end('node answer\n'))
  const client = new Client().send(GET)
  let sent = 1
  for (let answered = 0; answered < 41; answered += 1) {
    while (sent < 41 && sent - answered < ahead) {
      client.send(call('{}'))
      sent += 1
    }
    await vi.waitFor(() => expect(waiting.length).toBe(sent - answered), { timeout: 20_000, interval: 1 })
    waiting.shift()?.()
  }
  await vi.waitFor(() => expect(client.text.split('node answer').length - 1).toBe(41), { timeout: 20_000 })
})

/** More than all buffers between gateway and client hold. */
const LARGE = Buffer.alloc(64 * 1_048_576, 'x')

/** Answers with more than goes out at once; the client has taken nothing of it yet, and has been noticed for it. */
async function answerToNobody(): Promise<{ client: Client; socket: Socket }> {
  const [connected, written] = [Promise.withResolvers<Socket>(), Promise.withResolvers<void>()]
  server.once('connection', connected.resolve)
  serve = (exchange) => {
    exchange.writeHead(200, ['content-length', String(LARGE.length)])
    exchange.end(LARGE)
    written.resolve()
  }
  const client = new Client()
  client.socket.pause()
  client.send(call('one'))
  const socket = await connected.promise
  await written.promise
  vi.advanceTimersByTime(5_000)
  return { client, socket }
}

test('a small answer that does not go out at once is under way until it has', async () => {
  const connected = Promise.withResolvers<Socket>()
  server.once('connection', connected.resolve)
  const body = Buffer.alloc(16_000, 'x')
  let begun = 0
  serve = (exchange) => {
    begun += 1
    exchange.writeHead(200, ['content-length', String(body.length)])
    exchange.end(body)
  }
  const calls = 4_000
  const client = new Client()
  client.socket.pause()
  client.send(call('{}').repeat(calls))
  const socket = await connected.promise
  await vi.waitFor(() => expect(socket.writableLength).toBeGreaterThan(0), { timeout: 20_000, interval: 1 })
  expect(ended).toBe(begun - 1)
  client.socket.resume()
  await vi.waitFor(() => expect(ended).toBe(calls), { timeout: 20_000, interval: 5 })
})

test('an answer that the system takes at once is told in the same step', async () => {
  const told = Promise.withResolvers<number>()
  serve = (exchange) => {
    exchange.writeHead(200, ['content-length', '2'])
    exchange.end(Buffer.from('ok'))
    told.resolve(ended)
  }
  new Client().send(call('one'))
  expect(await told.promise).toBe(1)
})

test('a client that takes nothing of its written answer is cut off', async () => {
  const { socket } = await answerToNobody()
  if (!socket.closed) await once(socket, 'close')
  expect(ended).toBe(1)
})

test('a client that has taken its answer after all is not hurried any more', async () => {
  stallMs = 60_000
  const { client, socket } = await answerToNobody()
  expect(socket.timeout).toBe(60_000)
  client.socket.resume()
  await vi.waitFor(() => expect(ended).toBe(1), { timeout: 20_000, interval: 5 })
  expect(socket.timeout).toBe(0)
  client.text = ''
  await client.send(GET).sees(/node GET \/other/)
})
