/** The real Anthropic SDK, current and previous major, takes the simulator for a provider. */
import Anthropic from '@anthropic-ai/sdk'
import AnthropicPrevious from 'anthropic-sdk-previous'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startSimulator } from '../../src/sim/index.ts'
import type { Simulator } from '../../src/sim/index.ts'

let simulator: Simulator

beforeAll(async () => {
  simulator = await startSimulator()
})
afterAll(() => simulator.close())

const MESSAGES = [{ role: 'user' as const, content: 'How are you?' }]
const TOOL_QUESTION = { role: 'user' as const, content: 'call tool weather {"city":"Paris"}' }
const TOOLS = [{ name: 'weather', input_schema: { type: 'object' as const } }]

async function readAll(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _event of stream) continue
}

const versions = [
  { version: 'current', Client: Anthropic },
  // Both majors have the members used here, with the same shapes: one set of types serves both.
  { version: 'previous', Client: AnthropicPrevious as unknown as typeof Anthropic },
]

describe.each(versions)('@anthropic-ai/sdk, $version major', ({ Client }) => {
  function client(options: object = {}): Anthropic {
    return new Client({ apiKey: 'any', baseURL: simulator.url, ...options })
  }

  test('a whole answer and a stream say the same', async () => {
    const request = { model: 'sim/any?tokens=9', max_tokens: 100, messages: MESSAGES }
    const whole = await client().messages.create(request)
    const streamed = await client().messages.stream(request).finalMessage()
    expect(streamed.content).toEqual(whole.content)
    expect(streamed.usage).toMatchObject({ input_tokens: 3, output_tokens: 9 })
    expect(whole.usage).toMatchObject({ input_tokens: 3, output_tokens: 9 })
    expect(streamed.stop_reason).toBe('end_turn')
  })

  test('thinking comes with its signature', async () => {
    const stream = client().messages.stream({
      model: 'sim/any?reasoning=5&tokens=4',
      max_tokens: 4_000,
      thinking: { type: 'enabled', budget_tokens: 1_024 },
      messages: MESSAGES,
    })
    const { content, usage } = await stream.finalMessage()
    expect(content).toMatchObject([
      { type: 'thinking', signature: expect.stringMatching(/.{20}/) },
      { type: 'text' },
    ])
    expect(usage.output_tokens).toBe(9)
  })

  test('a tool round trip ends with text', async () => {
    const ask = { model: 'sim/any', max_tokens: 100, tools: TOOLS }
    const called = await client()
      .messages.stream({ ...ask, messages: [TOOL_QUESTION] })
      .finalMessage()
    expect(called.stop_reason).toBe('tool_use')
    const [block] = called.content
    if (block?.type !== 'tool_use') throw new Error('no tool was called')
    expect(block).toMatchObject({ name: 'weather', input: { city: 'Paris' } })
    const result = { type: 'tool_result' as const, tool_use_id: block.id, content: 'Sunny.' }
    const next = await client().messages.create({
      ...ask,
      messages: [
        TOOL_QUESTION,
        { role: 'assistant', content: called.content },
        { role: 'user', content: [result] },
      ],
    })
    expect(next).toMatchObject({ stop_reason: 'end_turn', content: [{ type: 'text' }] })
  })

  test('count_tokens and models', async () => {
    expect(await client().messages.countTokens({ model: 'sim/any', messages: MESSAGES })).toMatchObject({
      input_tokens: 3,
    })
    const ids: string[] = []
    for await (const model of client().models.list()) ids.push(model.id)
    expect(ids).toContain('sim-claude')
  })

  test('errors are the SDK’s own kinds, before and inside a stream', async () => {
    const once = client({ maxRetries: 0 })
    const ask = (fault: string) =>
      once.messages.create({
        model: `sim/any?fault=${fault}`,
        max_tokens: 100,
        messages: MESSAGES,
        stream: true,
      })
    await expect(ask('429')).rejects.toThrow(Client.RateLimitError)
    await expect(ask('529')).rejects.toThrow(Client.InternalServerError)
    await expect(ask('no-credit')).rejects.toThrow(Client.BadRequestError)
    await expect(readAll(await ask('error@2'))).rejects.toThrow(Client.APIError)
  })

  test('the SDK retries until the fault is over', async () => {
    const model = 'sim/any?fault=529&times=1'
    const messages = [{ role: 'user' as const, content: `Retry ${Math.random()}` }]
    const answer = await client({ maxRetries: 1 }).messages.create({ model, max_tokens: 10, messages })
    expect(answer.type).toBe('message')
  })
})
