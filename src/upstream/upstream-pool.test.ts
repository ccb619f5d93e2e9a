/** Requests and answers on real connections: which connection is used, when it is kept, and what each side is told. */
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { ask } from '../../test/upstream/asked.ts'
import { ByteProvider, type ByteConnection } from '../../test/upstream/byte-provider.ts'
import { AnswerHeads } from './answer-heads.ts'
import { UpstreamPool } from './upstream-pool.ts'

let provider: ByteProvider
let pool: UpstreamPool

beforeEach(async () => {
  provider = await ByteProvider.start()
  pool = new UpstreamPool(provider.origin, { connectTimeoutMs: 5_000, keepAliveTimeoutMs: 5_000 })
})

afterEach(async () => {
  pool.close()
  await provider.close()
})

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'
const HEAD = 'HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n'

/** One whole exchange. @returns the connection it took. */
async function exchange(answer = OK): Promise<ByteConnection> {
  const asked = ask(pool)
  const connection = await provider.next()
  await connection.request()
  await connection.write(answer)
  await asked.whole
  return connection
}

describe('a request', () => {
  test('arrives with its head, and its body’s parts in order', async () => {
    const body = ['{"a":', '1', '}'].map((part) => Buffer.from(part))
    const asked = ask(pool, { path: '/v1/x?y=1', headers: ['content-type', 'application/json'], body })
    const connection = await provider.next()
    const host = new URL(provider.origin).host
    expect(await connection.request()).toBe(
      `POST /v1/x?y=1 HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n` +
        'content-type: application/json\r\ncontent-length: 7\r\n\r\n{"a":1}',
    )
    await connection.write(OK)
    expect(await asked.whole).toMatchObject({ status: 200, body: 'ok' })
  })

  test('that cannot be sent fails at once, without a connection', async () => {
    expect(await ask(pool, { path: '/a b' }).ended).toMatchObject({ code: 'BAD_REQUEST' })
    expect(await ask(pool, { headers: ['x', 'a\r\nb'] }).ended).toMatchObject({ code: 'BAD_REQUEST' })
    expect(pool.size).toBe(0)
  })

  test('to a port where nobody listens fails with the system’s own word', async () => {
    await provider.close()
    expect(await ask(pool).ended).toMatchObject({ code: 'ECONNREFUSED' })
    expect(pool.size).toBe(0)
    provider = await ByteProvider.start()
  })

  test('and an answer of 20 MB each arrive as they were', async () => {
    const parts = Array.from({ length: 5 }, (_, at) => Buffer.alloc(4_000_000, `part ${at} `))
    const asked = ask(pool, { body: parts })
    const connection = await provider.next()
    const sent = (await connection.request()) ?? ''
    await connection.write(`HTTP/1.1 200 OK\r\ncontent-length: 20000000\r\n\r\n`)
    await connection.write(sent.slice(sent.indexOf('\r\n\r\n') + 4))
    expect(hash((await asked.whole).body)).toBe(hash(Buffer.concat(parts).toString('latin1')))
  })
})

function hash(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('hex')
}

