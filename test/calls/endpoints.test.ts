/** Every path that clients use, and what it answers. */
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestGateway, type TestGateway } from '../running-gateway.ts'
import { send, type Answer } from './client-call.ts'

let gateway: TestGateway

const models = `
model_list:
  - { model_name: gpt, litellm_params: { model: openai/sim-gpt, api_base: '{openai}', api_key: sk-provider, rpm: 60, tpm: 9000 }, model_info: { id: gpt-1, input_cost_per_token: 0.000002, output_cost_per_token: 0.000008, max_input_tokens: 128000 } }
  - { model_name: claude, litellm_params: { model: anthropic/sim-claude, api_base: '{anthropic}', api_key: sk-provider }, model_info: { id: claude-1 } }
  - { model_name: embedder, litellm_params: { model: openai/sim-embedding, api_base: '{openai}', api_key: sk-provider }, model_info: { mode: embedding } }
  - { model_name: 'wild/*', litellm_params: { model: 'openai/up-*', api_base: '{openai}', api_key: sk-provider } }
`
const config = (metricsKey: boolean): string => `
litellm_settings: { require_auth_for_metrics_endpoint: ${metricsKey}, model_alias_map: { from-settings: gpt } }
router_settings: { num_retries: 0, model_group_alias: { nickname: gpt, secret-name: { model: gpt, hidden: true } } }
${models}`

beforeAll(async () => {
  gateway = await startTestGateway({ config: config(true) })
})

afterAll(async () => {
  await gateway.stop()
})

const CHAT = { model: 'gpt', messages: [{ role: 'user', content: 'Hi' }] }
const MESSAGE = { model: 'claude', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] }
const EMBEDDING = { model: 'embedder', input: 'Hi' }
const COMPLETION = { model: 'gpt', prompt: 'Hi' }
const RESPONSE = { model: 'gpt', input: 'Hi' }

async function post(
  path: string,
  body: unknown,
  headers: Record<string, string | undefined> = {},
): Promise<Answer> {
  return await send(gateway.url + path, { body, headers })
}

/** What the answers of these tests have in common: a list of objects. */
interface Shape {
  readonly data: readonly { readonly id: string }[]
}

async function get(
  path: string,
  headers: Record<string, string | undefined> = {},
): Promise<{ status: number; json: Shape }> {
  const answer = await send(gateway.url + path, { headers })
  return { status: answer.status, json: JSON.parse(answer.text) as Shape }
}

const lastCall = () => gateway.simulator.requests().at(-1)

