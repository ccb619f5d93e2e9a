/** Node's own server, over real connections. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { endStalledAnswers } from './stalled-answers.ts'

/** More than all buffers between server and client hold. */
const LARGE = Buffer.alloc(64 * 1_048_576, 'x')
const REQUEST = 'GET / HTTP/1.1\r\nHost: g\r\n\r\n'

let server: Server
let client: Socket

async function connected(stallMs: number): Promise<Socket> {
  endStalledAnswers(server, stallMs)
  const { port } = server.address() as AddressInfo
  const connection = once(server, 'connection')
  client = connect(port, '127.0.0.1').on('error', () => undefined)
  const [socket] = (await connection) as [Socket]
  return socket
}

beforeEach(async () => {
  server = createServer((_request, response) => response.end(LARGE))
  await once(server.listen(0, '127.0.0.1'), 'listening')
})

afterEach(async () => {
  client.destroy()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

test('a client that takes nothing of its written answer is cut off', async () => {
  const socket = await connected(50)
  client.pause()
  client.write(REQUEST)
  await once(socket, 'close')
})

test('a client that has taken its answer keeps its connection by the keep-alive time alone', async () => {
  const socket = await connected(60_000)
  let bytes = 0
  const taken = Promise.withResolvers<void>()
  client.on('data', (chunk) => {
    bytes += chunk.length
    if (bytes > LARGE.length) taken.resolve()
  })
  client.write(REQUEST)
  await taken.promise
  await expect.poll(() => socket.timeout).toBeLessThan(60_000)
})
