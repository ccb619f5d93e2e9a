/** The response cache of several processes, in a real Redis that hangs, stops and comes back. */
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { send, type Answer } from '../calls/client-call.ts'
import { startRedis, type TestRedis } from '../redis.ts'
import { SIMULATED_MODELS, startTestGateway, type TestGateway } from '../running-gateway.ts'

let redis: TestRedis
let one: TestGateway
let two: TestGateway

beforeAll(async () => {
  redis = await startRedis()
  const configOf = (models: string): string => `
litellm_settings:
  cache: true
  cache_params: { type: redis, host: 127.0.0.1, port: ${redis.port}, namespace: mine }
router_settings: { num_retries: 0 }
${models}`
  one = await startTestGateway({ config: configOf(SIMULATED_MODELS) })
  // Both ask the same provider.
  const { url } = one.simulator
  const models = SIMULATED_MODELS.replaceAll('{openai}', `${url}/v1`).replaceAll('{anthropic}', url)
  two = await startTestGateway({ config: configOf(models) })
})
afterAll(async () => {
  await Promise.all([one.stop(), two.stop()])
  await redis[Symbol.asyncDispose]()
})
beforeEach(async () => {
  await Promise.all([available(one), available(two)])
  await redis.flush()
})

/** Resolves when the gateway's cache works. */
async function available(gateway: TestGateway): Promise<void> {
  await vi.waitUntil(async () => (await gateway.call('/cache/ping')).status === 200, {
    timeout: 10_000,
    interval: 10,
  })
}

async function chat(gateway: TestGateway, text: string, stream = false): Promise<Answer> {
  const messages = [{ role: 'user', content: text }]
  return await send(`${gateway.url}/v1/chat/completions`, { body: { model: 'gpt', stream, messages } })
}

const isHit = (answer: Answer): boolean => 'x-litellm-cache-key' in answer.headers

/** An answer is kept after its last byte has gone out: what another process sees may come a moment later. */
async function kept(count: number): Promise<void> {
  await vi.waitUntil(async () => Number(await redis.command('dbsize')) >= count, {
    timeout: 10_000,
    interval: 5,
  })
}

test.each([false, true])(
  'what one process keeps, another gives, to the byte (streamed: %s)',
  async (stream) => {
    const first = await chat(one, 'shared', stream)
    await kept(1)
    const second = await chat(two, 'shared', stream)
    expect([isHit(first), isHit(second)]).toEqual([false, true])
    expect(second.body).toEqual(first.body)
  },
)

test('an answer deleted or flushed by one process is gone for all', async () => {
  await chat(one, 'gone')
  await kept(1)
  const key = (await chat(two, 'gone')).headers['x-litellm-cache-key']
  await one.call('/cache/delete', { keys: [key] })
  expect(isHit(await chat(two, 'gone'))).toBe(false)
  await kept(1)
  await redis.command('set', 'of-another-program', '1')
  await redis.command('set', 'mine:limits', '1')
  await two.call('/cache/flushall', {})
  expect(isHit(await chat(one, 'gone'))).toBe(false)
  expect(await redis.command('mget', 'of-another-program', 'mine:limits')).toBe('1\n1')
})

test('a Redis that hangs costs no call its answer, and is used again when it goes on', async () => {
  await chat(one, 'paused')
  await kept(1)
  redis.pause()
  try {
    for (let call = 0; call < 10; call += 1) {
      const answer = await chat(one, 'paused')
      expect([answer.status, isHit(answer)]).toEqual([200, false])
    }
    expect((await one.call('/cache/ping')).status).toBe(503)
  } finally {
    redis.resume()
  }
  await available(one)
  expect(isHit(await chat(one, 'paused'))).toBe(true)
})

test('a Redis that stops amid calls fails none of them, and is filled again when it is back', async () => {
  const calls = Array.from({ length: 40 }, async (_, index) => {
    if (index === 20) await redis.stop()
    return await chat(one, `stopped ${index % 4}`, index % 2 === 0)
  })
  const statuses = (await Promise.all(calls)).map((answer) => answer.status)
  expect(new Set(statuses)).toEqual(new Set([200]))
  await redis.start()
  await available(one)
  await chat(one, 'back')
  await kept(1)
  expect(isHit(await chat(one, 'back'))).toBe(true)
})
