/** What calls cost that do not come to their end: left, failed by the provider, or cut by a gateway that stops. */
import { request, type ClientRequest } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Database } from '../../src/storage/database.ts'
import { openDatabase } from '../../src/storage/open-database.ts'
import { MASTER_KEY, SIMULATED_MODELS, startTestGateway, type TestGateway } from '../running-gateway.ts'

const TOOL = { type: 'function', function: { name: 'look', parameters: { type: 'object' } } }

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway({
    config: `${SIMULATED_MODELS}\ngeneral_settings: { cancel_on_disconnect: false }\n`,
  })
})

afterAll(() => gateway.stop())

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
