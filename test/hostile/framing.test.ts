import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SIMULATED_MODELS, startTestGateway, type TestGateway } from '../running-gateway.ts'
import { EndlessProvider } from './endless-provider.ts'
import { HealthyCalls, watchMemory } from './healthy-calls.ts'
import { exchange, head, RawConnection } from './raw-connection.ts'

const CHAT = 'POST /v1/chat/completions HTTP/1.1'
const JSON_TYPE = 'Content-Type: application/json'
const BODY = '{"model":"gpt","messages":[{"role":"user","content":"hi"}]}'
const LENGTH = `Content-Length: ${BODY.length}`
const GET = head('GET /health/liveliness HTTP/1.1')

let gateway: TestGateway
const provider = new EndlessProvider()

beforeAll(async () => {
  const base = await provider.start()
  gateway = await startTestGateway({
    config: `${SIMULATED_MODELS}
  - model_name: endless
    litellm_params: { model: openai/endless, api_base: '${base}', api_key: sk-provider-endless }
`,
  })
})

afterAll(async () => {
  await gateway.stop()
  await provider.close()
})

/** Requests of the provider since: what a smuggled request would raise. */
function countProviderCalls(): () => number {
  const before = gateway.simulator.requests().length
  return () => gateway.simulator.requests().length - before
}

