/** How long the bodies of requests are held, and what happens when there are too many of them. */
import { once } from 'node:events'
import { Agent, createServer, request, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { MASTER_KEY, startTestGateway, type TestGateway } from '../running-gateway.ts'

const MEGABYTE = 1_048_576
const ROOM_BYTES = 24 * MEGABYTE
const STREAMS = 20

let provider: Server
let gateway: TestGateway
/** Answers that are under way. */
const held: ServerResponse[] = []

const CONTENT = 'data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":"Hi"}}]}\n\n'
const REST =
  'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1,"total_tokens":10}}\n\ndata: [DONE]\n\n'

beforeAll(async () => {
  // Forgets requests as they come: only the gateway may hold them. The path says how much is answered.
  provider = createServer((incoming, answer) => {
    incoming.resume().on('end', () => {
      held.push(answer)
      if (incoming.url?.startsWith('/silent/') === true) return
      answer.writeHead(200, { 'content-type': 'text/event-stream' }).write(CONTENT)
    })
  })
  await once(provider.listen(0, '127.0.0.1'), 'listening')
  // A server that listens on TCP has such an address.
  const { port } = provider.address() as AddressInfo
  const model = (name: string, family: string, path: string): string =>
    `  - { model_name: ${name}, litellm_params: { model: ${family}/up, api_base: 'http://127.0.0.1:${port}${path}', api_key: sk-provider } }`
  gateway = await startTestGateway({
    config: `router_settings: { num_retries: 0 }
model_list:
${model('streaming', 'openai', '/v1')}
${model('silent', 'openai', '/silent/v1')}
${model('silent-claude', 'anthropic', '/silent')}
`,
    mostBodyBytes: ROOM_BYTES,
  })
})

afterAll(async () => {
  provider.closeAllConnections()
  provider.close()
  await gateway.stop()
})

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** A second collection waits for the thread that frees what the first one found. */
function bytesOfBuffers(): number {
  collectGarbage()
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}

function bodyOf(model: string, megabytes: number): Buffer {
  const content = 'x'.repeat(megabytes * MEGABYTE)
  return Buffer.from(JSON.stringify({ model, stream: true, messages: [{ role: 'user', content }] }))
}

interface Stream {
  readonly status: number | undefined
  readonly whole: Promise<string>
}

/** Sends a call, and waits for the first bytes of its answer. Without an agent its connection is for it alone. */
async function open(body: Buffer, agent: Agent | false = false): Promise<Stream> {
  const call = request(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    agent,
    headers: { authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json' },
  })
  call.end(body)
  const { promise: begun, resolve } = Promise.withResolvers<number | undefined>()
  const { promise: whole, resolve: ended } = Promise.withResolvers<string>()
  call.on('response', (answer) => {
    let text = ''
    answer.setEncoding('utf8')
    answer.on('data', (part: string) => {
      text += part
      resolve(answer.statusCode)
    })
    answer.on('end', () => ended(text))
  })
  return { status: await begun, whole }
}

test.each([
  ['kept alive', new Agent({ keepAlive: true })],
  ['closed', false as const],
])('a stream under way holds no body, on a connection that is then %s', async (_, agent) => {
  const body = bodyOf('streaming', 4)
  const before = bytesOfBuffers()
  const streams: Stream[] = []
  // Far more than there is room for, were they held to the end.
  for (let count = 0; count < STREAMS; count += 1) streams.push(await open(body, agent))
  expect(bytesOfBuffers() - before).toBeLessThan((STREAMS * body.length) / 4)
  for (const answer of held.splice(0)) answer.end(REST)
  for (const { whole } of streams) expect(await whole).toBe(CONTENT + REST)
})

test('bodies for which there is no room are refused in the dialect of the call, until there is', async () => {
  held.length = 0
  const openai = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: MASTER_KEY, maxRetries: 0 })
  const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: MASTER_KEY, maxRetries: 0 })
  const content = 'x'.repeat(10 * MEGABYTE)
  const messages = [{ role: 'user' as const, content }]
  const controller = new AbortController()
  const waiting = [1, 2].map(
    async () =>
      await openai.chat.completions.create({ model: 'silent', messages }, { signal: controller.signal }),
  )
  const ended = Promise.allSettled(waiting)
  await vi.waitFor(() => expect(held).toHaveLength(2), { timeout: 20_000, interval: 10 })
  const refused = await openai.chat.completions
    .create({ model: 'silent', messages })
    .catch((error: unknown) => error)
  expect(refused).toBeInstanceOf(OpenAI.APIError)
  expect(refused).toMatchObject({ status: 503, type: 'service_unavailable' })
  // The SDK's own type of headers.
  expect((refused as InstanceType<typeof OpenAI.APIError>).headers?.get('retry-after')).toBe('1')
  await expect(
    anthropic.messages.create({ model: 'silent-claude', max_tokens: 9, messages }),
  ).rejects.toMatchObject({ error: { error: { type: 'overloaded_error' } } })
  // Small ones still fit.
  const small = await open(bodyOf('streaming', 0))
  held.pop()?.end(REST)
  expect(await small.whole).toBe(CONTENT + REST)
  controller.abort()
  await ended
  held.length = 0
  await vi.waitFor(async () => expect((await open(bodyOf('streaming', 10))).status).toBe(200), {
    timeout: 20_000,
    interval: 20,
  })
})

test('bodies that are announced and not sent take no room from others', async () => {
  for (const answer of held.splice(0)) answer.end(REST)
  const announced = [1, 2].map(() => {
    const call = request(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      agent: false,
      headers: {
        authorization: `Bearer ${MASTER_KEY}`,
        'content-type': 'application/json',
        'content-length': ROOM_BYTES,
      },
    })
    call.on('error', () => undefined).write('{"model":')
    return call
  })
  await vi.waitFor(
    async () => {
      const answer = await gateway.call('/health/backlog')
      expect(await answer.json()).toEqual({ in_flight_requests: announced.length + 1 })
    },
    { timeout: 20_000, interval: 20 },
  )
  const other = await open(bodyOf('streaming', 10))
  expect(other.status).toBe(200)
  held.pop()?.end(REST)
  expect(await other.whole).toBe(CONTENT + REST)
  for (const call of announced) call.destroy()
})
