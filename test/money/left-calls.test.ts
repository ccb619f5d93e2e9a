/** What a call costs that its client left, when the gateway reads it to its end and the provider then fails it. */
import { request } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { MASTER_KEY, SIMULATED_MODELS, startTestGateway, type TestGateway } from '../running-gateway.ts'

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
    const settled = gateway.gateway.ledger.stats.bookedCalls + 1
    await leave(`[[sim fault=${fault} latency=60]]`)
    await expect.poll(() => gateway.simulator.meter.entries().at(-1)?.state).toBe('faulted')
    await expect
      .poll(async () => {
        await gateway.gateway.ledger.flush()
        return gateway.gateway.ledger.stats.bookedCalls
      })
      .toBe(settled)
    const row = await gateway.gateway.database.sql
      .selectFrom('sluice_call_log')
      .select(['ending', 'usage_source', 'picodollars', 'input_tokens'])
      .orderBy('started_at', 'desc')
      .executeTakeFirstOrThrow()
    expect(row).toEqual({ ending: 'client_gone', usage_source: 'none', picodollars: 0n, input_tokens: 0n })
  },
)

/** Asks, and closes the connection when the provider has the request. */
async function leave(text: string): Promise<void> {
  const before = gateway.simulator.meter.entries().length
  const client = request(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    agent: false,
    headers: { authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json' },
  })
  client.on('error', () => {})
  client.end(JSON.stringify({ model: 'gpt', messages: [{ role: 'user', content: text }] }))
  await expect.poll(() => gateway.simulator.meter.entries().length, { interval: 2 }).toBeGreaterThan(before)
  client.destroy()
}
