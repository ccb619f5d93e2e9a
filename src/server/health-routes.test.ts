import { afterAll, beforeAll, expect, test } from 'vitest'
import { SIMULATED_MODELS, startTestGateway, type TestGateway } from '../../test/running-gateway.ts'

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway({
    config: `${SIMULATED_MODELS}  - model_name: broken
    litellm_params: { model: 'openai/sim-gpt?fault=401', api_base: '{openai}', api_key: k }
    model_info: { id: broken-1, input_cost_per_token: 0, output_cost_per_token: 0 }
`,
    environment: { SERVER_ROOT_PATH: '/ai' },
  })
})

afterAll(async () => {
  await gateway.stop()
})

interface Health {
  readonly healthy_count: number
  readonly healthy_endpoints: readonly { readonly model_id: string }[]
  readonly unhealthy_endpoints: readonly { readonly model_id: string; readonly error: string }[]
}

async function health(query: string): Promise<Health> {
  const answer = await gateway.call(`/ai/health${query}`)
  expect(answer.status).toBe(200)
  return (await answer.json()) as Health
}

test('/health lists the deployments and calls no provider', async () => {
  gateway.simulator.meter.clear()
  expect((await health('')).healthy_count).toBe(4)
  expect(gateway.simulator.meter.entries()).toEqual([])
})

test('/health?probe=true calls each deployment once, as a call of the key that asked', async () => {
  gateway.simulator.meter.clear()
  const found = await health('?probe=true')
  expect(found.healthy_endpoints.map((one) => one.model_id).toSorted()).toEqual([
    'claude-1',
    'embedder-1',
    'gpt-1',
  ])
  expect(found.unhealthy_endpoints.map((one) => one.model_id)).toEqual(['broken-1'])
  expect(found.unhealthy_endpoints[0]?.error).toMatch(/^401: /)
  await gateway.gateway.ledger.flush()
  const rows = await gateway.gateway.database.sql
    .selectFrom('sluice_call_log')
    .select(['model_id', 'user_id'])
    .orderBy('model_id')
    .execute()
  expect(rows.map((row) => `${row.model_id} ${row.user_id}`)).toEqual([
    'broken-1 default_user_id',
    'claude-1 default_user_id',
    'embedder-1 default_user_id',
    'gpt-1 default_user_id',
  ])
})

test('/health?model_id= looks at one deployment', async () => {
  expect((await health('?model_id=gpt-1')).healthy_endpoints.map((one) => one.model_id)).toEqual(['gpt-1'])
})

test('a caller sees the deployments that it may use, and no others', async () => {
  const made = await gateway.call('/ai/key/generate', { models: ['gpt'] })
  const { key } = (await made.json()) as { key: string }
  const answer = await gateway.call('/ai/health', undefined, { authorization: `Bearer ${key}` })
  expect(((await answer.json()) as Health).healthy_endpoints.map((one) => one.model_id)).toEqual(['gpt-1'])
})

test('below a root path everything else is there too, and nothing above it', async () => {
  const paths = ['/health/liveliness', '/metrics', '/v1/models', '/key/list', '/model/info']
  const below = await Promise.all(paths.map(async (path) => (await gateway.call(`/ai${path}`)).status))
  const above = await Promise.all(paths.map(async (path) => (await gateway.call(path)).status))
  expect(below).toEqual([200, 200, 200, 200, 200])
  expect(above).toEqual([404, 404, 404, 404, 404])
})
