/**
 * The real OpenAI SDK, current and previous major, through the gateway with a user's key: what the SDK gives its
 * caller, and what `/spend/logs` says of it. Costs are computed by hand from the list prices of gpt-5.5: per million
 * tokens $5 of input, $0.50 of cached input, $30 of output.
 */
import OpenAI from 'openai'
import OpenAIPrevious from 'openai-previous'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startPlatform, type Platform, type SpentCall, type User } from './platform.ts'

let platform: Platform
let user: User

beforeAll(async () => {
  platform = await startPlatform()
})
beforeEach(async () => {
  platform.simulator.clearRequests()
  platform.simulator.meter.clear()
  user = await platform.newUser()
})
afterAll(() => platform.stop())

const MODEL = 'gpt-5-5'

function ask(instructions: string): { role: 'user'; content: string }[] {
  return [{ role: 'user', content: `How are you? [[sim ${instructions}]]` }]
}

/** A successful chat call of 1,000 tokens in and 200 out: 1,000 × $5/M + 200 × $30/M. */
const CHAT: SpentCall = {
  type: 'acompletion',
  model: MODEL,
  status: 'success',
  tokens: [1_000, 200],
  spend: 0.011,
}
const CHAT_INSTRUCTIONS = 'input=1000 tokens=200'

const WEATHER = { name: 'weather', parameters: { type: 'object', properties: {} } }
const CHAT_TOOLS = [{ type: 'function' as const, function: WEATHER }]
const RESPONSES_TOOLS = [{ type: 'function' as const, ...WEATHER, strict: false }]
const CALL_WEATHER = ask('input=100 tool=weather%20{"city":"Paris"}')

async function collect<Item>(stream: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = []
  for await (const item of stream) items.push(item)
  return items
}

const versions = [
  { version: 'current', Client: OpenAI },
  // Both majors have the members used here, with the same shapes: one set of types serves both.
  { version: 'previous', Client: OpenAIPrevious as unknown as typeof OpenAI },
]

