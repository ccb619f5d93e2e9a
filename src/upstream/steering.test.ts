/** An exchange can be aborted, paused and resumed at any point, and silence ends it. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { ask, type Asked } from '../../test/upstream/asked.ts'
import { ByteProvider, type ByteConnection } from '../../test/upstream/byte-provider.ts'
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

/** A request that has arrived. */
async function begun(asked: Asked = ask(pool)): Promise<[Asked, ByteConnection]> {
  const connection = await provider.next()
  await connection.request()
  return [asked, connection]
}

async function exchange(answer = OK): Promise<ByteConnection> {
  const [asked, connection] = await begun()
  await connection.write(answer)
  await asked.whole
  return connection
}

function tick(times: number): void {
  for (let count = 0; count < times; count += 1) pool.tick()
}

describe('an abort', () => {
  test('while connecting leaves nothing behind', async () => {
    const asked = ask(pool)
    asked.exchange.abort()
    expect(pool.size).toBe(0)
    await exchange()
    expect(asked.endings).toBe(0)
  })

  test.for(['', 'HTTP/1.1 2', HEAD, `${HEAD}some`])('after %j came closes the connection', async (bytes) => {
    const [asked, connection] = await begun()
    if (bytes !== '') await connection.write(bytes)
    if (bytes.startsWith(HEAD)) await asked.head
    asked.exchange.abort()
    await connection.closed
    expect(asked.endings).toBe(0)
    expect(pool.size).toBe(0)
  })

  test.for(['onAnswerHead', 'onAnswerData'] as const)(
    'within %s ends it: nothing more is told, and the connection is not used again',
    async (told) => {
      const asked = ask(pool)
      asked[told] = () => asked.exchange.abort()
      const [, connection] = await begun(asked)
      await connection.write(OK)
      await connection.closed
      expect(asked).toMatchObject({ endings: 0, chunks: [] })
      await exchange()
      expect(provider.connections).toBe(2)
    },
  )

  test('while paused closes the connection', async () => {
    const [asked, connection] = await begun()
    await connection.write(HEAD)
    await asked.head
    asked.exchange.pause()
    asked.exchange.abort()
    await connection.closed
    expect(asked.endings).toBe(0)
  })

  test('after the end does nothing to the next exchange on the connection', async () => {
    const [first, connection] = await begun()
    await connection.write(OK)
    await first.whole
    const second = ask(pool)
    await connection.request()
    first.exchange.abort()
    first.exchange.pause()
    await connection.write(OK)
    expect(await second.whole).toMatchObject({ body: 'ok' })
  })
})

test('a fault in what is told ends its own exchange only', async () => {
  const [other, otherConnection] = await begun()
  const asked = ask(pool)
  asked.onAnswerData = () => {
    throw new RangeError('a fault')
  }
  const [, connection] = await begun(asked)
  await connection.write(OK)
  expect(await asked.ended).toBeInstanceOf(RangeError)
  await connection.closed
  await otherConnection.write(OK)
  expect(await other.whole).toMatchObject({ body: 'ok' })
})

test('a fault in what is told of the end leaves the connection as it was', async () => {
  const asked = ask(pool)
  asked.onAnswerEnd = () => {
    throw new RangeError('a fault')
  }
  const [, connection] = await begun(asked)
  await connection.write(OK)
  expect(await asked.ended).toBeInstanceOf(RangeError)
  const next = ask(pool)
  await connection.request()
  await connection.write(OK)
  expect(await next.whole).toMatchObject({ body: 'ok' })
})

describe('a pause', () => {
  test('holds a large answer back at the provider, and loses none of it', async () => {
    const size = 20_000_000
    const [asked, connection] = await begun()
    await connection.write(`HTTP/1.1 200 OK\r\ncontent-length: ${size}\r\n\r\n`)
    await asked.head
    const written = connection.write(Buffer.alloc(size, 'x'))
    await asked.until(1)
    asked.exchange.pause()
    const held = asked.bytes
    // Other exchanges go on meanwhile: what could be read has been read by then.
    provider.answerAll(OK)
    for (let count = 0; count < 20; count += 1) await ask(pool).whole
    expect(asked.bytes - held).toBeLessThan(200_000)
    asked.exchange.resume()
    await written
    expect((await asked.whole).body).toHaveLength(size)
  })

  test('may come with the last bytes: the connection is used again', async () => {
    const asked = ask(pool)
    asked.onAnswerData = () => asked.exchange.pause()
    const [, connection] = await begun(asked)
    await connection.write(OK)
    await asked.whole
    const next = ask(pool)
    await connection.request()
    await connection.write(OK)
    expect(await next.whole).toMatchObject({ body: 'ok' })
  })
})

describe('silence', () => {
  test('within an answer ends it, by a timer when the time is short', async () => {
    const [asked, connection] = await begun(ask(pool, { idleTimeoutMs: 30 }))
    await connection.write(HEAD)
    expect(await asked.ended).toMatchObject({ code: 'IDLE_TIMEOUT' })
    await connection.closed
  })

  test('within an answer ends it after no less than the time given', async () => {
    const [asked, connection] = await begun(ask(pool, { idleTimeoutMs: 10_000 }))
    tick(100)
    await connection.write(HEAD)
    await asked.head
    tick(20)
    await connection.write('some')
    await asked.until(4)
    tick(20)
    expect(asked.endings).toBe(0)
    tick(1)
    expect(await asked.ended).toMatchObject({ code: 'IDLE_TIMEOUT' })
  })

  test.for([10_000, 30])('is not counted while paused (%i ms)', async (idleTimeoutMs) => {
    const [asked, connection] = await begun(ask(pool, { idleTimeoutMs }))
    await connection.write(HEAD)
    await asked.head
    asked.exchange.pause()
    tick(100)
    provider.answerAll(OK)
    for (let count = 0; count < 50; count += 1) await ask(pool).whole
    expect(asked.endings).toBe(0)
    asked.exchange.resume()
    tick(idleTimeoutMs === 30 ? 0 : 21)
    expect(await asked.ended).toMatchObject({ code: 'IDLE_TIMEOUT' })
  })

  test('is no matter where no time is given', async () => {
    const [asked, connection] = await begun(ask(pool, { idleTimeoutMs: 0 }))
    await connection.write(HEAD)
    await asked.head
    tick(10_000)
    await connection.write('x'.repeat(100))
    await asked.whole
  })

  test('of a connection that nobody uses closes it', async () => {
    const connection = await exchange()
    tick(9)
    expect(pool.size).toBe(1)
    tick(1)
    expect(pool.size).toBe(0)
    await connection.closed
  })

  test('is measured by what the provider says of its own patience, less a second', async () => {
    await exchange('HTTP/1.1 200 OK\r\nkeep-alive: timeout=4, max=9\r\ncontent-length: 2\r\n\r\nok')
    tick(5)
    expect(pool.size).toBe(1)
    tick(1)
    expect(pool.size).toBe(0)
  })
})
