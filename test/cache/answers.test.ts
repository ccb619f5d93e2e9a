/** The response cache of one process, through the whole gateway. */
import Anthropic from '@anthropic-ai/sdk'
import OpenAI from 'openai'
import { totalTokens } from '../../src/dialects/usage.ts'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { DIALECT_CASES, WHOLE_CASES } from '../calls/dialect-cases.ts'
import { send, type Answer } from '../calls/client-call.ts'
import { MASTER_KEY, SIMULATED_MODELS, startTestGateway, type TestGateway } from '../running-gateway.ts'
import { readExposition, samplesOf } from '../telemetry/read-exposition.ts'

const configOf = (params: string): string => `
litellm_settings:
  cache: true
  cache_params: { type: local${params} }
  require_auth_for_metrics_endpoint: false
router_settings: { num_retries: 0 }
${SIMULATED_MODELS}`

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway({ config: configOf('') })
})
afterAll(() => gateway.stop())
beforeEach(async () => {
  gateway.reconfigure(configOf(''))
  expect((await gateway.call('/cache/flushall', {})).status).toBe(200)
})

async function post(path: string, body: unknown, key = MASTER_KEY): Promise<Answer> {
  return await send(gateway.url + path, { body, headers: { authorization: `Bearer ${key}` } })
}

/** How often a provider was called meanwhile. */
async function providerCalls(task: () => Promise<unknown>): Promise<number> {
  const before = gateway.simulator.requests().length
  await task()
  return gateway.simulator.requests().length - before
}

const CHAT = '/v1/chat/completions'
const chat = (text: string, more: object = {}): object => ({
  model: 'gpt',
  messages: [{ role: 'user', content: text }],
  ...more,
})

const KINDS = [
  ...DIALECT_CASES.flatMap((dialect) => [true, false].map((stream) => ({ dialect, stream }))),
  ...WHOLE_CASES.filter(({ name }) => name === 'embeddings').map((dialect) => ({ dialect, stream: false })),
].map((kind) => ({ ...kind, title: `${kind.dialect.name}${kind.stream ? ', streamed' : ''}` }))

describe.each(KINDS)('$title', ({ dialect, stream }) => {
  test('a repeated question gets the same bytes, without a provider, for nothing', async () => {
    const body = dialect.body('the same question', stream)
    const first = await post(dialect.path, body)
    expect(first.status).toBe(200)
    expect(first.headers).not.toHaveProperty('x-litellm-cache-key')
    let second: Answer | undefined
    expect(await providerCalls(async () => (second = await post(dialect.path, body)))).toBe(0)
    expect(second?.status).toBe(200)
    expect(second?.body).toEqual(first.body)
    expect(second?.headers).toMatchObject({
      'content-type': first.headers['content-type'],
      'x-litellm-cache-key': expect.stringMatching(/^[0-9a-f]{64}$/),
      'x-litellm-response-cost': '0',
      'x-litellm-model-id': first.headers['x-litellm-model-id'],
    })
    expect(second?.headers['x-litellm-call-id']).not.toBe(first.headers['x-litellm-call-id'])
  })

  test('another question, and the same one with no-cache, go to the provider', async () => {
    const body = dialect.body('a question', stream)
    await post(dialect.path, body)
    expect(await providerCalls(() => post(dialect.path, dialect.body('another', stream)))).toBe(1)
    const anew = { ...body, cache: { 'no-cache': true } }
    expect(await providerCalls(() => post(dialect.path, anew))).toBe(1)
    const [request] = gateway.simulator.requests().slice(-1)
    expect(JSON.parse(String(request?.body))).not.toHaveProperty('cache')
  })
})

test('a stream is no answer to who asks without one, nor the other way round', async () => {
  await post(CHAT, chat('x', { stream: true }))
  expect(await providerCalls(() => post(CHAT, chat('x')))).toBe(1)
  await post(CHAT, chat('y'))
  expect(await providerCalls(() => post(CHAT, chat('y', { stream: true })))).toBe(1)
})

test('who asks for usage in the stream gets it, also from the cache', async () => {
  const body = chat('x', { stream: true, stream_options: { include_usage: true } })
  await post(CHAT, chat('x', { stream: true }))
  expect((await post(CHAT, body)).text).toContain('"usage":{')
  const again = await post(CHAT, body)
  expect(again.headers).toHaveProperty('x-litellm-cache-key')
  expect(again.text).toContain('"usage":{')
})

