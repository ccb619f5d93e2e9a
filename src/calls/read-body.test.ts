/** Bodies as senders really send them, over sockets. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { GatewayError } from '../errors/gateway-error.ts'
import type { BodyLimits, ClientExchange } from './client-exchange.ts'
import { NodeExchange } from './node-exchange.ts'
import { readBody as readBodyOf } from './read-body.ts'

const LIMITS: BodyLimits = { maxBodyBytes: 1_000, bodyIdleTimeoutMs: 60_000, bodyTimeoutMs: 60_000 }

let server: Server
const sockets: Socket[] = []

beforeAll(async () => {
  server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
})

afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
})

/** Sends a head and bytes as they are; gives the request as the server has it, and the sender's socket. */
async function receive(headers: readonly string[], bytes: Buffer | string): Promise<[NodeExchange, Socket]> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  sockets.push(socket)
  socket.on('error', () => undefined)
  socket.write(`POST / HTTP/1.1\r\nhost: test\r\n${headers.join('\r\n')}\r\n\r\n`)
  socket.write(bytes)
  const [request, response] = (await once(server, 'request')) as [IncomingMessage, ServerResponse]
  return [new NodeExchange(request, response), socket]
}

async function read(headers: readonly string[], bytes: Buffer | string, limits = LIMITS): Promise<string> {
  const [request] = await receive([...headers, `content-length: ${Buffer.byteLength(bytes)}`], bytes)
  return (await readBody(request, limits)).toString()
}

const readBody = async (exchange: NodeExchange, limits: BodyLimits): Promise<Buffer> =>
  await readBodyOf(exchange, limits)

const code = (expected: string): object => expect.objectContaining({ code: expected })

describe('a body', () => {
  test('is read whole, whether its length is declared or it comes in chunks', async () => {
    expect(await read(['content-type: application/json'], '{"a":1}')).toBe('{"a":1}')
    const [request] = await receive(['transfer-encoding: chunked'], '3\r\n{"a\r\n4\r\n":1}\r\n0\r\n\r\n')
    expect((await readBody(request, LIMITS)).toString()).toBe('{"a":1}')
  })

  test.for([
    'application/json',
    'application/json; charset=utf-8',
    'APPLICATION/JSON',
    'application/vnd.api+json',
  ])('of type %s is taken', async (type) => {
    expect(await read([`content-type: ${type}`], '{}')).toBe('{}')
  })

  test('of another type is refused with the type to send', async () => {
    const reading = read(['content-type: text/plain'], '{}')
    await expect(reading).rejects.toMatchObject({ code: 'unsupported_media_type', param: 'content-type' })
  })

  test('declared larger than the limit is refused before it is read', async () => {
    const [request] = await receive(['content-length: 1001'], '')
    await expect(readBody(request, LIMITS)).rejects.toEqual(code('body_too_large'))
  })

  test('that grows over the limit is refused without waiting for its end', async () => {
    const [request] = await receive(['transfer-encoding: chunked'], `7d0\r\n${'x'.repeat(2_000)}`)
    await expect(readBody(request, LIMITS)).rejects.toEqual(code('body_too_large'))
  })

  test('of exactly the limit is taken', async () => {
    expect(await read([], 'x'.repeat(1_000))).toHaveLength(1_000)
  })
})

describe('a compressed body', () => {
  test.for([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ] as const)('%s is inflated', async ([encoding, compress]) => {
    expect(await read([`content-encoding: ${encoding}`], compress('{"a":1}'))).toBe('{"a":1}')
  })

  test('that inflates over the limit is refused', async () => {
    const bomb = gzipSync(Buffer.alloc(100_000))
    await expect(read(['content-encoding: gzip'], bomb)).rejects.toEqual(code('body_too_large'))
  })

  test('that is broken, or of an encoding that is not known, is refused', async () => {
    await expect(read(['content-encoding: gzip'], 'no gzip')).rejects.toEqual(code('bad_request'))
    await expect(read(['content-encoding: zstd'], 'x')).rejects.toEqual(code('unsupported_media_type'))
  })
})

describe('a slow sender', () => {
  test('that falls silent is given up', async () => {
    const [request] = await receive(['content-length: 10'], '{')
    const reading = readBody(request, { ...LIMITS, bodyIdleTimeoutMs: 20 })
    await expect(reading).rejects.toEqual(code('body_timeout'))
  })

  test('that is never silent is given up when the whole takes too long', async () => {
    const [request, socket] = await receive(['content-length: 1000'], '{')
    const dripping = setInterval(() => socket.write('x'), 5)
    const reading = readBody(request, { ...LIMITS, bodyTimeoutMs: 60 })
    await expect(reading).rejects.toEqual(code('body_timeout'))
    clearInterval(dripping)
  })

  test('that leaves is told apart', async () => {
    const [request, socket] = await receive(['content-length: 10'], '{')
    const reading = readBody(request, LIMITS)
    socket.destroy()
    await expect(reading).rejects.toBeInstanceOf(GatewayError)
    await expect(reading).rejects.toEqual(code('bad_request'))
  })
})

describe('bodies that have come in the same turn of the event loop', () => {
  const headersOf = { 'of declared length': (length: number) => String(length), 'in chunks': () => undefined }

  /** In how many turns four of them are given. */
  async function turnsFor(bytes: number, framing: keyof typeof headersOf): Promise<number> {
    const body = Buffer.alloc(bytes, 'x')
    // What is read of an exchange here.
    const exchange = {
      headers: { 'content-length': headersOf[framing](bytes) },
      readBody: () => Promise.resolve(body),
    } as unknown as ClientExchange
    let turn = 0
    let isReading = true
    const count = (): void => {
      turn += 1
      if (isReading) setImmediate(count)
    }
    setImmediate(count)
    const limits = { ...LIMITS, maxBodyBytes: 10_000_000 }
    const turns = await Promise.all(
      Array.from({ length: 4 }, async () => {
        expect(await readBodyOf(exchange, limits)).toBe(body)
        return turn
      }),
    )
    isReading = false
    return new Set(turns).size
  }

  test.each(['of declared length', 'in chunks'] as const)(
    'large ones %s are given one a turn',
    async (framing) => {
      expect(await turnsFor(2_000_000, framing)).toBe(4)
    },
  )

  test.each(['of declared length', 'in chunks'] as const)(
    'small ones %s are given at once',
    async (framing) => {
      expect(await turnsFor(100_000, framing)).toBe(1)
    },
  )
})
