import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DIALECT_CASES, expectErrorEnvelope } from '../calls/dialect-cases.ts'
import { SIMULATED_MODELS, startTestGateway, type TestGateway } from '../running-gateway.ts'
import { HealthyCalls, watchMemory } from './healthy-calls.ts'
import { exchange, head, RawConnection, type RawAnswer } from './raw-connection.ts'

const LIMIT = 1_048_576

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway({
    config: `${SIMULATED_MODELS}\ngeneral_settings: { max_request_size_mb: 1 }\n`,
  })
})

afterAll(async () => await gateway.stop())

/** A chat request of exactly so many bytes. */
function chatOf(bytes: number): Buffer {
  const start = '{"model":"gpt","messages":[{"role":"user","content":"'
  return Buffer.from(`${start}${'x'.repeat(bytes - start.length - 4)}"}]}`)
}

async function post(
  path: string,
  body: Buffer | string,
  ...lines: readonly string[]
): Promise<RawAnswer | undefined> {
  const bytes = Buffer.from(body)
  const own = lines.some((line) => /^content-type/i.test(line)) ? [] : ['Content-Type: application/json']
  const start = head(`POST ${path} HTTP/1.1`, ...own, ...lines, `Content-Length: ${bytes.length}`)
  return await exchange(gateway.url, Buffer.concat([Buffer.from(start), bytes]))
}

async function postChunked(path: string, body: Buffer): Promise<RawAnswer | undefined> {
  const connection = new RawConnection(gateway.url)
  connection.send(
    head(`POST ${path} HTTP/1.1`, 'Content-Type: application/json', 'Transfer-Encoding: chunked'),
  )
  for (let at = 0; at < body.length; at += 65_536) {
    const part = body.subarray(at, at + 65_536)
    connection.send(
      Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]),
    )
  }
  connection.send('0\r\n\r\n')
  const answer = await connection.answer()
  connection.close()
  return answer
}

const CHAT = '/v1/chat/completions'
const OK = '{"model":"gpt","messages":[{"role":"user","content":"hi"}]}'

describe('the size of a body', () => {
  test.each([
    ['declared', async (body: Buffer) => await post(CHAT, body)],
    ['in chunks', async (body: Buffer) => await postChunked(CHAT, body)],
  ])('is allowed up to the limit and not a byte beyond it, %s', async (_name, send) => {
    expect(await send(chatOf(LIMIT))).toMatchObject({ status: 200 })
    const refused = await send(chatOf(LIMIT + 1))
    expect(refused).toMatchObject({ status: 413 })
    expect(refused?.body).toContain('max_request_size_mb')
    expect(refused?.body).toContain(String(LIMIT))
  })

  test('that is declared beyond the limit is refused before a byte of it has come', async () => {
    const start = head(
      `POST ${CHAT} HTTP/1.1`,
      'Content-Type: application/json',
      'Content-Length: 99999999999',
    )
    expect(await exchange(gateway.url, start)).toMatchObject({
      status: 413,
      headers: { connection: 'close' },
    })
  })

  test('holds after decompression too', async () => {
    expect(await post(CHAT, gzipSync(chatOf(LIMIT)), 'Content-Encoding: gzip')).toMatchObject({ status: 200 })
    expect(await post(CHAT, gzipSync(chatOf(LIMIT + 1)), 'Content-Encoding: gzip')).toMatchObject({
      status: 413,
    })
  })
})

const deep = (levels: number): string =>
  `{"model":"gpt","messages":${'['.repeat(levels)}${']'.repeat(levels)}}`
const members = Array.from({ length: 1_000 }, (_, index) => `"m${index}":0`).join(',')

