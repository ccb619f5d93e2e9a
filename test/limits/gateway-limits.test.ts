/** Limits as callers of whole gateways meet them: one gateway by itself, and two over one Redis. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { parseDollars, picodollars, toDecimal } from '../../src/money/picodollars.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { readSpends } from '../../src/storage/queries/spend-windows.ts'
import { startPostgresql } from '../postgresql.ts'
import { startRedis } from '../redis.ts'
import { MASTER_KEY, startTestGateway, type TestGateway } from '../running-gateway.ts'

const stack = new AsyncDisposableStack()
afterAll(() => stack.disposeAsync())

const model = (name: string, id: string, more = ''): string => `
  - model_name: ${name}
    litellm_params: { model: openai/sim-${name}, api_base: '{openai}', api_key: sk-provider${more} }
    model_info: { id: ${id}, input_cost_per_token: 0.000002, output_cost_per_token: 0.000008 }`

const CONFIG = `
model_list:${model('gpt', 'gpt-1')}${model('pair', 'small', ', rpm: 2')}${model('pair', 'large')}${model('tiny', 'tiny-1', ', max_budget: 0.0000001')}${model('shared', 'shared-1', ', default_api_key_rpm_limit: 9')}${model('shared', 'shared-2', ', default_api_key_rpm_limit: 1')}
  - model_name: claude
    litellm_params: { model: anthropic/sim-claude, api_base: '{anthropic}', api_key: sk-provider }
    model_info: { id: claude-1, input_cost_per_token: 0.000003, output_cost_per_token: 0.000015 }
general_settings: { max_parallel_requests: 50 }
router_settings:
  optional_pre_call_checks: [enforce_model_rate_limits]
  provider_budget_config: { anthropic: { budget_limit: 0.0000001, time_period: 1d } }
`

const question = (name: string) => ({
  model: name,
  messages: [{ role: 'user', content: 'hello' }],
  max_tokens: 5,
})

async function ask(gateway: TestGateway, name: string, key?: string, path = '/v1/chat/completions') {
  const headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
  const answer = await gateway.call(path, question(name), headers)
  const text = await answer.text()
  return { status: answer.status, headers: answer.headers, text }
}

describe('one gateway', () => {
  let gateway: TestGateway

  beforeAll(async () => {
    gateway = await startTestGateway({ config: CONFIG })
    stack.defer(() => gateway.stop())
  })

  test('a key beyond its requests a minute gets 429 with the time to try again, before any provider is called', async () => {
    const key = await gateway.newKey({ rpm_limit: 2, tpm_limit: 100_000 })
    const first = await ask(gateway, 'gpt', key)
    expect(first.status).toBe(200)
    expect(first.headers.get('x-ratelimit-remaining-requests')).toBe('1')
    expect(first.headers.get('x-litellm-key-rpm-limit')).toBe('2')
    expect(first.headers.get('x-ratelimit-api_key-limit-tokens')).toBe('100000')
    await ask(gateway, 'gpt', key)
    const billed = gateway.simulator.meter.entries().length
    const refused = await ask(gateway, 'gpt', key)
    expect(refused.status).toBe(429)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(30)
    expect(refused.headers.get('rate_limit_type')).toBe('requests')
    expect(JSON.parse(refused.text)).toMatchObject({
      error: { type: 'throttling_error', message: expect.stringContaining('Limit type: requests') },
    })
    expect(gateway.simulator.meter.entries()).toHaveLength(billed)
    expect(await (await gateway.call('/metrics')).text()).toContain(
      'sluice_limit_refusals_total{scope="key",limit="requests"} 1',
    )
  })

  test('a key without a limit of calls at a time has that of the configuration', async () => {
    const parallelLimit = async (fields: Record<string, unknown>) =>
      (await ask(gateway, 'gpt', await gateway.newKey(fields))).headers.get(
        'x-ratelimit-api_key-limit-max_parallel_requests',
      )
    expect([await parallelLimit({}), await parallelLimit({ max_parallel_requests: 3 })]).toEqual(['50', '3'])
  })

  test('a model has a limit for each key that has none of its own for it', async () => {
    const [one, other] = [await gateway.newKey(), await gateway.newKey()]
    const own = await gateway.newKey({ model_rpm_limit: { shared: 5 } })
    for (const key of [one, other, own, own]) expect((await ask(gateway, 'shared', key)).status).toBe(200)
    expect((await ask(gateway, 'shared', one)).status).toBe(429)
    expect((await ask(gateway, 'gpt', one)).status).toBe(200)
  })

  test('counting tokens counts for no limit', async () => {
    const key = await gateway.newKey({ rpm_limit: 1 })
    for (let call = 0; call < 3; call += 1)
      expect((await ask(gateway, 'claude', key, '/v1/messages/count_tokens')).status).toBe(200)
  })

  test('a budget is used up by what calls cost, and then refuses without a retry', async () => {
    const key = await gateway.newKey({ max_budget: 0.000_001 })
    expect((await ask(gateway, 'gpt', key)).status).toBe(200)
    const refused = await ask(gateway, 'gpt', key)
    expect(refused.status).toBe(429)
    expect(refused.headers.get('x-should-retry')).toBe('false')
    expect(refused.text).toContain('Budget has been exceeded! Key=')
  })

  test('a window of a key that is spent refuses, whatever its other budgets have left', async () => {
    const budget_limits = [
      { budget_duration: '1d', max_budget: 0.000_001 },
      { budget_duration: '30d', max_budget: 5 },
    ]
    const key = await gateway.newKey({ key_alias: 'two-windows', max_budget: 5, budget_limits })
    expect((await ask(gateway, 'gpt', key)).status).toBe(200)
    const refused = await ask(gateway, 'gpt', key)
    expect(refused.status).toBe(429)
    expect(refused.text).toMatch(/Budget has been exceeded! Key=two-windows \(sk-\.\.\..{4}\), 1d\./)
  })

  test('a model that is spent within an organization is refused to all its keys, and other models are not', async () => {
    const made = await gateway.call('/organization/new', {
      organization_alias: 'Acme',
      model_max_budget: { gpt: { budget_limit: 0.000_001, rpm_limit: 9 } },
    })
    const { organization_id } = (await made.json()) as { organization_id: string }
    const [one, other] = [
      await gateway.newKey({ organization_id }),
      await gateway.newKey({ organization_id }),
    ]
    const first = await ask(gateway, 'gpt', one)
    expect(first.status).toBe(200)
    expect(first.headers.get('x-ratelimit-model_per_organization-limit-requests')).toBe('9')
    expect(first.headers.get('x-ratelimit-model_per_organization-remaining-requests')).toBe('8')
    const refused = await ask(gateway, 'gpt', other)
    expect([refused.status, refused.headers.get('x-should-retry')]).toEqual([429, 'false'])
    expect(refused.text).toContain('Budget has been exceeded! Model of organization=gpt of Acme.')
    expect((await ask(gateway, 'shared', other)).status).toBe(200)
  })

  test('a deployment at its limit leaves its calls to the others of its group', async () => {
    const ids: (string | null)[] = []
    for (let call = 0; call < 12; call += 1) {
      const { status, headers } = await ask(gateway, 'pair')
      expect(status).toBe(200)
      ids.push(headers.get('x-litellm-model-id'))
    }
    expect(ids.filter((id) => id === 'small').length).toBeLessThanOrEqual(2)
  })

  test('a deployment and a provider whose budget is spent get no calls', async () => {
    expect((await ask(gateway, 'tiny')).status).toBe(200)
    const spent = await ask(gateway, 'tiny')
    expect([spent.status, spent.text]).toEqual([
      429,
      expect.stringContaining('crossed budget: Deployment=tiny'),
    ])
    expect((await ask(gateway, 'claude', undefined, '/v1/messages')).status).toBe(200)
    const provider = await ask(gateway, 'claude', undefined, '/v1/messages')
    expect(provider.status).toBe(429)
    expect(provider.text).toContain('crossed budget: Provider=anthropic')
  })

  test('a changed configuration changes the limits of deployments', async () => {
    gateway.reconfigure(CONFIG.replaceAll('0.0000001', '5'))
    expect((await ask(gateway, 'tiny')).status).toBe(200)
  })
})

describe('two gateways over one Redis', () => {
  let gateways: TestGateway[]
  let databaseUrl: string

  beforeAll(async () => {
    const postgresql = stack.use(await startPostgresql())
    const redis = stack.use(await startRedis())
    databaseUrl = await postgresql.createDatabase()
    gateways = []
    for (let pod = 0; pod < 2; pod += 1) {
      const gateway = await startTestGateway({
        config: CONFIG,
        databaseUrl,
        environment: { REDIS_URL: redis.url },
      })
      stack.defer(() => gateway.stop())
      gateways.push(gateway)
    }
  })

  test('share requests, tokens and budgets of a key', async () => {
    const key = await gateways[0]!.newKey({ rpm_limit: 6 })
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, call) => ask(gateways[call % 2]!, 'gpt', key)),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(6)
    const poor = await gateways[0]!.newKey({ max_budget: 0.000_001 })
    expect((await ask(gateways[0]!, 'gpt', poor)).status).toBe(200)
    expect((await ask(gateways[1]!, 'gpt', poor)).text).toContain('Budget has been exceeded!')
  })

  test('share the budget of a model within an organization, under parallel calls and after a restart', async () => {
    const { headers } = await ask(gateways[0]!, 'gpt', await gateways[0]!.newKey())
    const cost = Number(headers.get('x-litellm-response-cost'))
    const made = await gateways[0]!.call('/organization/new', {
      organization_alias: 'Busy',
      model_max_budget: { gpt: { budget_limit: cost * 10.5, time_period: '1mo' } },
    })
    const { organization_id } = (await made.json()) as { organization_id: string }
    const keys = [
      await gateways[0]!.newKey({ organization_id }),
      await gateways[1]!.newKey({ organization_id }),
    ]
    const call = async (index: number) => await ask(gateways[index % 2]!, 'gpt', keys[(index >> 1) % 2])
    const answers = await Promise.all(Array.from({ length: 60 }, (_, index) => call(index)))
    // What was refused while the rest was only reserved may come again.
    while (answers.length < 200 && answers.at(-1)!.headers.get('x-should-retry') !== 'false')
      answers.push(await call(answers.length))
    // The eleventh finds half of its cost left: the bound is less than one call.
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(11)

    const id = `${organization_id}::gpt`
    const spent = parseDollars(cost) * 11n
    const database = await openDatabase({ url: databaseUrl })
    stack.defer(() => database.close())
    await vi.waitFor(
      async () =>
        expect(await readSpends(database.sql, [{ kind: 'organization_model', id }])).toMatchObject([
          { total: spent },
        ]),
      { timeout: 10_000 },
    )
    const restarted = await startTestGateway({ config: CONFIG, databaseUrl })
    stack.defer(() => restarted.stop())
    expect((await ask(restarted, 'gpt', keys[0])).text).toContain(
      `Model of organization=gpt of Busy. Current cost: ${toDecimal(picodollars(spent))}`,
    )
  }, 60_000)

  test('share what a member may spend in its organization, and take up another amount', async () => {
    const [organization_id, user_id] = ['staffed', 'staff']
    await gateways[0]!.call('/user/new', { user_id, auto_create_key: false })
    await gateways[0]!.call('/organization/new', { organization_id, organization_alias: 'Staffed' })
    const member = { user_id, role: 'internal_user' }
    const added = { organization_id, member, max_budget_in_organization: 0.000_001 }
    expect((await gateways[0]!.call('/organization/member_add', added)).status).toBe(200)
    const key = await gateways[0]!.newKey({ organization_id, user_id })
    const colleague = await gateways[0]!.newKey({ organization_id })
    expect((await ask(gateways[0]!, 'gpt', key)).status).toBe(200)
    expect((await ask(gateways[1]!, 'gpt', key)).text).toContain(
      'Budget has been exceeded! Organization member=staff in Staffed.',
    )
    expect((await ask(gateways[1]!, 'gpt', colleague)).status).toBe(200)
    const changed = await fetch(`${gateways[0]!.url}/organization/member_update`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ organization_id, user_id, max_budget_in_organization: 5 }),
    })
    expect(changed.status).toBe(200)
    await vi.waitFor(async () => expect((await ask(gateways[1]!, 'gpt', key)).status).toBe(200), {
      timeout: 10_000,
    })
  })

  test('share the budgets of deployments', async () => {
    expect((await ask(gateways[0]!, 'tiny')).status).toBe(200)
    expect((await ask(gateways[1]!, 'tiny')).status).toBe(429)
  })
})