describe('a connection', () => {
  test.for([
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    'HTTP/1.1 204 No Content\r\n\r\n',
    'HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n',
    'HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok',
    'HTTP/1.1 200 OK\r\nkeep-alive: max=5\r\ncontent-length: 2\r\n\r\nok',
  ])('is used again after %j', async (answer) => {
    const connection = await exchange(answer)
    const asked = ask(pool)
    await connection.request()
    await connection.write(OK)
    expect(await asked.whole).toMatchObject({ body: 'ok' })
    expect(provider.connections).toBe(1)
  })

  test('that was used last is used next', async () => {
    const asked = [ask(pool), ask(pool)]
    const connections = [await provider.next(), await provider.next()]
    for (const connection of connections) {
      await connection.request()
      await connection.write(OK)
      await Promise.race(asked.map((each) => each.whole))
    }
    await Promise.all(asked.map((each) => each.whole))
    const next = ask(pool)
    const [first, last] = connections as [ByteConnection, ByteConnection]
    const taken = await Promise.race([first.request().then(() => first), last.request().then(() => last)])
    expect(taken).toBe(last)
    await taken.write(OK)
    await next.whole
  })

  test.for([
    ['says that it is closed', 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok'],
    ['says so among others', 'HTTP/1.1 200 OK\r\nconnection: x, Close\r\ncontent-length: 2\r\n\r\nok'],
    [
      'says so in a second header',
      'HTTP/1.1 200 OK\r\nconnection: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok',
    ],
    ['is HTTP/1.0', 'HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok'],
    ['is kept for a second only', 'HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 2\r\n\r\nok'],
    ['has something behind it', `${OK}HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nsmuggled`],
    ['has a line’s end behind it', `${OK}\r\n`],
    ['has a body where there is none', 'HTTP/1.1 204 No Content\r\ncontent-length: 2\r\n\r\nok'],
  ] as const)('is not used again when the answer %s', async ([, answer]) => {
    const connection = await exchange(answer)
    await connection.closed
    const next = await exchange()
    expect(next).not.toBe(connection)
  })

  test('that ends its answer by closing is whole then', async () => {
    const asked = ask(pool)
    const connection = await provider.next()
    await connection.request()
    connection.socket.end('HTTP/1.1 200 OK\r\n\r\nall of it')
    expect(await asked.whole).toMatchObject({ body: 'all of it' })
    await connection.closed
    expect(pool.size).toBe(0)
  })

  test('that the provider closes while idle is not used again', async () => {
    const connection = await exchange()
    connection.socket.end()
    await connection.closed
    await exchange()
    expect(provider.connections).toBe(2)
  })

  test('on which something comes unasked is not used again', async () => {
    const connection = await exchange()
    await connection.write('HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\nsmuggled')
    await connection.closed
    await exchange()
    expect(provider.connections).toBe(2)
  })

  test('closed just as a request is written: the request fails once, and is not sent again', async () => {
    const connection = await exchange()
    connection.socket.destroy()
    const asked = ask(pool)
    const error = await asked.ended
    expect(['ECONNRESET', 'EPIPE', 'CONNECTION_CLOSED']).toContain((error as NodeJS.ErrnoException).code)
    expect(asked.endings).toBe(1)
    expect(provider.connections).toBe(1)
    await exchange()
  })

  test('cut after the request came: the request fails once, and is not sent again', async () => {
    const connection = await exchange()
    const asked = ask(pool)
    await connection.request()
    connection.socket.resetAndDestroy()
    expect(await asked.ended).toMatchObject({ code: 'ECONNRESET' })
    expect(provider.connections).toBe(1)
  })

  test('whose answer came before the request was all sent is not used again', async () => {
    const asked = ask(pool, { body: [Buffer.alloc(20_000_000)] })
    const connection = await provider.next()
    connection.socket.pause()
    await connection.write('HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno')
    expect(await asked.whole).toMatchObject({ status: 413, body: 'no' })
    connection.socket.resume()
    await connection.closed
    expect(pool.size).toBe(0)
  })
})

test('what one answer of an origin teaches serves all its connections', async () => {
  const read = vi.spyOn(AnswerHeads.prototype, 'read')
  const closing = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok'
  const first = await exchange(closing)
  expect(await exchange(closing)).not.toBe(first)
  expect(new Set(read.mock.contexts)).toEqual(new Set([pool.answerHeads]))
  read.mockRestore()
})

describe('an answer that is not sound HTTP', () => {
  test.for([
    'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok',
    'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    'HTTP/1.1 200 OK\ncontent-length: 2\n\nok',
    'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\nok\r\n0\r\n\r\n',
    '<html>\r\n\r\n',
  ])('fails its request and ends its connection: %j', async (answer) => {
    const asked = ask(pool)
    const connection = await provider.next()
    await connection.request()
    await connection.write(answer)
    expect(await asked.ended).toMatchObject({ code: 'BAD_ANSWER' })
    await connection.closed
    expect(asked.endings).toBe(1)
    await exchange()
    expect(provider.connections).toBe(2)
  })

  test.for([
    HEAD,
    `${HEAD}some`,
    'HTTP/1.1 200',
    'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n',
    '',
  ])('nor whole is told as a closed connection: %j', async (answer) => {
    const asked = ask(pool)
    const connection = await provider.next()
    await connection.request()
    connection.socket.end(answer)
    expect(await asked.ended).toMatchObject({ code: 'CONNECTION_CLOSED' })
    expect(asked.endings).toBe(1)
  })
})

describe('many exchanges', () => {
  test('5,000 one after the other are all answered, on one connection', async () => {
    provider.answerAll(OK)
    for (let count = 0; count < 5_000; count += 1) expect((await ask(pool).whole).body).toBe('ok')
    expect(provider.connections).toBe(1)
  })

  test('500 at a time each get their own answer', async () => {
    const asked = Array.from({ length: 500 }, (_, at) => ask(pool, { body: [Buffer.from(`number ${at}`)] }))
    const serve = async (): Promise<void> => {
      const connection = await provider.next()
      const request = (await connection.request()) ?? ''
      const body = request.slice(request.indexOf('\r\n\r\n') + 4)
      await connection.write(`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
    }
    await Promise.all(asked.map(serve))
    const bodies = await Promise.all(asked.map(async (each) => (await each.whole).body))
    expect(bodies).toEqual(asked.map((_, at) => `number ${at}`))
    expect(pool.size).toBe(500)
  })
})