/** Name, bytes, and what the message must name. */
const REFUSED: readonly (readonly [name: string, body: Buffer | string, told: RegExp])[] = [
  ['empty', '', /JSON object|not valid JSON/],
  ['only white space', '  \n', /JSON object/],
  ['a list', '[]', /JSON object/],
  ['a string', '"gpt"', /JSON object/],
  ['null', 'null', /JSON object/],
  ['truncated', OK.slice(0, -3), /the end of the body/],
  ['truncated within a string', '{"model":"gp', /the end of the string/],
  ['followed by garbage', `${OK} x`, /nothing after the object/],
  ['followed by a second object', OK + OK, /nothing after the object/],
  ['10,000 levels deep', deep(10_000), /deeper than 200 levels/],
  ['10,000 levels deep and never closed', `{"a":${'['.repeat(10_000)}`, /deeper than 200 levels/],
  ['of a million opening brackets', '['.repeat(1_000_000), /JSON object/],
  ['with two models', '{"model":"gpt","model":"claude"}', /"model" twice/],
  ['with a second, escaped model', '{"model":"gpt","mod\\u0065l":"claude"}', /"model" twice/],
  [
    'with more members than any request has',
    `{${Array.from({ length: 60 }, (_, i) => members.replaceAll('"m', `"n${i}m`)).join(',')}}`,
    /more than 4096 members/,
  ],
  [
    'invalid UTF-8',
    Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
    /not valid UTF-8 at byte 2/,
  ],
  ['overlong UTF-8', Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d]), /not valid UTF-8/],
  ['UTF-16', Buffer.from(OK, 'utf16le'), /JSON|UTF-8/],
  ['with a byte order mark', `\ufeff${OK}`, /byte 0 .* 0xef/],
  ['with a NUL byte between members', '{\0"model":"gpt"}', /0x00/],
  ['with a trailing comma', '{"model":"gpt",}', /member name/],
  ['with a comment', '{/**/"model":"gpt"}', /member name/],
  ['with single quotes', "{'model':'gpt'}", /double quotes/],
  ['with NaN', '{"model":"gpt","temperature":NaN}', /JSON value/],
  ['with a number that JSON does not know', '{"model":"gpt","n":01}', /"," or "}"/],
  ['with a model that is no string', '{"model":["gpt"]}', /model: expected/],
  ['with a malformed escape in the model', '{"model":"\\ud8"}', /malformed/],
  ['without a model', '{"messages":[]}', /model: expected/],
  ['with a switch that is no switch', '{"model":"gpt","stream":"yes"}', /stream: expected/],
]

describe('a body that is', () => {
  test.each(REFUSED)('%s gets a 400 that says what is wrong, in every dialect', async (_name, body, told) => {
    for (const dialect of DIALECT_CASES) {
      const answer = await post(dialect.path, body)
      expect([answer?.status, dialect.path, answer?.body]).toEqual([400, dialect.path, expect.anything()])
      expect(expectErrorEnvelope(dialect, answer?.body ?? '').message).toMatch(told)
    }
  })

  test('a million members long is refused, and costs other calls nothing', async () => {
    const large = await startTestGateway()
    try {
      const checkMemory = watchMemory()
      const others = new HealthyCalls(large)
      const body = `{${Array.from({ length: 1_000_000 }, (_, index) => `"m${index}":0`).join(',')}}`
      const answers = await Promise.all(
        Array.from({ length: 4 }, async () => {
          const start = head(`POST ${CHAT} HTTP/1.1`, 'Content-Type: application/json')
          const framed = start.replace('\r\n\r\n', `\r\nContent-Length: ${body.length}\r\n\r\n`)
          return await exchange(large.url, framed + body)
        }),
      )
      for (const answer of answers) expect(answer).toMatchObject({ status: 400 })
      await others.expectUnhurt()
      checkMemory()
    } finally {
      await large.stop()
    }
  })

  test.each([
    '{"__proto__":{"model":"claude"},"model":"gpt","messages":[]}',
    '{"constructor":{"prototype":{"stream":true}},"model":"gpt","messages":[]}',
    '{"model":"gpt","messages":[],"temperature":1e400,"seed":123456789012345678901234567890}',
    '{"model":"gpt","messages":[{"role":"user","content":"a\\u0000b"}]}',
  ])('odd but right goes to the provider byte for byte: %s', async (body) => {
    const answer = await post(CHAT, body)
    expect(answer?.status).toBe(200)
    expect(answer?.headers['x-litellm-model-group']).toBe('gpt')
    const sent = gateway.simulator.requests().at(-1)?.body.toString()
    expect(sent).toBe(body.replace('"gpt"', '"sim-gpt"'))
    expect(({} as Record<string, unknown>)['model']).toBeUndefined()
  })
})

describe('content-type', () => {
  test.each([
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'json',
    '*/*',
  ])('%s is refused with 415, and told what to send', async (type) => {
    const answer = await post(CHAT, OK, `Content-Type: ${type}`)
    expect(answer).toMatchObject({ status: 415 })
    expect(answer?.body).toContain('application/json')
  })

  test.each(['application/json; charset=utf-8', 'APPLICATION/JSON', 'application/vnd.api+json'])(
    '%s is JSON',
    async (type) => {
      expect(await post(CHAT, OK, `Content-Type: ${type}`)).toMatchObject({ status: 200 })
    },
  )

  test('that is missing is taken for JSON, as curl and old SDKs leave it out', async () => {
    const start = head(`POST ${CHAT} HTTP/1.1`, `Content-Length: ${OK.length}`)
    expect(await exchange(gateway.url, start + OK)).toMatchObject({ status: 200 })
  })
})