describe.each(versions)('openai, $version major', ({ Client }) => {
  let sent: number

  function client(options: object = {}): OpenAI {
    sent = 0
    const counted: typeof fetch = async (...request) => {
      sent += 1
      return await fetch(...request)
    }
    return new Client({ apiKey: user.key, baseURL: `${platform.url}/v1`, fetch: counted, ...options })
  }

  test('a whole chat answer and a stream say the same, and cost the same', async () => {
    const request = { model: MODEL, messages: ask(CHAT_INSTRUCTIONS) }
    const whole = await client().chat.completions.create(request)
    const chunks = await collect(await client().chat.completions.create({ ...request, stream: true }))
    const streamed = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')
    expect(streamed).toBe(whole.choices[0]?.message.content)
    expect(whole.usage).toMatchObject({ prompt_tokens: 1_000, completion_tokens: 200 })
    expect(await platform.spentBy(user, 2)).toEqual([CHAT, CHAT])
  })

  test('the usage of a stream comes to the client that asks for it, and to no other', async () => {
    const request = { model: MODEL, messages: ask(CHAT_INSTRUCTIONS), stream: true } as const
    const unasked = await collect(await client().chat.completions.create(request))
    const asked = await collect(
      await client().chat.completions.create({ ...request, stream_options: { include_usage: true } }),
    )
    expect(unasked.filter((chunk) => chunk.choices.length === 0 || chunk.usage)).toEqual([])
    expect(asked.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 1_000, completion_tokens: 200 },
    })
    expect(await platform.spentBy(user, 2)).toEqual([CHAT, CHAT])
  })

  test('cached input has its own price, and reasoning is output', async () => {
    const { usage } = await client().chat.completions.create({
      model: MODEL,
      reasoning_effort: 'high',
      messages: ask('input=1000 cached=8000 tokens=200 reasoning=300'),
    })
    expect(usage).toMatchObject({
      prompt_tokens: 9_000,
      prompt_tokens_details: { cached_tokens: 8_000 },
      completion_tokens: 500,
      completion_tokens_details: { reasoning_tokens: 300 },
    })
    // 1,000 × $5/M + 8,000 × $0.50/M + 500 × $30/M
    expect(await platform.spentBy(user, 1)).toEqual([{ ...CHAT, tokens: [9_000, 500], spend: 0.024 }])
  })

  test('a chat tool round trip, whole and streamed', async () => {
    const api = client().chat.completions
    const request = { model: MODEL, messages: CALL_WEATHER, tools: CHAT_TOOLS }
    const whole = await api.create(request)
    const streamed = await api.stream(request).finalChatCompletion()
    for (const { choices } of [whole, streamed]) {
      const { message, finish_reason } = choices[0]!
      expect(finish_reason).toBe('tool_calls')
      const call = message.tool_calls![0]!
      expect(call).toMatchObject({ function: { name: 'weather', arguments: '{"city":"Paris"}' } })
      const result = { role: 'tool' as const, tool_call_id: call.id, content: 'Sunny.' }
      const next = await api.create({ ...request, messages: [...CALL_WEATHER, message, result] })
      expect(next.choices[0]).toMatchObject({ finish_reason: 'stop' })
    }
    // 100 × $5/M + 4 × $30/M for the 16 bytes of arguments; 32 tokens are the simulator's answer unless told.
    const called = { ...CHAT, tokens: [100, 4], spend: 0.00062 }
    const answered = { ...CHAT, tokens: [100, 32], spend: 0.00146 }
    expect(await platform.spentBy(user, 4)).toEqual([called, called, answered, answered])
  })

  test('responses, whole and streamed', async () => {
    const request = { model: MODEL, input: ask('input=1000 tokens=150 reasoning=50') }
    const whole = await client().responses.create({ ...request, reasoning: { effort: 'high' } })
    const streamed = await client()
      .responses.stream({ ...request, reasoning: { effort: 'high' } })
      .finalResponse()
    expect(streamed.output_text).toBe(whole.output_text)
    expect(streamed.usage).toEqual(whole.usage)
    expect(whole.usage).toMatchObject({
      input_tokens: 1_000,
      output_tokens: 200,
      output_tokens_details: { reasoning_tokens: 50 },
    })
    const expected = { ...CHAT, type: 'aresponses' }
    expect(await platform.spentBy(user, 2)).toEqual([expected, expected])
  })

  test('a Responses tool round trip, whole and streamed', async () => {
    const api = client().responses
    const request = { model: MODEL, input: CALL_WEATHER, tools: RESPONSES_TOOLS }
    const whole = await api.create(request)
    const streamed = await api.stream(request).finalResponse()
    for (const { output } of [whole, streamed]) {
      const call = output[0]!
      if (call.type !== 'function_call') throw new Error(`expected a function call, not ${call.type}`)
      expect(call).toMatchObject({ name: 'weather', arguments: '{"city":"Paris"}' })
      const result = { type: 'function_call_output' as const, call_id: call.call_id, output: 'Sunny.' }
      const next = await api.create({ ...request, input: [...CALL_WEATHER, call, result] })
      expect(next.output_text).not.toBe('')
    }
    const called = { ...CHAT, type: 'aresponses', tokens: [100, 4], spend: 0.00062 }
    const answered = { ...CHAT, type: 'aresponses', tokens: [100, 32], spend: 0.00146 }
    expect(await platform.spentBy(user, 4)).toEqual([called, called, answered, answered])
  })

  test('embeddings are the same numbers as floats and as base64', async () => {
    const request = { model: 'text-embedding-3-small', input: ['a'.repeat(400), 'b'.repeat(400)] }
    // Unless told, the SDK asks for base64 and decodes it.
    const decoded = await client().embeddings.create(request)
    const floats = await client().embeddings.create({ ...request, encoding_format: 'float' })
    const base64 = await client().embeddings.create({ ...request, encoding_format: 'base64' })
    expect(decoded.data.map((row) => row.embedding.length)).toEqual([1_536, 1_536])
    expect(floats.data[0]!.embedding[7]).toBeCloseTo(decoded.data[0]!.embedding[7]!, 5)
    expect(base64.data[0]!.embedding).toBeTypeOf('string')
    // 200 × $0.02/M
    const expected = {
      type: 'aembedding',
      model: request.model,
      status: 'success',
      tokens: [200, 0],
      spend: 0.000004,
    }
    expect(await platform.spentBy(user, 3)).toEqual([expected, expected, expected])
  })

  test('legacy completions, whole and streamed', async () => {
    const request = { model: MODEL, prompt: `How are you? [[sim ${CHAT_INSTRUCTIONS}]]`, max_tokens: 1_000 }
    const whole = await client().completions.create(request)
    const chunks = await collect(await client().completions.create({ ...request, stream: true }))
    expect(chunks.map((chunk) => chunk.choices[0]?.text ?? '').join('')).toBe(whole.choices[0]?.text)
    const expected = { ...CHAT, type: 'atext_completion' }
    expect(await platform.spentBy(user, 2)).toEqual([expected, expected])
  })

  test('the models of the config are listed, and those alone that the key may call', async () => {
    const all = await collect(client().models.list())
    expect(all.map((model) => model.id)).toEqual([MODEL, 'claude-sonnet-4-6', 'text-embedding-3-small'])
    expect(await client().models.retrieve(MODEL)).toMatchObject({ id: MODEL, object: 'model' })
    user = await platform.newUser({ models: [MODEL] })
    const own = await collect(client().models.list())
    expect(own.map((model) => model.id)).toEqual([MODEL])
  })

  test('a wrong key is one request and an AuthenticationError, and never reaches a provider', async () => {
    const stranger = client({ apiKey: 'sk-nobody-has-this-key' })
    const call = stranger.chat.completions.create({ model: MODEL, messages: ask('') })
    await expect(call).rejects.toThrow(Client.AuthenticationError)
    await expect(call).rejects.toThrow('the API key is not valid here')
    expect(sent).toBe(1)
    expect(platform.simulator.requests()).toEqual([])
  })

  test('a model that the key may not call is one request and a PermissionDeniedError', async () => {
    user = await platform.newUser({ models: ['text-embedding-3-small'] })
    const call = client().chat.completions.create({ model: MODEL, messages: ask('') })
    await expect(call).rejects.toThrow(Client.PermissionDeniedError)
    await expect(call).rejects.toThrow('not allowed to access model')
    expect(sent).toBe(1)
    expect(platform.simulator.requests()).toEqual([])
    expect(await platform.spentBy(user, 1)).toMatchObject([{ status: 'failure', spend: 0 }])
  })

  test('an unknown model, and one of another dialect, are BadRequestErrors that say what to do', async () => {
    const ofModel = (model: string) => client().chat.completions.create({ model, messages: ask('') })
    const unknown = ofModel('gpt-99')
    await expect(unknown).rejects.toThrow(Client.BadRequestError)
    await expect(unknown).rejects.toMatchObject({ code: 'model_not_found', param: 'model' })
    await expect(unknown).rejects.toThrow('/v1/models')
    const foreign = ofModel('claude-sonnet-4-6')
    await expect(foreign).rejects.toThrow(Client.BadRequestError)
    await expect(foreign).rejects.toThrow('call it on /v1/messages')
  })

  test('a spent budget is one request and a RateLimitError that names the budget', async () => {
    user = await platform.newUser({ max_budget: 0.01 })
    await client().chat.completions.create({ model: MODEL, messages: ask(CHAT_INSTRUCTIONS) })
    platform.simulator.clearRequests()
    const call = client().chat.completions.create({ model: MODEL, messages: ask(CHAT_INSTRUCTIONS) })
    await expect(call).rejects.toThrow(Client.RateLimitError)
    await expect(call).rejects.toThrow(
      /Budget has been exceeded! User=.* Current cost: 0\.011, Max budget: 0\.01\./,
    )
    await expect(call).rejects.toMatchObject({ code: 'insufficient_quota' })
    expect(sent).toBe(1)
    expect(platform.simulator.requests()).toEqual([])
    expect(await platform.spentBy(user, 2)).toMatchObject([CHAT, { status: 'failure', spend: 0 }])
  })

  test("a provider's refusal is the SDK's typed error with the provider's own words", async () => {
    const call = client().chat.completions.create({
      model: MODEL,
      messages: ask('fault=no-credit retry-after=0'),
    })
    await expect(call).rejects.toThrow(Client.RateLimitError)
    await expect(call).rejects.toMatchObject({ code: 'insufficient_quota' })
    const tooLong = client().chat.completions.create({ model: MODEL, messages: ask('fault=context-length') })
    await expect(tooLong).rejects.toThrow(Client.BadRequestError)
    await expect(tooLong).rejects.toMatchObject({ code: 'context_length_exceeded' })
  })

  test('a fault that passes is retried by the gateway, and the SDK does not see it', async () => {
    const messages = ask(`${CHAT_INSTRUCTIONS} fault=503 times=2 retry-after=0`)
    await client().chat.completions.create({ model: MODEL, messages })
    expect(sent).toBe(1)
    expect(platform.simulator.requests()).toHaveLength(3)
    const [row] = await platform.rowsOf(user, 1)
    expect(row).toMatchObject({ status: 'success', spend: 0.011, metadata: { attempted_retries: 2 } })
  })

  test('a fault that stays is an InternalServerError, recorded and free', async () => {
    const call = client({ maxRetries: 0 }).chat.completions.create({
      model: MODEL,
      messages: ask('fault=500 retry-after=0'),
    })
    await expect(call).rejects.toThrow(Client.InternalServerError)
    expect(await platform.spentBy(user, 1)).toEqual([
      { ...CHAT, status: 'failure', tokens: [0, 0], spend: 0 },
    ])
  })

  test('a stream that the provider breaks off throws, and what was produced is paid', async () => {
    const stream = await client().chat.completions.create({
      model: MODEL,
      messages: ask('input=1000 chunks=10 fault=cut@3'),
      stream: true,
    })
    await expect(collect(stream)).rejects.toThrow(Client.APIError)
    const [row] = await platform.rowsOf(user, 1)
    expect(row).toMatchObject({ status: 'failure', metadata: { ending: 'provider_cut' } })
    expect(row!.completion_tokens).toBe(12)
  })

  test('an SDK that aborts a stream stops the provider, and what was produced is paid', async () => {
    const stream = await client().chat.completions.create({
      model: MODEL,
      messages: ask('chunks=10000 interval=20'),
      stream: true,
    })
    for await (const chunk of stream) if (chunk.choices[0]?.delta.content) break
    const [row] = await platform.rowsOf(user, 1)
    expect(row).toMatchObject({ metadata: { ending: 'client_gone', stream: true } })
    expect(row!.completion_tokens).toBeGreaterThan(0)
    expect(row!.spend).toBeGreaterThan(0)
    expect(platform.simulator.meter.entries()).toMatchObject([{ state: 'aborted', billed: true }])
  })
})