test.each(['500', 'cut', 'fin', 'error', 'malformed'])(
  'an answer with the fault %s is not kept',
  async (fault) => {
    for (const stream of [true, false]) {
      const body = chat(`Hi [[sim fault=${fault} chunks=5]]`, { stream })
      await post(CHAT, body)
      const again = await post(CHAT, body)
      expect(again.headers).not.toHaveProperty('x-litellm-cache-key')
    }
  },
)

describe('tenants', () => {
  test('keys of one team share answers, others do not get them', async () => {
    const teams = await Promise.all(
      ['one', 'two'].map(async (name) => {
        const answer = await gateway.call('/team/new', { team_alias: name })
        return (await answer.json()) as { team_id: string }
      }),
    )
    const keys = await Promise.all([
      gateway.newKey({ team_id: teams[0]?.team_id }),
      gateway.newKey({ team_id: teams[0]?.team_id }),
      gateway.newKey({ team_id: teams[1]?.team_id }),
      gateway.newKey({ user_id: 'somebody' }),
    ])
    const hits: boolean[] = []
    for (const key of keys) {
      const answer = await post(CHAT, chat('of a tenant'), key)
      expect(answer.status).toBe(200)
      hits.push('x-litellm-cache-key' in answer.headers)
    }
    expect(hits).toEqual([false, true, false, false])
  })
})

describe('a key’s allowed_cache_controls', () => {
  test('lets those through, and refuses others in the words of the dialect', async () => {
    const key = await gateway.newKey({ allowed_cache_controls: ['no-cache'] })
    expect((await post(CHAT, chat('x', { cache: { 'no-cache': true } }), key)).status).toBe(200)
    const refused = await post(CHAT, chat('x', { cache: { ttl: 5 } }), key)
    expect(refused.status).toBe(400)
    expect(JSON.parse(refused.text)).toMatchObject({
      error: { type: 'invalid_request_error', param: 'cache', message: expect.stringContaining('"ttl"') },
    })
  })
})

describe('limits', () => {
  test('a hit counts among the requests of a minute, and takes nothing from the budget', async () => {
    const key = await gateway.newKey({ rpm_limit: 3, max_budget: 1 })
    await post(CHAT, chat('limited'), key)
    const spent = async (): Promise<number> => {
      const info = (await (await gateway.call(`/key/info?key=${key}`)).json()) as { info: { spend: number } }
      return info.info.spend
    }
    await gateway.gateway.ledger.flush()
    const before = await spent()
    const hits = [await post(CHAT, chat('limited'), key), await post(CHAT, chat('limited'), key)]
    expect(hits.map((hit) => [hit.status, 'x-litellm-cache-key' in hit.headers])).toEqual([
      [200, true],
      [200, true],
    ])
    expect(hits.map((hit) => hit.headers['x-ratelimit-remaining-requests'])).toEqual(['1', '0'])
    expect((await post(CHAT, chat('limited'), key)).status).toBe(429)
    await gateway.gateway.ledger.flush()
    expect(before).toBeGreaterThan(0)
    expect(await spent()).toBe(before)
  })

  test('a hit counts its tokens', async () => {
    const key = await gateway.newKey({ tpm_limit: 1_000_000 })
    const remaining = async (): Promise<number> => {
      const { headers } = await post(CHAT, chat('tokens', { cache: { 'no-store': true } }), key)
      return Number(headers['x-ratelimit-remaining-tokens'])
    }
    const body = chat('tokens of an answer [[sim tokens=5000]]')
    await post(CHAT, body, key)
    const before = await remaining()
    expect('x-litellm-cache-key' in (await post(CHAT, body, key)).headers).toBe(true)
    expect(before - (await remaining())).toBeGreaterThan(5_000)
  })

  test('a hit neither uses up the limit of its deployment nor is refused by it', async () => {
    const enforcing = configOf('')
      .replace('model: openai/sim-gpt,', 'model: openai/sim-gpt, rpm: 2,')
      .replace('num_retries: 0', 'num_retries: 0, optional_pre_call_checks: [enforce_model_rate_limits]')
    gateway.reconfigure(enforcing)
    await post(CHAT, chat('deployed'))
    for (let hit = 0; hit < 5; hit += 1) {
      const answer = await post(CHAT, chat('deployed'))
      expect([answer.status, 'x-litellm-cache-key' in answer.headers]).toEqual([200, true])
    }
    expect((await post(CHAT, chat('deployed anew'))).status).toBe(200)
    expect((await post(CHAT, chat('one too many'))).status).toBe(429)
    expect((await post(CHAT, chat('deployed'))).status).toBe(200)
  })
})

