import { once } from 'node:events'
import {
  Agent,
  createServer,
  request,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { Connections } from './connections.ts'

const NOBODY = { requestBegan: () => undefined, requestEnded: () => undefined }
const NOTHING_TO_CUT = async (): Promise<void> => undefined

let server: Server
let connections: Connections
let port: number
/** Requests that came and are not answered yet. */
let waiting: ServerResponse[]
let onRequest: () => void
const agent = new Agent({ keepAlive: true, maxSockets: 1 })

beforeEach(async () => {
  waiting = []
  onRequest = () => undefined
  server = createServer({ keepAliveTimeout: 60_000 }, (asked, response) => {
    if (asked.url === '/at-once') return void response.end('ok')
    waiting.push(response)
    onRequest()
  })
  connections = new Connections(server, NOBODY)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})

afterEach(() => {
  agent.destroy()
  server.closeAllConnections()
  server.close()
})

async function ask(path: string): Promise<IncomingMessage> {
  const asked = request({ host: '127.0.0.1', port, path, agent }).end()
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  answer.resume()
  await once(answer, 'end')
  return answer
}

/** A request that waits for its answer; resolves when the server has it. */
async function askAndWait(): Promise<{ readonly answer: Promise<IncomingMessage> }> {
  const came = new Promise<void>((resolve) => (onRequest = resolve))
  const answer = ask('/wait')
  answer.catch(() => undefined)
  await came
  return { answer }
}

async function openSocket(): Promise<Socket> {
  const accepted = once(server, 'connection')
  const socket = connect(port, '127.0.0.1')
  await Promise.all([once(socket, 'connect'), accepted])
  return socket.resume()
}

test('a request under way is answered, and its connection closed, before the listener is gone', async () => {
  const { answer } = await askAndWait()
  const closed = connections.close({ noticeMs: 0, lingerMs: 0, graceMs: 60_000 }, NOTHING_TO_CUT)
  waiting[0]!.end('late')
  expect((await answer).headers.connection).toBe('close')
  await closed
  expect(server.listening).toBe(false)
})

test('a request that comes over an idle connection after the listener closed is still answered', async () => {
  expect((await ask('/at-once')).headers.connection).toBe('keep-alive')
  const closed = connections.close({ noticeMs: 0, lingerMs: 60_000, graceMs: 60_000 }, NOTHING_TO_CUT)
  while (server.listening) await new Promise((resolve) => setImmediate(resolve))
  expect((await ask('/at-once')).headers.connection).toBe('close')
  // With its last connection the listener ends: nobody waits for the rest of the linger.
  await closed
})

test('while the notice lasts new connections are taken, and told to close', async () => {
  const closed = connections.close({ noticeMs: 60_000, lingerMs: 0, graceMs: 60_000 }, NOTHING_TO_CUT)
  expect(server.listening).toBe(true)
  expect((await ask('/at-once')).headers.connection).toBe('close')
  // A second, more urgent order shortens the first.
  await connections.close({ noticeMs: 0, lingerMs: 0, graceMs: 0 }, NOTHING_TO_CUT)
  await closed
})

test('a connection that never said anything, or only half a request, does not hold up the end', async () => {
  const silent = await openSocket()
  const half = await openSocket()
  half.write('GET /at-once HTTP/1.1\r\nhost: x\r\n')
  const ended = Promise.all([once(silent, 'close'), once(half, 'close')])
  await connections.close({ noticeMs: 0, lingerMs: 0, graceMs: undefined }, NOTHING_TO_CUT)
  await ended
})

test('what is still in flight after the grace is cut, and its client is told before the connection closes', async () => {
  const { answer } = await askAndWait()
  const cut = async (): Promise<void> => void waiting[0]!.writeHead(503).end()
  await connections.close({ noticeMs: 0, lingerMs: 0, graceMs: 10 }, cut)
  expect((await answer).statusCode).toBe(503)
})

test('without a grace the end of a request is waited for', async () => {
  const { answer } = await askAndWait()
  let closed = false
  const closing = connections
    .close({ noticeMs: 0, lingerMs: 0, graceMs: undefined }, NOTHING_TO_CUT)
    .then(() => (closed = true))
  await new Promise((resolve) => setImmediate(resolve))
  expect(closed).toBe(false)
  waiting[0]!.end()
  await Promise.all([answer, closing])
})

test('a request that waits for the others is not waited for', async () => {
  const { answer } = await askAndWait()
  expect(connections.requests).toBe(1)
  connections.ignore(waiting[0]!)
  await connections.quiet(60_000)
  expect(connections.requests).toBe(0)
  waiting[0]!.end()
  await answer
})

test('the bound of requests is told once', async () => {
  let told = 0
  connections.afterRequests(2, () => (told += 1))
  await ask('/at-once')
  expect(told).toBe(0)
  await ask('/at-once')
  await ask('/at-once')
  expect(told).toBe(1)
})