const CHUNKED_BODY = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`

/** A second request, hidden where another reader of the framing would see one. */
const SMUGGLED = `GET /key/list HTTP/1.1\r\nHost: g\r\n\r\n`

describe('a request whose framing has two readings is refused, and the connection closed', () => {
  test.each([
    ['CL and TE', head(CHAT, JSON_TYPE, LENGTH, 'Transfer-Encoding: chunked') + CHUNKED_BODY],
    ['TE and CL', head(CHAT, JSON_TYPE, 'Transfer-Encoding: chunked', LENGTH) + CHUNKED_BODY],
    ['two lengths that differ', head(CHAT, JSON_TYPE, LENGTH, 'Content-Length: 0') + BODY],
    ['two lengths that agree', head(CHAT, JSON_TYPE, LENGTH, LENGTH) + BODY],
    ['a list of lengths', head(CHAT, JSON_TYPE, `${LENGTH}, 0`) + BODY],
    ['a negative length', head(CHAT, JSON_TYPE, 'Content-Length: -1') + BODY],
    ['a length with a sign', head(CHAT, JSON_TYPE, `Content-Length: +${BODY.length}`) + BODY],
    ['a hexadecimal length', head(CHAT, JSON_TYPE, 'Content-Length: 0x3b') + BODY],
    ['a length beyond any number', head(CHAT, JSON_TYPE, `Content-Length: ${'9'.repeat(40)}`) + BODY],
    ['an unknown transfer coding', head(CHAT, JSON_TYPE, 'Transfer-Encoding: xchunked') + CHUNKED_BODY],
    [
      'chunked that is not last',
      head(CHAT, JSON_TYPE, 'Transfer-Encoding: chunked, identity') + CHUNKED_BODY,
    ],
    ['white space before the colon', head(CHAT, JSON_TYPE, 'Transfer-Encoding : chunked') + CHUNKED_BODY],
    ['a folded header', head(CHAT, JSON_TYPE, 'X-A: b', ' Transfer-Encoding: chunked', LENGTH) + BODY],
    ['a bare CR in a header', head(CHAT, JSON_TYPE, LENGTH, 'X-A: b\rTransfer-Encoding: chunked') + BODY],
    ['a NUL in a header', head(CHAT, JSON_TYPE, LENGTH, 'X-A: b\0c') + BODY],
    ['a chunk size that is no number', `${head(CHAT, JSON_TYPE, 'Transfer-Encoding: chunked')}zz\r\n${BODY}`],
    ['a chunk without its end', `${head(CHAT, JSON_TYPE, 'Transfer-Encoding: chunked')}1\r\n{}\r\n0\r\n\r\n`],
    [
      'a chunk size beyond any number',
      `${head(CHAT, JSON_TYPE, 'Transfer-Encoding: chunked')}${'f'.repeat(20)}\r\n`,
    ],
    ['no host', 'GET /health/liveliness HTTP/1.1\r\n\r\n'],
  ])('%s', async (_name, bytes) => {
    const calls = countProviderCalls()
    const connection = new RawConnection(gateway.url).send(bytes + SMUGGLED)
    const answer = await connection.answer()
    expect([answer?.status, answer?.headers['connection']]).toEqual([400, 'close'])
    if (answer?.headers['content-type'] !== undefined)
      expect(JSON.parse(answer.body)).toHaveProperty('error.message')
    // No second answer: the hidden request was not read.
    expect(await connection.answer()).toBeUndefined()
    await connection.closed
    expect(calls()).toBe(0)
  })

  test.each([
    ['garbage', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03 this is TLS\r\n\r\n'],
    ['another protocol', 'SSH-2.0-OpenSSH_9.9\r\n'],
    ['HTTP/2 without consent', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['an unknown method', 'BREW /pot HTTP/1.1\r\nHost: g\r\n\r\n'],
    ['only line feeds', '\n'.repeat(100_000) + 'x\n\n'],
  ])('%s is answered with 400, or with nothing', async (_name, bytes) => {
    const connection = new RawConnection(gateway.url).send(Buffer.from(bytes, 'latin1'))
    const answer = await connection.answer()
    expect([undefined, 400]).toContain(answer?.status)
    await connection.closed
  })
})

describe('headers', () => {
  test('larger than 64 KB together get 431', async () => {
    const answer = await exchange(
      gateway.url,
      head('GET /health/liveliness HTTP/1.1', `X-A: ${'a'.repeat(70_000)}`),
    )
    expect(answer).toMatchObject({ status: 431, headers: { connection: 'close' } })
    expect(answer?.body).toContain('64 KB')
  })

  test('in thousands do not get through', async () => {
    const lines = Array.from({ length: 20_000 }, (_, index) => `a${index}: 1`)
    expect(await exchange(gateway.url, head('GET /key/list HTTP/1.1', ...lines))).toMatchObject({
      status: 431,
    })
  })

  test('of the connection and of the caller do not reach the provider', async () => {
    const hostile = [
      'Connection: keep-alive, x-secret-hop',
      'X-Secret-Hop: 1',
      'X-Forwarded-For: 10.0.0.1',
      'X-Forwarded-Host: evil.example',
      'Cookie: session=1',
      'Proxy-Authorization: Basic c2VjcmV0',
      'X-Api-Key: sk-second-key',
      'OpenAI-Organization: org-of-the-attacker',
      'Host: evil.example',
    ]
    const request = `${CHAT}\r\n${hostile.join('\r\n')}\r\n${head('', JSON_TYPE, LENGTH).split('\r\n').slice(2).join('\r\n')}${BODY}`
    expect(await exchange(gateway.url, request)).toMatchObject({ status: 200 })
    const sent = gateway.simulator.requests().at(-1)
    const names = sent?.headers.map(([name]) => name.toLowerCase()) ?? []
    expect(names.toSorted()).toEqual(
      [
        'accept',
        'accept-encoding',
        'authorization',
        'connection',
        'content-length',
        'content-type',
        'host',
        'x-client-request-id',
      ].toSorted(),
    )
    expect(JSON.stringify(sent?.headers)).not.toMatch(/evil|secret|second-key|attacker/)
  })
})

describe('a body that does not keep its word', () => {
  test('and is cut in the middle calls no provider, and is not held', async () => {
    const calls = countProviderCalls()
    const connection = new RawConnection(gateway.url)
    connection.send(head(CHAT, JSON_TYPE, 'Content-Length: 1000') + BODY)
    await gateway.call('/health/liveliness')
    connection.close()
    await connection.closed
    await expect
      .poll(() =>
        gateway.logLines().some((line) => String(line['error_message']).includes('before the request body')),
      )
      .toBe(true)
    expect(calls()).toBe(0)
  })

  test('and is longer than it says is read as a body and garbage', async () => {
    const connection = new RawConnection(gateway.url).send(
      `${head(CHAT, JSON_TYPE, LENGTH)}${BODY}}}}garbage\r\n\r\n`,
    )
    const first = await connection.answer()
    expect([200, 400]).toContain(first?.status)
    await connection.closed
  })

  test('and is shorter than it says takes the next request as its rest, and nothing else', async () => {
    const short = head(CHAT, JSON_TYPE, `Content-Length: ${BODY.length + GET.length}`) + BODY
    const connection = new RawConnection(gateway.url).send(short + GET + GET)
    expect(await connection.answer()).toMatchObject({ status: 400 })
    connection.close()
  })
})

describe('connections', () => {
  test('of HTTP/1.0 are served whole answers and streams, and closed', async () => {
    const old = CHAT.replace('1.1', '1.0')
    const whole = new RawConnection(gateway.url).send(head(old, JSON_TYPE, LENGTH) + BODY)
    expect(await whole.answer()).toMatchObject({ status: 200, headers: { connection: 'close' } })
    await whole.closed
    const body = BODY.replace('{', '{"stream":true,')
    const stream = new RawConnection(gateway.url)
    stream.send(head(old, JSON_TYPE, `Content-Length: ${body.length}`) + body)
    const answer = await stream.answer()
    expect(answer?.headers).not.toHaveProperty('transfer-encoding')
    expect(answer?.body).toContain('data: [DONE]')
  })

  test('with many requests at once get the answers in their order', async () => {
    const wrong = head('GET /key/info?key=sk-nobody HTTP/1.1')
    const call = head(CHAT, JSON_TYPE, LENGTH) + BODY
    const connection = new RawConnection(gateway.url).send(`${GET}${call}${wrong}${call}${GET}`)
    const statuses: (number | undefined)[] = []
    for (let index = 0; index < 5; index++) statuses.push((await connection.answer())?.status)
    expect(statuses).toEqual([200, 200, 404, 200, 200])
    connection.close()
  })

  test('are kept after a refusal whose request was whole', async () => {
    const refused = head(CHAT.replace('chat', 'nothing'), JSON_TYPE, LENGTH) + BODY
    const malformed = head(CHAT, JSON_TYPE, 'Content-Length: 2') + '[]'
    const connection = new RawConnection(gateway.url).send(refused)
    expect(await connection.answer()).toMatchObject({ status: 404 })
    expect(await connection.send(malformed).answer()).toMatchObject({ status: 400 })
    expect(await connection.send(GET).answer()).toMatchObject({ status: 200 })
    connection.close()
  })

  test('that ask for another protocol or a tunnel get none', async () => {
    const upgrade = head('GET /v1/responses HTTP/1.1', 'Connection: Upgrade', 'Upgrade: websocket')
    expect(await exchange(gateway.url, upgrade)).toMatchObject({ status: 426 })
    const tunnel = new RawConnection(gateway.url).send(
      'CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: g\r\n\r\n',
    )
    expect((await tunnel.answer())?.status ?? 0).not.toBe(200)
    await tunnel.closed
    const trace = head('TRACE / HTTP/1.1', 'Cookie: secret-cookie')
    expect((await exchange(gateway.url, trace))?.body).not.toContain('secret-cookie')
  })

  test('that expect to be asked for the body are asked; other expectations are refused', async () => {
    const connection = new RawConnection(gateway.url)
    connection.send(head(CHAT, JSON_TYPE, LENGTH, 'Expect: 100-continue'))
    expect((await connection.send(BODY).answer())?.head).toMatch(/^HTTP\/1\.1 (100|200)/)
    connection.close()
    expect(await exchange(gateway.url, head(CHAT, JSON_TYPE, LENGTH, 'Expect: a-pony') + BODY)).toMatchObject(
      {
        status: 417,
      },
    )
  })

  test('whose clients read nothing hold a bounded part of a stream, and give it back when they close', async () => {
    const checkMemory = watchMemory()
    const others = new HealthyCalls(gateway)
    const body = '{"model":"endless","stream":true,"messages":[]}'
    const readers = Array.from({ length: 20 }, () => {
      const connection = new RawConnection(gateway.url)
      connection.pause()
      return connection.send(head(CHAT, JSON_TYPE, `Content-Length: ${body.length}`) + body)
    })
    await expect.poll(() => provider.openStreams, { timeout: 10_000 }).toBe(20)
    let before = -1
    const isStill = (): boolean => {
      const still = provider.takenBytes === before
      before = provider.takenBytes
      return still
    }
    await expect.poll(isStill, { interval: 500, timeout: 20_000 }).toBe(true)
    await others.expectUnhurt()
    checkMemory()
    for (const reader of readers) reader.close()
    await expect.poll(() => provider.openStreams, { timeout: 10_000 }).toBe(0)
  })

  test('in hundreds that say nothing hurt nobody', async () => {
    const idle = Array.from({ length: 400 }, () => new RawConnection(gateway.url).send('POST /v1/chat'))
    const others = new HealthyCalls(gateway)
    await others.expectUnhurt()
    for (const connection of idle) connection.close()
    await Promise.all(idle.map(async (connection) => await connection.closed))
  })
})
