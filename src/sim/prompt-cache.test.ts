/** Tests of the prompt cache over the wire. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sendPlain } from '../../test/sim/plain-client.ts'
import { startSimulator } from './simulator.ts'
import type { Simulator } from './simulator.ts'

let simulator: Simulator

beforeAll(async () => {
  simulator = await startSimulator()
})
afterAll(() => simulator.close())

/** So many tokens of text that no other test sends. */
function textOf(tokens: number, label: string): string {
  return label.padEnd(tokens * 4, '.')
}

async function usageOf(path: string, body: object): Promise<unknown> {
  const answer = await sendPlain({ url: simulator.url + path, body })
  expect(answer.status).toBe(200)
  const parsed: { usage: unknown } = JSON.parse(answer.text)
  return parsed.usage
}

function marked(tokens: number, label: string, ttl?: '1h') {
  return {
    type: 'text',
    text: textOf(tokens, label),
    cache_control: { type: 'ephemeral', ...(ttl && { ttl }) },
  }
}

test('a marked prefix is written once, by its time to live, and read afterwards', async () => {
  const body = {
    model: 'sim/any',
    max_tokens: 10,
    system: [marked(100, 'system', '1h')],
    messages: [{ role: 'user', content: [marked(50, 'first'), { type: 'text', text: textOf(5, 'rest') }] }],
  }
  expect(await usageOf('/v1/messages', body)).toMatchObject({
    input_tokens: 5,
    cache_creation_input_tokens: 150,
    cache_read_input_tokens: 0,
    cache_creation: { ephemeral_5m_input_tokens: 50, ephemeral_1h_input_tokens: 100 },
  })
  expect(await usageOf('/v1/messages', body)).toMatchObject({
    input_tokens: 5,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 150,
  })
})

test('a mark that moves to the newest message reads what was written before', async () => {
  const first = { role: 'user', content: [marked(30, 'moving')] }
  const second = { role: 'user', content: [marked(20, 'next')] }
  const plain = { role: 'user', content: textOf(30, 'moving') }
  await usageOf('/v1/messages', { model: 'sim/any', max_tokens: 10, messages: [first] })
  const body = { model: 'sim/any', max_tokens: 10, messages: [plain, second] }
  expect(await usageOf('/v1/messages', body)).toMatchObject({
    input_tokens: 0,
    cache_creation_input_tokens: 20,
    cache_read_input_tokens: 30,
  })
})

test('a call that failed has written nothing', async () => {
  const messages = [{ role: 'user', content: [marked(40, 'failing')] }]
  const failing = { model: 'sim/any?fault=529', max_tokens: 10, messages }
  expect((await sendPlain({ url: `${simulator.url}/v1/messages`, body: failing })).status).toBe(529)
  expect(await usageOf('/v1/messages', { ...failing, model: 'sim/any' })).toMatchObject({
    cache_creation_input_tokens: 40,
    cache_read_input_tokens: 0,
  })
})

test('chat reads repeated prefixes from 1,024 tokens on, in steps of 128', async () => {
  const long = { role: 'system', content: textOf(1_200, 'long') }
  const ask = (text: string) => ({ model: 'sim/any', messages: [long, { role: 'user', content: text }] })
  expect(await usageOf('/v1/chat/completions', ask('One.'))).toMatchObject({
    prompt_tokens: 1_201,
    prompt_tokens_details: { cached_tokens: 0 },
  })
  expect(await usageOf('/v1/chat/completions', ask('Two.'))).toMatchObject({
    prompt_tokens: 1_201,
    prompt_tokens_details: { cached_tokens: 1_152 },
  })
})

test('chat caches nothing of a short prompt', async () => {
  const body = { model: 'sim/any', messages: [{ role: 'user', content: textOf(1_000, 'short') }] }
  await usageOf('/v1/chat/completions', body)
  expect(await usageOf('/v1/chat/completions', body)).toMatchObject({
    prompt_tokens: 1_000,
    prompt_tokens_details: { cached_tokens: 0 },
  })
})
