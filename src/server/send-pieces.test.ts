/** Answers in pieces, over real connections. */
import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import fastify, { type FastifyInstance } from 'fastify'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sendPieces } from './send-pieces.ts'
import { ANSWER_STALL_MS } from './stalled-answers.ts'

const PIECE = Buffer.alloc(64 * 1024, 'x')

let app: FastifyInstance
let pieces: readonly Buffer[]
let turns: number
/** How many there were until an answer was sent, by its method. */
const turnsOf: Record<string, number> = {}

/** Work that wants its turn while an answer is sent. */
function count(): void {
  turns += 1
  setImmediate(count).unref()
}

beforeEach(async () => {
  app = fastify()
  app.get('/', (_request, reply) => {
    turns = 0
    count()
    return sendPieces(reply, pieces)
  })
  app.addHook('onResponse', async (request) => void (turnsOf[request.method] = turns))
  await app.listen({ host: '127.0.0.1', port: 0 })
})

afterEach(async () => {
  app.server.closeAllConnections()
  await app.close()
})

function url(): string {
  return `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/`
}

test('a client gets the pieces as one body of a declared length, and other work goes on between them', async () => {
  pieces = Array.from({ length: 60 }, () => PIECE)
  const response = await fetch(url())
  expect(response.headers.get('content-length')).toBe(String(60 * PIECE.length))
  expect(Buffer.from(await response.arrayBuffer())).toEqual(Buffer.concat(pieces))
  await expect.poll(() => turnsOf['GET']).toBeGreaterThanOrEqual(59)
})

test('a HEAD gets the length alone', async () => {
  pieces = [PIECE, PIECE]
  const response = await fetch(url(), { method: 'HEAD' })
  expect(response.headers.get('content-length')).toBe(String(2 * PIECE.length))
})

test('a client that takes nothing of an answer that waits for it is watched', async () => {
  // More than all buffers between server and client hold.
  pieces = Array.from({ length: 1_000 }, () => PIECE)
  const connection = once(app.server, 'connection')
  const client = connect((app.server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined)
  client.pause()
  client.write('GET / HTTP/1.1\r\nHost: g\r\n\r\n')
  const [socket] = (await connection) as [Socket]
  await expect.poll(() => socket.timeout).toBe(ANSWER_STALL_MS)
  expect(socket.writableFinished).toBe(false)
  client.destroy()
})
