import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { batchFile } from '../../test/batches/batch-file.ts'
import { startSimulator, type Simulator } from './simulator.ts'

let simulator: Simulator

beforeAll(async () => {
  simulator = await startSimulator()
})
beforeEach(() => simulator.meter.clear())
afterAll(() => simulator.close())

const AUTHORIZATION = { authorization: 'Bearer any' }

async function ask(path: string, init: RequestInit = {}): Promise<Record<string, unknown>> {
  const headers = { ...AUTHORIZATION, ...(init.headers as Record<string, string> | undefined) }
  const answer = await fetch(`${simulator.url}/v1${path}`, { ...init, headers })
  return (await answer.json()) as Record<string, unknown>
}

async function begin(lines: Parameters<typeof batchFile>[0], metadata: object): Promise<string> {
  const form = new FormData()
  form.append('purpose', 'batch')
  form.append('file', batchFile(lines))
  const file = await ask('/files', { method: 'POST', body: form })
  const batch = await ask('/batches', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      input_file_id: file['id'],
      endpoint: '/v1/chat/completions',
      completion_window: '24h',
      metadata,
    }),
  })
  return String(batch['id'])
}

test('a batch ends when it was looked at as often as told, and stands on the meter once', async () => {
  const id = await begin([{ sim: 'input=10 tokens=5' }, { sim: 'input=20 tokens=7' }], { sim_polls: '2' })
  expect(await ask(`/batches/${id}`)).toMatchObject({ status: 'in_progress' })
  expect(simulator.meter.totals().calls).toBe(0)
  expect(await ask(`/batches/${id}`)).toMatchObject({ status: 'completed', request_counts: { completed: 2 } })
  await ask(`/batches/${id}`)
  const { billedCalls, usage } = simulator.meter.totals()
  expect([billedCalls, usage.inputTokens, usage.outputTokens]).toEqual([2, 30, 12])
})

test.each([
  [{ sim_end: 'failed' }, 'failed', 0],
  [{ sim_end: 'expired' }, 'expired', 1],
])('a batch told %o is %s, and bills %i of two requests', async (metadata, status, billed) => {
  const id = await begin([{}, {}], metadata)
  expect(await ask(`/batches/${id}`)).toMatchObject({ status })
  expect(simulator.meter.totals().billedCalls).toBe(billed)
})

test('requests with two models in one batch fail it, as OpenAI does', async () => {
  const id = await begin([{ model: 'one' }, { model: 'two' }], {})
  expect(await ask(`/batches/${id}`)).toMatchObject({ status: 'failed', output_file_id: null })
})