describe('the books', () => {
  test('hold each hit as a call of its own, with its tokens and without a cost', async () => {
    const key = await gateway.newKey({ max_budget: 1 })
    const paid = await post(CHAT, chat('to be booked'), key)
    const hit = await post(CHAT, chat('to be booked'), key)
    const streamed = chat('to be booked', { stream: true })
    await post(CHAT, streamed, key)
    await post(CHAT, streamed, key)
    await gateway.gateway.ledger.flush()
    const answer = await gateway.call(`/spend/logs?api_key=${key}`)
    const rows = (await answer.json()) as Record<string, unknown>[]
    const told = rows.map((row) => [row['cache_hit'], Number(row['spend']) > 0])
    for (const kind of [
      ['True', false],
      ['False', true],
    ])
      expect(told.filter((each) => String(each) === String(kind))).toHaveLength(2)
    const ids = new Set(rows.map((row) => row['request_id']))
    const metered = gateway.simulator.meter.entries().filter((entry) => ids.has(entry.callId))
    const tokens = (hit: string): number =>
      rows.reduce((sum, row) => sum + (row['cache_hit'] === hit ? Number(row['total_tokens']) : 0), 0)
    expect(tokens('False')).toBe(metered.reduce((sum, entry) => sum + totalTokens(entry.usage), 0))
    expect(tokens('True')).toBe(tokens('False'))
    const row = rows.find((each) => each['request_id'] === hit.headers['x-litellm-call-id'])
    const source = rows.find((each) => each['request_id'] === paid.headers['x-litellm-call-id'])
    expect(row).toMatchObject({
      status: 'success',
      spend: 0,
      model: source?.['model'],
      custom_llm_provider: source?.['custom_llm_provider'],
      prompt_tokens: source?.['prompt_tokens'],
      completion_tokens: source?.['completion_tokens'],
      cache_key: hit.headers['x-litellm-cache-key'],
    })
    const paidFor = rows.reduce((sum, each) => sum + Number(each['spend']), 0)
    const info = (await (await gateway.call(`/key/info?key=${key}`)).json()) as { info: { spend: number } }
    expect(info.info.spend).toBeCloseTo(paidFor, 12)
    const headers = (await post(CHAT, chat('to be booked'), key)).headers
    expect(Number(headers['x-litellm-key-spend'])).toBeCloseTo(paidFor, 12)
  })

  test('metrics and log lines tell hits, misses and tokens', async () => {
    const families = async () => readExposition(await (await gateway.call('/metrics')).text())
    const total = async (name: string): Promise<number> =>
      samplesOf(await families(), name).reduce((sum, sample) => sum + sample.value, 0)
    const names = [
      'litellm_cache_hits_metric_total',
      'litellm_cache_misses_metric_total',
      'litellm_cached_tokens_metric_total',
      'sluice_cache_entries',
    ]
    const before = await Promise.all(names.map(total))
    await post(CHAT, chat('to be counted'))
    const hit = await post(CHAT, chat('to be counted'))
    await post(CHAT, chat('to be counted', { cache: { 'no-cache': true, 'no-store': true } }))
    const after = await Promise.all(names.map(total))
    const usage = JSON.parse(hit.text) as { usage: { total_tokens: number } }
    expect(after.map((value, index) => value - (before[index] ?? 0))).toEqual([
      1,
      1,
      usage.usage.total_tokens,
      1,
    ])
    const lines = gateway.logLines().filter((line) => line['event'] === 'call')
    expect(lines.slice(-3).map((line) => line['cache_hit'])).toEqual([false, true, null])
    expect(lines.at(-2)).toMatchObject({ cost_usd: 0, attempts: 0, status: 200, priced: true })
  })
})