describe('a compressed body', () => {
  test.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
    ['identity', (bytes: Buffer) => bytes],
    ['GZIP', gzipSync],
  ])('in %s is read', async (encoding, compress) => {
    const body = compress(Buffer.from(OK))
    expect(await post(CHAT, body, `Content-Encoding: ${encoding}`)).toMatchObject({ status: 200 })
  })

  test.each(['zstd', 'gzip, gzip', 'gzip, br', 'rot13', 'constructor'])(
    'in %s is refused with 415, and told what is known',
    async (encoding) => {
      const answer = await post(CHAT, OK, `Content-Encoding: ${encoding}`)
      expect(answer).toMatchObject({ status: 415 })
      expect(answer?.body).toContain('gzip, deflate, br')
    },
  )

  test.each(['gzip', 'deflate', 'br'])('that only says that it is %s gets a 400', async (encoding) => {
    expect(await post(CHAT, OK, `Content-Encoding: ${encoding}`)).toMatchObject({ status: 400 })
  })

  test('that is cut off gets a 400', async () => {
    const whole = gzipSync(Buffer.from(OK))
    expect(await post(CHAT, whole.subarray(0, -9), 'Content-Encoding: gzip')).toMatchObject({ status: 400 })
  })

  test('that unpacks to gigabytes is refused at the limit, and costs other calls nothing', async () => {
    const zeros = Buffer.alloc(256 * 1024 * 1024)
    const bombs: (readonly [string, Buffer])[] = [
      ['gzip', gzipSync(zeros, { level: 9 })],
      ['deflate', deflateSync(zeros)],
      ['br', brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 1 } })],
    ]
    const checkMemory = watchMemory()
    const others = new HealthyCalls(gateway)
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, index) => bombs[index % bombs.length]!).map(
        async ([encoding, bomb]) => await post(CHAT, bomb, `Content-Encoding: ${encoding}`),
      ),
    )
    expect(answers.map((answer) => answer?.status)).toEqual(answers.map(() => 413))
    await others.expectUnhurt()
    checkMemory()
  })

  test('that is a bomb in a bomb is unpacked once, and refused', async () => {
    const nested = gzipSync(gzipSync(Buffer.alloc(64 * 1024 * 1024)))
    expect(await post(CHAT, nested, 'Content-Encoding: gzip')).toMatchObject({ status: 400 })
  })
})

describe('the management API', () => {
  test.each([
    ['cut off', '{"key_alias":"a'],
    ['a list', '[]'],
    ['9,000 levels deep', `{"metadata":${'{"a":'.repeat(9_000)}1${'}'.repeat(9_000)}}`],
    ['a NUL', '{"key_alias":"a\\u0000b"}'],
    ['a NUL in a name', '{"metadata":{"a\\u0000":1}}'],
    ['half a surrogate pair', '{"metadata":{"a":"\\ud800"}}'],
    ['a huge number', '{"max_budget":1e400}'],
    ['a huge budget', '{"max_budget":1e300}'],
    ['a number as text', '{"tpm_limit":"9999999999999999999999"}'],
  ])('answers a body with %s with 400, and works on', async (_name, body) => {
    const answer = await post('/key/generate', body)
    expect([answer?.status, answer?.body]).toEqual([400, expect.stringContaining('"message"')])
    expect(await post('/key/generate', '{}')).toMatchObject({ status: 200 })
  })

  test('stores no member under the name of a prototype', async () => {
    const answer = await post('/key/generate', '{"metadata":{"__proto__":{"admin":true},"constructor":1}}')
    expect(answer?.status).toBe(200)
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined()
  })

  test('refuses a body beyond eight megabytes with 413', async () => {
    expect(await post('/key/generate', `{"key_alias":"${'x'.repeat(8_500_000)}"}`)).toMatchObject({
      status: 413,
    })
  })

  test('reads no body of a caller without a valid key', async () => {
    const start = `POST /key/generate HTTP/1.1\r\nHost: g\r\nAuthorization: Bearer sk-wrong\r\nContent-Length: 5000000\r\n\r\n`
    expect(await exchange(gateway.url, start)).toMatchObject({
      status: 401,
      headers: { connection: 'close' },
    })
  })
})
