/** What a whole gateway tells of its memory, and what it holds of streams that nobody reads. */
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { EndlessProvider } from '../hostile/endless-provider.ts'
import { head, RawConnection } from '../hostile/raw-connection.ts'
import { startTestGateway, type TestGateway } from '../running-gateway.ts'
import { readExposition, samplesOf } from './read-exposition.ts'

const READERS = 20
/** What a socket takes before it says that it is full, one read, and an event of this provider that the read ended. */
const MOST_WAITING_BYTES = 16_384 + 65_536 + 61_440

let gateway: TestGateway
const provider = new EndlessProvider()

beforeAll(async () => {
  const base = await provider.start()
  gateway = await startTestGateway({
    config: `
general_settings: { store_prompts_in_spend_logs: false }
litellm_settings: { cache: true, cache_params: { type: local } }
model_list:
  - model_name: gpt
    litellm_params: { model: openai/sim-gpt, api_base: '{openai}', api_key: sk-provider }
  - model_name: endless
    litellm_params: { model: openai/endless, api_base: '${base}', api_key: sk-provider }
`,
  })
})

afterAll(async () => {
  await gateway.stop()
  await provider.close()
})

async function memory(): Promise<Readonly<Record<string, number>>> {
  const page = readExposition(await (await gateway.call('/metrics')).text())
  return Object.fromEntries(
    samplesOf(page, 'sluice_memory_bytes').map(({ labels, value }) => [labels['component'], value]),
  )
}

test('a stream that its client does not read holds a bounded number of bytes, and none when the client leaves', async () => {
  const body = '{"model":"endless","stream":true,"messages":[]}'
  const request = `${head('POST /v1/chat/completions HTTP/1.1', 'Content-Type: application/json', `Content-Length: ${body.length}`)}${body}`
  const readers = Array.from({ length: READERS }, () => {
    const connection = new RawConnection(gateway.url)
    connection.pause()
    return connection.send(request)
  })
  await vi.waitFor(() => expect(provider.openStreams).toBe(READERS), { timeout: 10_000 })
  // As long as the provider is read, more is held; it is not any more when each stream waits for its client.
  let held: Readonly<Record<string, number>> = {}
  await vi.waitFor(
    async () => {
      const taken = provider.takenBytes
      held = await memory()
      expect(provider.takenBytes).toBe(taken)
      expect(held['client_buffers']).toBeGreaterThan(READERS * 1_000)
    },
    { timeout: 20_000, interval: 300 },
  )
  expect(held['client_buffers']).toBeLessThan(READERS * MOST_WAITING_BYTES)
  expect(held['open_calls']).toBeGreaterThan(READERS * 1_000)
  for (const reader of readers) reader.close()
  await vi.waitFor(async () => expect(await memory()).toMatchObject({ client_buffers: 0, open_calls: 0 }), {
    timeout: 10_000,
    interval: 50,
  })
})

test('what is kept of keys, answers and series grows with them', async () => {
  const before = await memory()
  const key = await gateway.newKey({ rpm_limit: 1_000, max_budget: 10 })
  const answer = await gateway.call(
    '/v1/chat/completions',
    { model: 'gpt', messages: [{ role: 'user', content: 'How are you?' }] },
    { authorization: `Bearer ${key}` },
  )
  expect(answer.status).toBe(200)
  await answer.text()
  await vi.waitFor(async () => {
    const after = await memory()
    for (const component of ['credentials', 'limits', 'response_cache', 'metric_series'])
      expect([component, after[component]! > before[component]!]).toEqual([component, true])
  })
})
