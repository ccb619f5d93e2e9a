/** Streams whose provider is silent, with `sse_keepalive_ping_interval_seconds`. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestGateway, type TestGateway } from '../running-gateway.ts'
import { ClientCall } from './client-call.ts'
import { ScriptedProvider } from './scripted-provider.ts'

let gateway: TestGateway
let provider: ScriptedProvider

beforeAll(async () => {
  provider = await ScriptedProvider.start()
  gateway = await startTestGateway({
    config:
      'general_settings: { sse_keepalive_ping_interval_seconds: 1 }\nmodel_list:\n' +
      `  - { model_name: gpt, litellm_params: { model: openai/up, api_base: '${provider.url}/v1', api_key: sk-provider } }\n`,
  })
})

afterAll(async () => {
  await gateway.stop()
  await provider.close()
})

const CONTENT = 'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
const END = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

test('a comment comes while the provider is silent, and the stream goes on as if nothing were', async () => {
  const body = { model: 'gpt', messages: [{ role: 'user', content: 'Hi' }], stream: true }
  const call = new ClientCall(`${gateway.url}/v1/chat/completions`, { body })
  const exchange = await provider.next()
  exchange.stream(CONTENT)
  await call.until((text) => text.includes(': ping\n\n'))
  exchange.end(END)
  const { text } = await call.ended
  expect(text.replaceAll(': ping\n\n', '')).toBe(CONTENT + END)
})