describe('calls', () => {
  const PATHS: readonly (readonly [path: string, body: object, upstream: string])[] = [
    ['/v1/chat/completions', CHAT, '/v1/chat/completions'],
    ['/chat/completions', CHAT, '/v1/chat/completions'],
    ['/openai/deployments/gpt/chat/completions', { ...CHAT, model: undefined }, '/v1/chat/completions'],
    ['/engines/gpt/chat/completions', CHAT, '/v1/chat/completions'],
    ['/v1/completions', COMPLETION, '/v1/completions'],
    ['/completions', COMPLETION, '/v1/completions'],
    ['/openai/deployments/gpt/completions', COMPLETION, '/v1/completions'],
    ['/v1/embeddings', EMBEDDING, '/v1/embeddings'],
    ['/embeddings', EMBEDDING, '/v1/embeddings'],
    ['/openai/deployments/embedder/embeddings', { input: 'Hi' }, '/v1/embeddings'],
    ['/v1/responses', RESPONSE, '/v1/responses'],
    ['/responses', RESPONSE, '/v1/responses'],
    ['/openai/v1/responses', RESPONSE, '/v1/responses'],
    ['/v1/messages', MESSAGE, '/v1/messages'],
    ['/messages', MESSAGE, '/v1/messages'],
    ['/anthropic/v1/messages', MESSAGE, '/v1/messages'],
    ['/v1/messages/count_tokens', MESSAGE, '/v1/messages/count_tokens'],
    ['/messages/count_tokens', MESSAGE, '/v1/messages/count_tokens'],
  ]

  test.for(PATHS)('%s answers, with and without a trailing slash', async ([path, body, upstream]) => {
    for (const each of [path, `${path}/`]) {
      const answer = await post(each, body)
      expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 200 })
      expect(lastCall()?.path).toBe(upstream)
    }
  })

  test('the model in the path wins over the one in the body', async () => {
    const answer = await post('/openai/deployments/gpt/chat/completions?api-version=2024-10-21', {
      ...CHAT,
      model: 'other',
    })
    expect(answer.status).toBe(200)
    expect(JSON.parse(lastCall()?.body.toString() ?? '')).toMatchObject({ model: 'sim-gpt' })
    expect(lastCall()?.path).toBe('/v1/chat/completions')
  })

  test('count_tokens is free: no cost, no row in the books', async () => {
    const answer = await post('/v1/messages/count_tokens', MESSAGE)
    expect(JSON.parse(answer.text)).toEqual({ input_tokens: expect.any(Number) })
    expect(answer.headers).not.toHaveProperty('x-litellm-response-cost')
  })

  test.for([
    ['nickname', 'sim-gpt'],
    ['secret-name', 'sim-gpt'],
    ['from-settings', 'sim-gpt'],
    ['gpt-1', 'sim-gpt'],
    ['wild/one', 'up-one'],
    ['wild/one/two', 'up-one/two'],
  ])('the name %s goes to %s', async ([name, upstream]) => {
    expect((await post('/v1/chat/completions', { ...CHAT, model: name })).status).toBe(200)
    expect(JSON.parse(lastCall()?.body.toString() ?? '')).toMatchObject({ model: upstream })
  })

  test("a key's own alias goes to its model", async () => {
    const key = await gateway.newKey({ aliases: { mine: 'gpt' }, models: ['gpt', 'mine'] })
    const answer = await post(
      '/v1/chat/completions',
      { ...CHAT, model: 'mine' },
      { authorization: `Bearer ${key}` },
    )
    expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 200 })
  })

  test('an unknown model is refused in the dialect', async () => {
    const openai = await post('/v1/chat/completions', { ...CHAT, model: 'none' })
    expect(openai.status).toBe(400)
    expect(JSON.parse(openai.text)).toMatchObject({ error: { code: 'model_not_found', param: 'model' } })
    const anthropic = await post('/v1/messages', { ...MESSAGE, model: 'none' })
    expect(anthropic.status).toBe(404)
    expect(JSON.parse(anthropic.text)).toMatchObject({ type: 'error', error: { type: 'not_found_error' } })
  })

  test('a model of the other dialect is refused with the path to use, and no provider is called', async () => {
    const before = gateway.simulator.meter.entries().length
    const openai = await post('/v1/chat/completions', { ...CHAT, model: 'claude' })
    expect(openai.status).toBe(400)
    expect(JSON.parse(openai.text)).toMatchObject({
      error: { type: 'invalid_request_error', message: expect.stringContaining('/v1/messages') },
    })
    const anthropic = await post('/v1/messages', { ...MESSAGE, model: 'gpt' })
    expect(anthropic.status).toBe(400)
    expect(JSON.parse(anthropic.text)).toMatchObject({
      type: 'error',
      error: { type: 'invalid_request_error', message: expect.stringContaining('/v1/chat/completions') },
    })
    expect(gateway.simulator.meter.entries()).toHaveLength(before)
  })
})

describe('what there is', () => {
  const NAMES = ['gpt', 'claude', 'embedder', 'nickname']

  test.for(['/v1/models', '/models', '/v1/models/'])('%s lists models in the OpenAI shape', async (path) => {
    const { status, json } = await get(path)
    expect(status).toBe(200)
    expect(json).toMatchObject({ object: 'list' })
    expect(json.data.map((model) => model.id)).toEqual(NAMES)
    expect(json.data[0]).toMatchObject({
      object: 'model',
      created: expect.any(Number),
      owned_by: expect.any(String),
    })
  })

  test('/v1/models lists models in the Anthropic shape to an Anthropic client', async () => {
    const { json } = await get('/v1/models?limit=1000', { 'anthropic-version': '2023-06-01' })
    expect(json).toMatchObject({ has_more: false, first_id: 'gpt', last_id: 'nickname' })
    expect(json.data[0]).toMatchObject({
      type: 'model',
      id: 'gpt',
      display_name: 'gpt',
      max_input_tokens: 128_000,
    })
  })

  test('/v1/models lists wildcards when asked', async () => {
    const { json } = await get('/v1/models?return_wildcard_routes=true')
    expect(json.data.map((model) => model.id)).toContain('wild/*')
  })

  test('/v1/models shows a key its own models only', async () => {
    const key = await gateway.newKey({ models: ['claude'] })
    const { json } = await get('/v1/models', { authorization: `Bearer ${key}` })
    expect(json.data.map((model) => model.id)).toEqual(['claude'])
  })

  test('/v1/models/{id} tells one model in both shapes, and 404 for one that is not there', async () => {
    expect((await get('/v1/models/gpt')).json).toMatchObject({ id: 'gpt', object: 'model' })
    expect((await get('/v1/models/gpt', { 'anthropic-version': '2023-06-01' })).json).toMatchObject({
      type: 'model',
    })
    expect((await get('/v1/models/none')).status).toBe(404)
  })

  test.for(['/v1/model/info', '/model/info'])(
    '%s tells deployments without their credentials',
    async (path) => {
      const { json } = await get(path)
      expect(json.data).toHaveLength(3)
      expect(json.data[0]).toMatchObject({
        model_name: 'gpt',
        litellm_params: { model: 'openai/sim-gpt' },
        model_info: { id: 'gpt-1', input_cost_per_token: 0.000002 },
      })
      expect(JSON.stringify(json)).not.toContain('sk-provider')
      expect((await get(`${path}?litellm_model_id=claude-1`)).json.data).toHaveLength(1)
      expect((await get(`${path}?litellm_model_id=none`)).status).toBe(404)
    },
  )

  test('/model_group/info tells groups', async () => {
    const { json } = await get('/model_group/info?model_group=gpt')
    expect(json.data).toEqual([
      expect.objectContaining({ model_group: 'gpt', providers: ['openai'], rpm: 60, tpm: 9000 }),
    ])
    const { json: unlimited } = await get('/model_group/info?model_group=claude')
    expect(unlimited.data).toEqual([expect.objectContaining({ rpm: null, tpm: null })])
  })

  test.for(['/v1/models', '/v1/model/info', '/model_group/info', '/health'])(
    '%s wants a key',
    async (path) => {
      expect((await get(path, { authorization: undefined })).status).toBe(401)
    },
  )
})

