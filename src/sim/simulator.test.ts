/** Tests of the simulator's surface besides streams: routes, credentials, errors, the request log, HTTPS. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { get as httpsGet } from 'node:https'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sendPlain } from '../../test/sim/plain-client.ts'
import { startSimulator } from './simulator.ts'
import type { IncomingMessage } from 'node:http'
import type { Simulator } from './simulator.ts'

let simulator: Simulator

beforeAll(async () => {
  simulator = await startSimulator({ models: ['sim/one', 'two'] })
})
afterAll(() => simulator.close())

const CHAT = { model: 'sim/any', messages: [{ role: 'user', content: 'How are you?' }] }
const OPENAI_HEADERS = { authorization: 'Bearer x' }

test.each([
  ['/chat/completions', CHAT],
  ['/completions', { model: 'sim/any', prompt: 'How are you?' }],
  ['/embeddings', { model: 'sim/any', input: 'How are you?' }],
  ['/responses', { model: 'sim/any', input: 'How are you?' }],
  ['/messages', { ...CHAT, max_tokens: 10 }],
  ['/messages/count_tokens', CHAT],
])('%s is served with and without /v1, whatever the query', async (path, body) => {
  for (const prefix of ['', '/v1']) {
    const answer = await sendPlain({ url: `${simulator.url}${prefix}${path}?beta=true`, body })
    expect(answer.status).toBe(200)
    expect(answer.headers['x-sim-request-id']).toMatch(/^\w{16}$/)
  }
})

test('count_tokens counts what messages bills, and is free', async () => {
  simulator.meter.clear()
  const body = { ...CHAT, max_tokens: 10, system: 'Be brief.', tools: [{ name: 'f', input_schema: {} }] }
  const counted = await sendPlain({ url: `${simulator.url}/v1/messages/count_tokens`, body })
  const answer = await sendPlain({ url: `${simulator.url}/v1/messages`, body })
  const { usage }: { usage: { input_tokens: number } } = JSON.parse(answer.text)
  expect(JSON.parse(counted.text)).toEqual({ input_tokens: usage.input_tokens })
  expect(simulator.meter.entries().map((entry) => entry.billed)).toEqual([false, true])
})

test('models are listed in the shape of the caller', async () => {
  const url = `${simulator.url}/v1/models`
  const openai = await sendPlain({ url, method: 'GET', headers: OPENAI_HEADERS })
  expect(JSON.parse(openai.text)).toMatchObject({
    object: 'list',
    data: [{ id: 'sim/one', object: 'model' }, { id: 'two' }],
  })
  const anthropic = await sendPlain({ url: `${url}?limit=1000`, method: 'GET' })
  expect(JSON.parse(anthropic.text)).toMatchObject({
    data: [{ id: 'sim/one', type: 'model', display_name: 'sim/one' }, { id: 'two' }],
    has_more: false,
    first_id: 'sim/one',
    last_id: 'two',
  })
  const one = await sendPlain({ url: `${url}/sim%2Fone`, method: 'GET', headers: OPENAI_HEADERS })
  expect(JSON.parse(one.text)).toMatchObject({ id: 'sim/one' })
  expect((await sendPlain({ url: `${url}/three`, method: 'GET', headers: OPENAI_HEADERS })).status).toBe(404)
})

test.each([
  ['/v1/chat/completions', 'error.code', 'invalid_api_key'],
  ['/v1/messages', 'error.type', 'authentication_error'],
])('a call to %s without a credential gets the 401 of its dialect', async (path, member, value) => {
  const headers = { 'anthropic-version': '2023-06-01' }
  const answer = await sendPlain({ url: simulator.url + path, headers, body: CHAT })
  expect(answer.status).toBe(401)
  expect(JSON.parse(answer.text)).toHaveProperty(member, value)
})

test('each credential header is accepted, and only the credentials that were named', async () => {
  const strict = await startSimulator({ credentials: ['right'] })
  const status = async (headers: Record<string, string>) =>
    (await sendPlain({ url: `${strict.url}/v1/chat/completions`, headers, body: CHAT })).status
  expect(await status({ authorization: 'Bearer right' })).toBe(200)
  expect(await status({ 'x-api-key': 'right' })).toBe(200)
  expect(await status({ 'api-key': 'right' })).toBe(200)
  expect(await status({ authorization: 'Bearer wrong' })).toBe(401)
  await strict.close()
})

test.each([
  ['/v1/chat/completions', '{"model":', 'JSON'],
  ['/v1/chat/completions', '[]', 'object'],
  ['/v1/chat/completions', { messages: [] }, 'model'],
  ['/v1/chat/completions', { ...CHAT, max_tokens: 0 }, 'max_tokens'],
  ['/v1/chat/completions', { ...CHAT, model: 'sim/any?ttft=-1' }, 'ttft=-1'],
  ['/v1/messages', CHAT, 'max_tokens: Field required'],
  ['/v1/embeddings', { model: 'sim/any' }, 'input'],
])('a bad request to %s is refused with its reason', async (path, body, reason) => {
  const answer = await sendPlain({ url: simulator.url + path, body })
  expect(answer.status).toBe(400)
  expect(answer.text).toContain(reason)
})

test('Anthropic calls need their version header', async () => {
  const body = { ...CHAT, max_tokens: 1 }
  const answer = await sendPlain({ url: `${simulator.url}/v1/messages`, headers: OPENAI_HEADERS, body })
  expect(answer.status).toBe(400)
  expect(answer.text).toContain('anthropic-version: header is required')
})

test('a path that is not served is a 404 of the family', async () => {
  expect((await sendPlain({ url: `${simulator.url}/v1/unknown` })).status).toBe(404)
})

test('instructions of headers win over those of the text, the metadata and the model', async () => {
  const say = async (headers: object, words: string, metadata: object) => {
    const body = { model: 'sim/any?say=model', metadata, messages: [{ role: 'user', content: words }] }
    const all = { ...OPENAI_HEADERS, ...headers }
    const answer = await sendPlain({ url: `${simulator.url}/v1/chat/completions`, headers: all, body })
    const parsed: { choices: { message: { content: string } }[] } = JSON.parse(answer.text)
    return parsed.choices[0]?.message.content
  }
  expect(await say({}, 'Hi', {})).toBe('model')
  expect(await say({}, 'Hi', { sim: 'say=metadata' })).toBe('metadata')
  expect(await say({}, 'Hi [[sim say=text]]', { sim: 'say=metadata' })).toBe('text')
  expect(await say({ 'x-sim-say': 'header' }, 'Hi [[sim say=text]]', {})).toBe('header')
})

test('embeddings in floats and in base64 say the same, and the same for the same text', async () => {
  const rows = async (encoding_format: string) => {
    const body = { model: 'sim/any', input: ['one', 'two', 'one'], dimensions: 5, encoding_format }
    const answer = await sendPlain({ url: `${simulator.url}/v1/embeddings`, body })
    const parsed: { data: { embedding: number[] | string }[] } = JSON.parse(answer.text)
    return parsed.data.map((row) => row.embedding)
  }
  const floats = await rows('float')
  const encoded = await rows('base64')
  const decoded = encoded.map((row) => {
    const bytes = new Uint8Array(Buffer.from(String(row), 'base64'))
    return [...new Float32Array(bytes.buffer)]
  })
  expect(decoded).toEqual(floats)
  expect(floats[0]).toHaveLength(5)
  expect(floats[0]).toEqual(floats[2])
  expect(floats[0]).not.toEqual(floats[1])
})

test('requests are kept as they were received, byte for byte', async () => {
  simulator.clearRequests()
  const body = ' {"model" : "sim/any", "messages":[], "unknown":1.50, "word":"\\u00e4ä"}\n'
  for (let round = 0; round < 2; round += 1) {
    const headers = { ...OPENAI_HEADERS, 'X-Odd-Case': 'Kept' }
    await sendPlain({ url: `${simulator.url}/v1/chat/completions?a=b`, headers, body })
  }
  for (const received of simulator.requests()) {
    expect(received.body.toString()).toBe(body)
    expect(received.bodySha256).toBe(createHash('sha256').update(body).digest('hex'))
    expect(received.path).toBe('/v1/chat/completions?a=b')
    expect(received.headers).toContainEqual(['X-Odd-Case', 'Kept'])
  }
  expect(simulator.requests()).toHaveLength(2)
})

test('meter and requests can be read and cleared over HTTP', async () => {
  const control = (method: string, what: string) =>
    sendPlain({ url: `${simulator.url}/__sim/${what}`, method })
  await control('DELETE', 'meter')
  await control('DELETE', 'requests')
  await sendPlain({
    url: `${simulator.url}/v1/chat/completions`,
    body: { ...CHAT, model: 'sim/any?tokens=9' },
  })
  expect(JSON.parse((await control('GET', 'meter')).text)).toMatchObject({
    totals: { calls: 1, billedCalls: 1, usage: { inputTokens: 3, outputTokens: 9 } },
    entries: [{ dialect: 'openai-chat', model: 'sim/any', state: 'complete' }],
  })
  const requests: { bodyBase64: string }[] = JSON.parse((await control('GET', 'requests')).text)
  expect(requests).toHaveLength(1)
  expect(Buffer.from(requests[0]!.bodyBase64, 'base64').toString()).toContain('tokens=9')
  await control('DELETE', 'requests')
  expect(simulator.requests()).toHaveLength(0)
})

test('a WebSocket upgrade is answered with 426', async () => {
  const headers = { ...OPENAI_HEADERS, connection: 'Upgrade', upgrade: 'websocket' }
  const answer = await sendPlain({ url: `${simulator.url}/v1/responses`, method: 'GET', headers })
  expect(answer.status).toBe(426)
})

test('it serves HTTPS with a given certificate', async () => {
  // Made for this test alone: key and certificate of `localhost` in one file.
  const pem = readFileSync(new URL('../../test/sim/localhost.pem', import.meta.url))
  const tls = { key: pem, cert: pem }
  const secure = await startSimulator({ tls })
  const options = {
    ca: tls.cert,
    servername: 'localhost',
    checkServerIdentity: () => undefined,
    agent: false,
  }
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  httpsGet(`${secure.url}/v1/models`, { ...options, headers: OPENAI_HEADERS }, resolve).once('error', reject)
  expect(await text(await promise)).toContain('sim-gpt')
  await secure.close()
})