describe('the configuration', () => {
  test('switches the cache off and on while calls come in', async () => {
    await post(CHAT, chat('before'))
    gateway.reconfigure(SIMULATED_MODELS)
    expect(await providerCalls(() => post(CHAT, chat('before')))).toBe(1)
    expect((await gateway.call('/cache/ping')).status).toBe(503)
    gateway.reconfigure(configOf(', supported_call_types: []'))
    expect(await providerCalls(() => post(CHAT, chat('before')))).toBe(1)
    gateway.reconfigure(configOf(', mode: default_off'))
    await post(CHAT, chat('before'))
    expect(await providerCalls(() => post(CHAT, chat('before')))).toBe(1)
    const asking = chat('before', { cache: { 'use-cache': true } })
    await post(CHAT, asking)
    expect(await providerCalls(() => post(CHAT, asking))).toBe(0)
  })

  test('caches the kinds of call that it names', async () => {
    gateway.reconfigure(configOf(', supported_call_types: [acompletion]'))
    for (const count of [1, 0]) expect(await providerCalls(() => post(CHAT, chat('kind')))).toBe(count)
    const embedding = { model: 'embedder', input: 'kind' }
    for (const _ of [1, 2]) expect(await providerCalls(() => post('/v1/embeddings', embedding))).toBe(1)
  })

  test('that points a group at another model leaves the old answers behind', async () => {
    await post(CHAT, chat('same group'))
    gateway.reconfigure(configOf('').replace('openai/sim-gpt', 'openai/sim-other'))
    expect(await providerCalls(() => post(CHAT, chat('same group')))).toBe(1)
  })
})

describe('administration', () => {
  test('/cache/ping tells what is in force', async () => {
    const answer = await gateway.call('/cache/ping')
    const body = (await answer.json()) as Record<string, unknown>
    expect(body).toMatchObject({
      status: 'healthy',
      cache_type: 'local',
      ping_response: true,
      set_cache_response: 'success',
    })
    expect(JSON.parse(String(body['litellm_cache_params']))).toMatchObject({ type: 'local', ttl: 600 })
  })

  test('/cache/delete forgets the answers that the header names, and refuses what is no key', async () => {
    await post(CHAT, chat('a'))
    await post(CHAT, chat('b'))
    const key = (await post(CHAT, chat('a'))).headers['x-litellm-cache-key']
    const answer = await gateway.call('/cache/delete', { keys: [`some-namespace:${String(key)}`] })
    expect(await answer.json()).toEqual({ status: 'success' })
    expect(await providerCalls(() => post(CHAT, chat('a')))).toBe(1)
    expect(await providerCalls(() => post(CHAT, chat('b')))).toBe(0)
    expect((await gateway.call('/cache/delete', { keys: ['*'] })).status).toBe(400)
  })

  test('/cache/flushall forgets all', async () => {
    await post(CHAT, chat('a'))
    expect(await (await gateway.call('/cache/flushall', {})).json()).toEqual({ status: 'success' })
    expect(await providerCalls(() => post(CHAT, chat('a')))).toBe(1)
  })

  test('is for administrators', async () => {
    const key = await gateway.newKey()
    const headers = { authorization: `Bearer ${key}` }
    expect((await gateway.call('/cache/ping', undefined, headers)).status).toBe(403)
    for (const path of ['/cache/delete', '/cache/flushall'])
      expect((await gateway.call(path, {}, headers)).status).toBe(403)
  })
})

describe('clients', () => {
  test('OpenAI’s reads a kept stream and a kept answer as it reads a provider’s', async () => {
    const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: MASTER_KEY })
    const messages = [{ role: 'user' as const, content: 'of a client' }]
    const whole = async () => await client.chat.completions.create({ model: 'gpt', messages })
    const streamed = async () => {
      const chunks = []
      for await (const chunk of await client.chat.completions.create({
        model: 'gpt',
        messages,
        stream: true,
      }))
        chunks.push(chunk)
      return chunks
    }
    expect(await providerCalls(async () => expect(await whole()).toEqual(await whole()))).toBe(1)
    expect(await providerCalls(async () => expect(await streamed()).toEqual(await streamed()))).toBe(1)
  })

  test('Anthropic’s reads a kept stream as it reads a provider’s', async () => {
    const client = new Anthropic({ baseURL: gateway.url, apiKey: MASTER_KEY })
    const final = async () =>
      await client.messages
        .stream({ model: 'claude', max_tokens: 100, messages: [{ role: 'user', content: 'of a client' }] })
        .finalMessage()
    expect(await providerCalls(async () => expect(await final()).toEqual(await final()))).toBe(1)
  })
})
