/** Calls and changes that move every metric: each capability once, at a gateway with PostgreSQL, Redis and the simulator. */
import OpenAI from 'openai'
import { vi } from 'vitest'
import { batchFile } from '../batches/batch-file.ts'
import { MASTER_KEY, type TestGateway } from '../running-gateway.ts'

const model = (name: string, id: string, params = '', info = ''): string => `
  - model_name: ${name}
    litellm_params: { model: openai/sim-${name}, api_base: '{openai}', api_key: sk-provider${params} }
    model_info: { id: ${id}${info} }`

const PRICED = ', input_cost_per_token: 0.000002, output_cost_per_token: 0.000008'

/** `{redis_port}` stands for the port of a Redis, `{closed_port}` for one on which nothing listens. */
export const EVERY_CAPABILITY = `
model_list:${model('gpt', 'gpt-1', ', rpm: 1000, tpm: 1000000', PRICED)}${model('unpriced', 'unpriced-1')}
  - model_name: claude
    litellm_params: { model: anthropic/sim-claude, api_base: '{anthropic}', api_key: sk-provider }
    model_info: { id: claude-1, input_cost_per_token: 0.000003, output_cost_per_token: 0.000015 }
litellm_settings:
  callbacks: [prometheus, generic_api]
  service_callback: [prometheus_system]
  cache: true
  cache_params: { type: redis, host: 127.0.0.1, port: {redis_port}, mode: default_off }
  prometheus_initialize_budget_metrics: true
  enable_end_user_cost_tracking_prometheus_only: true
router_settings:
  provider_budget_config: { openai: { budget_limit: 100, time_period: 1d } }
  num_retries: 1
  retry_after: 0
general_settings:
  maximum_spend_logs_retention_period: 7d
`

export const LOAD_ENVIRONMENT = {
  GENERIC_LOGGER_ENDPOINT: 'http://127.0.0.1:{closed_port}/',
  PROXY_BATCH_WRITE_AT: '0.05',
  PROXY_BATCH_POLLING_INTERVAL: '0.2',
}

/** Does everything once, and waits until it shows in the metrics. */
export async function useEveryCapability(gateway: TestGateway): Promise<void> {
  const key = await makeOwners(gateway)
  const ask = async (
    sim: string,
    more: Record<string, unknown> = {},
    path = '/v1/chat/completions',
  ): Promise<number> => {
    const body = {
      model: 'gpt',
      user: 'customer-1',
      messages: [{ role: 'user', content: `How are you? [[sim ${sim}]]` }],
      max_tokens: 50,
      ...more,
    }
    const answer = await gateway.call(path, body, { authorization: `Bearer ${key}` })
    await answer.text().catch(() => undefined)
    return answer.status
  }
  await ask('tokens=5')
  await ask('tokens=5 cached=100 written=20 reasoning=4 audio-in=3 audio-out=2', { stream: true })
  await ask('tokens=5', { model: 'unpriced' })
  await ask('tokens=5 written=50', { model: 'claude' }, '/v1/messages')
  await ask('tokens=5', { cache: { 'use-cache': true } })
  await vi.waitFor(async () => await ask('tokens=5', { cache: { 'use-cache': true } }))
  await ask('fault=500&times=1')
  await ask('fault=401')
  await ask('fault=cut@2', { stream: true })
  await ask('tokens=5', { model: 'nowhere' })
  await gateway.call('/v1/chat/completions', {}, { authorization: 'Bearer sk-nobody' })
  await leaveStream(gateway, key)
  await useBatches(gateway, key)
}

/** @returns a key of a team's in an organization, with budgets and limits everywhere. */
async function makeOwners(gateway: TestGateway): Promise<string> {
  const make = async (path: string, fields: Record<string, unknown>): Promise<Record<string, unknown>> => {
    const answer = await gateway.call(path, fields)
    const body = (await answer.json()) as Record<string, unknown>
    if (answer.status !== 200) throw new Error(`${path}: ${answer.status} ${JSON.stringify(body)}`)
    return body
  }
  const budget = { max_budget: 50, budget_duration: '30d' }
  const { budget_id } = await make('/budget/new', { budget_id: 'budget-1', ...budget })
  const organization = await make('/organization/new', { organization_alias: 'Acme', ...budget })
  await make('/customer/new', { user_id: 'customer-1', budget_id })
  await make('/user/new', { user_id: 'user-1', auto_create_key: false, ...budget })
  const team = await make('/team/new', {
    team_id: 'team-1',
    team_alias: 'Platform',
    organization_id: organization['organization_id'],
    rpm_limit: 500,
    tpm_limit: 500_000,
    members_with_roles: [{ role: 'user', user_id: 'user-1' }],
    ...budget,
  })
  return await gateway.newKey({
    key_alias: 'every',
    team_id: team['team_id'],
    user_id: 'user-1',
    rpm_limit: 100,
    tpm_limit: 100_000,
    model_rpm_limit: { gpt: 90 },
    model_tpm_limit: { gpt: 90_000 },
    ...budget,
  })
}

/** A client that goes away in the middle of a stream. */
async function leaveStream(gateway: TestGateway, key: string): Promise<void> {
  const leaving = new AbortController()
  const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      model: 'gpt',
      stream: true,
      messages: [{ role: 'user', content: '[[sim chunks=50 interval=50]]' }],
    }),
    signal: leaving.signal,
  })
  await answer.body?.getReader().read()
  leaving.abort()
}

async function useBatches(gateway: TestGateway, key: string): Promise<void> {
  const client = new OpenAI({ apiKey: key, baseURL: `${gateway.url}/v1`, maxRetries: 0 })
  const file = await client.files.create({ file: batchFile([{}]), purpose: 'batch' })
  const batch = await client.batches.create({
    input_file_id: file.id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  })
  const paid = new OpenAI({ apiKey: MASTER_KEY, baseURL: `${gateway.url}/v1`, maxRetries: 0 })
  await vi.waitFor(async () => {
    if ((await client.batches.retrieve(batch.id)).status !== 'completed') throw new Error('not completed')
  })
  const other = await client.files.create({ file: batchFile([{}]), purpose: 'batch' })
  await client.files.delete(other.id)
  await paid.files.delete(file.id).catch(() => undefined)
}
