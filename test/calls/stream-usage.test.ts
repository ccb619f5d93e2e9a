/** Who gets the usage of a stream: clients that ask for it, or all of them. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SIMULATED_MODELS, startTestGateway, type TestGateway } from '../running-gateway.ts'

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway()
})

afterAll(async () => {
  await gateway.stop()
})

const COUNTED = /"completion_tokens":\d+/

const ENDPOINTS = [
  ['/v1/chat/completions', { messages: [{ role: 'user', content: 'Hi' }] }],
  ['/v1/completions', { prompt: 'Hi' }],
] as const

async function stream(path: string, body: object): Promise<string> {
  const answer = await gateway.call(path, { model: 'gpt', stream: true, ...body })
  return await answer.text()
}

test.each(ENDPOINTS)(
  'with always_include_stream_usage every client of %s gets it, once the setting is taken up',
  async (path, body) => {
    gateway.reconfigure(SIMULATED_MODELS)
    expect(await stream(path, body)).not.toMatch(COUNTED)
    gateway.reconfigure(`general_settings: { always_include_stream_usage: true }\n${SIMULATED_MODELS}`)
    for (const options of [{}, { stream_options: { include_usage: false } }]) {
      const text = await stream(path, { ...body, ...options })
      expect(text).toMatch(COUNTED)
      expect(text.trimEnd()).toMatch(/data: \[DONE\]$/)
    }
  },
)