describe('probes', () => {
  test.for(['/', '/api/hello'])('HEAD %s answers 200 to anyone', async (path) => {
    const answer = await send(gateway.url + path, { method: 'HEAD', headers: { authorization: undefined } })
    expect(answer.status).toBe(200)
    expect(answer.text).toBe('')
  })

  test.for(['/v1/responses', '/responses', '/openai/v1/responses'])(
    'a WebSocket on %s is answered with 426',
    async (path) => {
      const { promise, resolve } = Promise.withResolvers<number | undefined>()
      const headers = {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'sec-websocket-version': '13',
      }
      request(gateway.url + path, { headers, agent: false }, (response) => {
        response.resume()
        resolve(response.statusCode)
      }).end()
      expect(await promise).toBe(426)
    },
  )

  test.for(['/health/liveliness', '/health/liveness'])('%s answers anyone', async (path) => {
    expect(await get(path, { authorization: undefined })).toEqual({ status: 200, json: "I'm alive!" })
  })

  test('/health/readiness tells the database', async () => {
    const { status, json } = await get('/health/readiness', { authorization: undefined })
    expect(status).toBe(200)
    expect(json).toMatchObject({ status: 'healthy', db: 'connected' })
  })

  test('/health tells deployments and calls no provider', async () => {
    const before = gateway.simulator.requests().length
    expect((await get('/health')).json).toMatchObject({ healthy_count: 3, unhealthy_count: 0 })
    expect(gateway.simulator.requests()).toHaveLength(before)
  })

  test('an unknown path is a 404', async () => {
    expect((await get('/v1/none')).status).toBe(404)
  })
})

describe('metrics', () => {
  async function keyOfRole(role: string): Promise<string> {
    const answer = await gateway.call('/user/new', { user_email: `${role}@example.com`, user_role: role })
    return ((await answer.json()) as { key: string }).key
  }

  async function statusFor(path: string, key: string | undefined): Promise<number> {
    const authorization = key === undefined ? undefined : `Bearer ${key}`
    return (await send(gateway.url + path, { headers: { authorization } })).status
  }

  test.for(['/metrics', '/metrics/'])(
    '%s is for admins and admin viewers, without a redirect',
    async (path) => {
      gateway.reconfigure(config(true))
      const answer = await send(gateway.url + path)
      expect(answer.status).toBe(200)
      expect(answer.headers['content-type']).toMatch(/^text\/plain/)
      expect(answer.text).toContain('litellm_in_flight_requests')
      expect(await statusFor(path, undefined)).toBe(401)
      expect(await statusFor(path, 'sk-nobody')).toBe(401)
    },
  )

  test.for([
    ['proxy_admin', 200],
    ['proxy_admin_viewer', 200],
    ['internal_user', 401],
    ['internal_user_viewer', 401],
  ] as const)('a key of role %s gets %s', async ([role, status]) => {
    gateway.reconfigure(config(true))
    expect(await statusFor('/metrics/', await keyOfRole(role))).toBe(status)
  })

  test('is open to anyone when so configured', async () => {
    gateway.reconfigure(config(false))
    expect(await statusFor('/metrics', undefined)).toBe(200)
    expect(await statusFor('/metrics/', undefined)).toBe(200)
    gateway.reconfigure(config(true))
  })
})
