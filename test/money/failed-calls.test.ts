/** What calls cost that do not come to their end: left, failed by the provider, or cut by a gateway that stops. */
import { request, type ClientRequest } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Database } from '../../src/storage/database.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { ScriptedProvider } from '../calls/scripted-provider.ts'
import { MASTER_KEY, SIMULATED_MODELS, startTestGateway, type TestGateway } from '../running-gateway.ts'

const TOOL = { type: 'function', function: { name: 'look', parameters: { type: 'object' } } }

let gateway: TestGateway
let silent: ScriptedProvider

beforeAll(async () => {
  silent = await ScriptedProvider.start()
  gateway = await startTestGateway({
    config: `${SIMULATED_MODELS}
  - model_name: silent
    litellm_params: { model: openai/silent, api_base: '${silent.url}/v1', api_key: k }
    model_info: { input_cost_per_token: 0.000001, output_cost_per_token: 0.000002 }
general_settings: { cancel_on_disconnect: false }\n`,
  })
})

afterAll(async () => {
  await gateway.stop()
  await silent.close()
})

test.each(['500', '400', 'reset', 'html', 'cut@1'])(
  'a call that its client left and its provider failed (%s) costs nothing',
  async (fault) => {
    const before = gateway.simulator.meter.entries().length
    const client = ask({ user: fault }, `[[sim fault=${fault} latency=60]]`)
    await expect.poll(() => gateway.simulator.meter.entries().length, { interval: 2 }).toBeGreaterThan(before)
    client.destroy()
    const row = await bookedCall(fault)
    expect(row).toMatchObject({
      ending: 'client_gone',
      usage_source: 'none',
      picodollars: 0n,
      input_tokens: 0n,
    })
  },
)

test('usage that was told before a provider broke off is booked as it was told', async () => {
  ask(
    { user: 'told', stream: true, tools: [TOOL] },
    '[[sim tool=look%20%7B%22a%22%3A%22b%22%7D fault=cut@last input=77]]',
  )
  const row = await bookedCall('told')
  const usage = gateway.simulator.meter.entries().at(-1)?.usage
  expect(row.input_tokens).toBe(77n)
  expect(row.output_tokens).toBe(BigInt(usage?.outputTokens ?? -1))
})

test('a whole answer that tells no usage is booked with an estimate of its input and its output', async () => {
  ask({ model: 'silent', user: 'untold' }, 'hi')
  const exchange = await silent.next()
  const message = { role: 'assistant', content: 'x'.repeat(400) }
  exchange.json(200, { object: 'chat.completion', choices: [{ index: 0, message, finish_reason: 'stop' }] })
  const row = await bookedCall('untold')
  expect(row).toMatchObject({ ending: 'complete', usage_source: 'estimated' })
  expect(row.input_tokens).toBeGreaterThan(0n)
  expect(row.output_tokens).toBeGreaterThanOrEqual(100n)
})

// Last, for it ends the gateway.
test('a call that a stopping gateway cuts is booked with what had come until then', async () => {
  const client = ask({ user: 'cut', stream: true }, '[[sim chunks=2 fault=stall@1 chunk-tokens=9]]')
  await new Promise((resolve) => client.once('response', (response) => response.once('data', resolve)))
  await gateway.gateway.stop(0)
  const database = await openDatabase({ dataDir: join(gateway.directory, 'data', 'database') })
  const row = await findCall(database, 'cut')
  await database.close()
  expect(row).toMatchObject({ usage_source: 'estimated', output_tokens: 9n })
  expect(row?.input_tokens).toBeGreaterThan(0n)
})

/** A chat call; what becomes of the answer does not matter here. */
function ask(members: object, text: string): ClientRequest {
  const client = request(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    agent: false,
    headers: { authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json' },
  })
  client.on('error', () => {})
  client.on('response', (response) => response.on('error', () => {}).resume())
  client.end(JSON.stringify({ model: 'gpt', messages: [{ role: 'user', content: text }], ...members }))
  return client
}

interface CallCost {
  readonly ending: string
  readonly usage_source: string
  readonly picodollars: bigint
  readonly input_tokens: bigint
  readonly output_tokens: bigint
}

/** The row of an end user's only call, as soon as it is booked. */
async function bookedCall(endUser: string): Promise<CallCost> {
  return await vi.waitUntil(
    async () => {
      await gateway.gateway.ledger.flush()
      return await findCall(gateway.gateway.database, endUser)
    },
    { timeout: 20_000 },
  )
}

async function findCall(database: Database, endUser: string): Promise<CallCost | undefined> {
  return await database.sql
    .selectFrom('sluice_call_log')
    .select(['ending', 'usage_source', 'picodollars', 'input_tokens', 'output_tokens'])
    .where('end_user', '=', endUser)
    .executeTakeFirst()
}
