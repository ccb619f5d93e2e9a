/** Two gateways on one database: what one has begun the other knows, and one of them pays. */
import OpenAI from 'openai'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startPostgresql, type TestPostgresql } from '../postgresql.ts'
import { SIMULATED_MODELS, startTestGateway, type TestGateway } from '../running-gateway.ts'
import { batchFile } from './batch-file.ts'

const ENVIRONMENT = { PROXY_BATCH_WRITE_AT: '0.05', PROXY_BATCH_POLLING_INTERVAL: '0.4' }

let postgresql: TestPostgresql
let first: TestGateway
let second: TestGateway

beforeAll(async () => {
  postgresql = await startPostgresql()
  const common = { environment: ENVIRONMENT, databaseUrl: postgresql.url }
  first = await startTestGateway(common)
  const config = SIMULATED_MODELS.replaceAll('{openai}', `${first.simulator.url}/v1`)
  second = await startTestGateway({ ...common, config })
})
afterAll(async () => {
  await second.stop()
  await first.stop()
  await postgresql[Symbol.asyncDispose]()
})

function clientOf(gateway: TestGateway, apiKey: string): OpenAI {
  return new OpenAI({ apiKey, baseURL: `${gateway.url}/v1`, maxRetries: 0 })
}

async function processedBy(gateway: TestGateway): Promise<number> {
  const page = await (await gateway.call('/metrics')).text()
  return Number(/litellm_check_batch_cost_jobs_processed_total\{[^}]*\} (\d+)/.exec(page)?.[1] ?? 0)
}

test('a batch begun at one pod is seen at the other, and one of the two books its cost, once', async () => {
  const key = await first.newKey()
  const one = clientOf(first, key)
  const file = await one.files.create({ file: batchFile([{}, {}]), purpose: 'batch' })
  const other = clientOf(second, key)
  const batch = await other.batches.create({
    input_file_id: file.id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  })
  await vi.waitFor(async () => expect((await processedBy(first)) + (await processedBy(second))).toBe(1), {
    timeout: 15_000,
    interval: 50,
  })
  const ended = await one.batches.retrieve(batch.id)
  expect(ended.status).toBe('completed')
  const reads = first.simulator.requests().filter(({ path }) => path.endsWith('/content'))
  expect(reads).toHaveLength(1)
  const info = (await (await first.call(`/key/info?key=${key}`)).json()) as { info: { spend: number } }
  expect(info.info.spend).toBe(0.0036)
  expect(await (await other.files.content(ended.output_file_id!)).text()).toContain('request-1')
})
