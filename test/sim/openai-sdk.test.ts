/** The real OpenAI SDK, current and previous major, takes the simulator for a provider. */
import OpenAI from 'openai'
import OpenAIPrevious from 'openai-previous'
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
const TOOLS = [
  {
    type: 'function' as const,
    function: { name: 'weather', parameters: { type: 'object', properties: {} } },
  },
]

async function readAll(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _event of stream) continue
}

const versions = [
  { version: 'current', Client: OpenAI },
  // Both majors have the members used here, with the same shapes: one set of types serves both.
  { version: 'previous', Client: OpenAIPrevious as unknown as typeof OpenAI },
]

describe.each(versions)('openai, $version major', ({ Client }) => {
  function client(options: object = {}): OpenAI {
    return new Client({ apiKey: 'any', baseURL: `${simulator.url}/v1`, ...options })
  }

  test('a whole chat answer and a stream say the same', async () => {
    const whole = await client().chat.completions.create({ model: 'sim/any', messages: MESSAGES })
    const stream = await client().chat.completions.create({
      model: 'sim/any',
      messages: MESSAGES,
      stream: true,
      stream_options: { include_usage: true },
    })
    let content = ''
    let usage: unknown
    for await (const chunk of stream) {
      content += chunk.choices[0]?.delta.content ?? ''
      usage = chunk.usage ?? usage
    }
    expect(content).toBe(whole.choices[0]?.message.content)
    expect(usage).toEqual(whole.usage)
  })

  test('a tool round trip ends with text', async () => {
    const stream = client().chat.completions.stream({
      model: 'sim/any',
      messages: [TOOL_QUESTION],
      tools: TOOLS,
    })
    const { message, finish_reason } = (await stream.finalChatCompletion()).choices[0]!
    expect(finish_reason).toBe('tool_calls')
    const call = message.tool_calls?.[0]
    expect(call).toMatchObject({ function: { name: 'weather', arguments: '{"city":"Paris"}' } })
    const result = { role: 'tool' as const, tool_call_id: call!.id, content: 'Sunny.' }
    const next = await client().chat.completions.create({
      model: 'sim/any',
      messages: [TOOL_QUESTION, message, result],
      tools: TOOLS,
    })
    expect(next.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: expect.any(String) } })
  })

  test('responses, whole and streamed', async () => {
    const whole = await client().responses.create({ model: 'sim/any', input: 'How are you?' })
    const stream = client().responses.stream({ model: 'sim/any', input: 'How are you?' })
    const final = await stream.finalResponse()
    expect(final.output_text).toBe(whole.output_text)
    expect(final.usage).toEqual(whole.usage)
  })

  test('a Responses function call', async () => {
    const stream = client().responses.stream({
      model: 'sim/any',
      input: [TOOL_QUESTION],
      tools: [{ type: 'function', name: 'weather', parameters: null, strict: false }],
    })
    const { output } = await stream.finalResponse()
    expect(output).toMatchObject([{ type: 'function_call', name: 'weather', arguments: '{"city":"Paris"}' }])
  })

  test('embeddings, legacy completions and models', async () => {
    const embeddings = await client().embeddings.create({
      model: 'sim/any',
      input: ['a', 'b'],
      dimensions: 8,
    })
    expect(embeddings.data.map((row) => row.embedding.length)).toEqual([8, 8])
    const completion = await client().completions.create({
      model: 'sim/any?say=Well.',
      prompt: 'How are you?',
    })
    expect(completion.choices[0]?.text).toBe('Well.')
    const ids: string[] = []
    for await (const model of client().models.list()) ids.push(model.id)
    expect(ids).toContain('sim-gpt')
  })

  test('errors are the SDK’s own kinds, before and inside a stream', async () => {
    const once = client({ maxRetries: 0 })
    const ask = (fault: string) =>
      once.chat.completions.create({ model: `sim/any?fault=${fault}`, messages: MESSAGES, stream: true })
    await expect(ask('429')).rejects.toThrow(Client.RateLimitError)
    await expect(ask('500')).rejects.toThrow(Client.InternalServerError)
    await expect(
      client({ apiKey: ' ' }).chat.completions.create({ model: 'm', messages: [] }),
    ).rejects.toThrow(Client.AuthenticationError)
    const stream = await ask('error@2')
    await expect(readAll(stream)).rejects.toThrow(Client.APIError)
  })

  test('the SDK retries until the fault is over', async () => {
    const model = 'sim/any?fault=429&retry-after=0&times=2'
    const messages = [{ role: 'user' as const, content: `Retry ${Client.name} ${Math.random()}` }]
    const answer = await client({ maxRetries: 2 }).chat.completions.create({ model, messages })
    expect(answer.choices).toHaveLength(1)
  })
})
