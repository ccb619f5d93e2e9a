/**
 * The real Anthropic SDK, current and previous major, through the gateway with a user's key: what the SDK gives its
 * caller, and what `/spend/logs` says of it. Costs are computed by hand from the list prices of claude-sonnet-4-6: per
 * million tokens $3 of input, $0.30 read from and $3.75 written to the prompt cache ($6 for an hour), $15 of output.
 */
import Anthropic from '@anthropic-ai/sdk'
import AnthropicPrevious from 'anthropic-sdk-previous'
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

const MODEL = 'claude-sonnet-4-6'

function ask(instructions: string) {
  const content = `How are you? [[sim ${instructions}]]`
  return { model: MODEL, max_tokens: 4_000, messages: [{ role: 'user' as const, content }] }
}

/** A successful call of 1,000 tokens in and 200 out: 1,000 × $3/M + 200 × $15/M. */
const MESSAGE: SpentCall = {
  type: 'anthropic_messages',
  model: MODEL,
  status: 'success',
  tokens: [1_000, 200],
  spend: 0.006,
}
const INSTRUCTIONS = 'input=1000 tokens=200'

const TOOLS = [{ name: 'weather', input_schema: { type: 'object' as const } }]

async function collect<Item>(stream: AsyncIterable<Item>): Promise<Item[]> {
  const items: Item[] = []
  for await (const item of stream) items.push(item)
  return items
}

const versions = [
  { version: 'current', Client: Anthropic },
  // Both majors have the members used here, with the same shapes: one set of types serves both.
  { version: 'previous', Client: AnthropicPrevious as unknown as typeof Anthropic },
]

describe.each(versions)('@anthropic-ai/sdk, $version major', ({ Client }) => {
  let sent: number

  function client(options: object = {}): Anthropic {
    sent = 0
    const counted: typeof fetch = async (...request) => {
      sent += 1
      return await fetch(...request)
    }
    return new Client({ apiKey: user.key, baseURL: platform.url, fetch: counted, ...options })
  }

  test('a whole answer and a stream say the same, and cost the same', async () => {
    const whole = await client().messages.create(ask(INSTRUCTIONS))
    const streamed = await client().messages.stream(ask(INSTRUCTIONS)).finalMessage()
    expect(streamed.content).toEqual(whole.content)
    expect(streamed.usage).toMatchObject({ input_tokens: 1_000, output_tokens: 200 })
    expect(whole.usage).toMatchObject({ input_tokens: 1_000, output_tokens: 200 })
    expect(await platform.spentBy(user, 2)).toEqual([MESSAGE, MESSAGE])
  })

  test('a key works as API key and as bearer token', async () => {
    const bearer = client({ apiKey: null, authToken: user.key })
    await bearer.messages.create(ask(INSTRUCTIONS))
    expect(await platform.spentBy(user, 1)).toEqual([MESSAGE])
    const sentUp = platform.simulator.requests()[0]!.headers.flat().join('\n')
    expect(sentUp).toContain('sk-ant-of-the-team')
    expect(sentUp).not.toContain(user.key)
  })

  test('thinking comes with its signature, whole and streamed, and is priced as output', async () => {
    const request = {
      ...ask('input=1000 tokens=150 reasoning=50'),
      thinking: { type: 'enabled' as const, budget_tokens: 1_024 },
    }
    const whole = await client().messages.create(request)
    const streamed = await client().messages.stream(request).finalMessage()
    for (const { content } of [whole, streamed]) {
      expect(content).toMatchObject([
        { type: 'thinking', thinking: expect.any(String), signature: expect.stringMatching(/.{20}/) },
        { type: 'text' },
      ])
    }
    expect(await platform.spentBy(user, 2)).toEqual([MESSAGE, MESSAGE])
  })

  test('prompt-cache reads and writes have their own prices, whole and streamed', async () => {
    const request = ask('input=100 cached=40000 written=2000 written-1h=1000 tokens=200')
    await client().messages.create(request)
    await client().messages.stream(request).finalMessage()
    // 100 × $3/M + 40,000 × $0.30/M + 2,000 × $3.75/M + 1,000 × $6/M + 200 × $15/M
    const expected = { ...MESSAGE, tokens: [43_100, 200], spend: 0.0288 }
    expect(await platform.spentBy(user, 2)).toEqual([expected, expected])
    const [row] = await platform.rowsOf(user, 2)
    expect(row!.metadata.usage_object).toMatchObject({
      cache_read_input_tokens: 40_000,
      cache_creation_input_tokens: 3_000,
    })
  })

  test('a tool round trip, whole and streamed', async () => {
    const question = ask('input=100 tool=weather%20{"city":"Paris"}')
    const request = { ...question, tools: TOOLS }
    const whole = await client().messages.create(request)
    const streamed = await client().messages.stream(request).finalMessage()
    for (const { content, stop_reason } of [whole, streamed]) {
      expect(stop_reason).toBe('tool_use')
      const [block] = content
      if (block?.type !== 'tool_use') throw new Error('no tool was called')
      expect(block).toMatchObject({ name: 'weather', input: { city: 'Paris' } })
      const result = { type: 'tool_result' as const, tool_use_id: block.id, content: 'Sunny.' }
      const next = await client().messages.create({
        ...request,
        messages: [
          ...question.messages,
          { role: 'assistant', content },
          { role: 'user', content: [result, { type: 'text', text: '[[sim input=100]]' }] },
        ],
      })
      expect(next).toMatchObject({ stop_reason: 'end_turn', content: [{ type: 'text' }] })
    }
    // 100 × $3/M + 4 × $15/M for the 16 bytes of arguments; 32 tokens are the simulator's answer unless told.
    const called = { ...MESSAGE, tokens: [100, 4], spend: 0.00036 }
    const answered = { ...MESSAGE, tokens: [100, 32], spend: 0.00078 }
    expect(await platform.spentBy(user, 4)).toEqual([called, called, answered, answered])
  })

  test('counting tokens is free, and not in the spend log', async () => {
    const { messages } = ask('')
    const counted = await client().messages.countTokens({ model: MODEL, messages })
    // 22 bytes at four a token.
    expect(counted.input_tokens).toBe(6)
    await client().messages.create(ask(INSTRUCTIONS))
    expect(await platform.spentBy(user, 1)).toEqual([MESSAGE])
  })

  test('the models of the config are listed in the shape that the SDK pages through', async () => {
    const ids = (await collect(client().models.list())).map((model) => model.id)
    expect(ids).toEqual(['gpt-5-5', MODEL, 'text-embedding-3-small'])
    expect(await client().models.retrieve(MODEL)).toMatchObject({ type: 'model', id: MODEL })
  })

  test('a wrong key is one request and an AuthenticationError, and never reaches a provider', async () => {
    const call = client({ apiKey: 'sk-nobody-has-this-key' }).messages.create(ask(''))
    await expect(call).rejects.toThrow(Client.AuthenticationError)
    await expect(call).rejects.toThrow('the API key is not valid here')
    expect(sent).toBe(1)
    expect(platform.simulator.requests()).toEqual([])
  })

  test('a model that the key may not call is one request and a PermissionDeniedError', async () => {
    user = await platform.newUser({ models: ['gpt-5-5'] })
    const call = client().messages.create(ask(''))
    await expect(call).rejects.toThrow(Client.PermissionDeniedError)
    await expect(call).rejects.toThrow('not allowed to access model')
    expect(sent).toBe(1)
    expect(await platform.spentBy(user, 1)).toMatchObject([{ status: 'failure', spend: 0 }])
  })

  test('an unknown model is a NotFoundError, and one of another dialect a BadRequestError', async () => {
    const unknown = client().messages.create({ ...ask(''), model: 'claude-99' })
    await expect(unknown).rejects.toThrow(Client.NotFoundError)
    await expect(unknown).rejects.toThrow('/v1/models')
    const foreign = client().messages.create({ ...ask(''), model: 'gpt-5-5' })
    await expect(foreign).rejects.toThrow(Client.BadRequestError)
    await expect(foreign).rejects.toThrow('call it on /v1/chat/completions')
  })

  test('a spent budget is one request and a RateLimitError that names the budget', async () => {
    user = await platform.newUser({ max_budget: 0.005 })
    await client().messages.create(ask(INSTRUCTIONS))
    const call = client().messages.create(ask(INSTRUCTIONS))
    await expect(call).rejects.toThrow(Client.RateLimitError)
    await expect(call).rejects.toThrow(/Budget has been exceeded! User=.* Max budget: 0\.005\./)
    expect(sent).toBe(1)
    expect(platform.simulator.requests()).toHaveLength(1)
    expect(await platform.spentBy(user, 2)).toMatchObject([MESSAGE, { status: 'failure', spend: 0 }])
  })

  test("a provider's refusal is the SDK's typed error with the provider's own words", async () => {
    const call = client().messages.create(ask('fault=no-credit'))
    await expect(call).rejects.toThrow(Client.BadRequestError)
    await expect(call).rejects.toThrow('Your credit balance is too low')
    const [row] = await platform.rowsOf(user, 1)
    expect(row).toMatchObject({
      status: 'failure',
      spend: 0,
      metadata: {
        ending: 'provider_error',
        error_information: {
          error_class: 'BadRequestError',
          error_message: expect.stringContaining('credit balance'),
        },
      },
    })
  })

  test('a fault that passes is retried by the gateway, and the SDK does not see it', async () => {
    await client().messages.create(ask(`${INSTRUCTIONS} fault=529 times=2 retry-after=0`))
    expect(sent).toBe(1)
    expect(platform.simulator.requests()).toHaveLength(3)
    expect(await platform.rowsOf(user, 1)).toMatchObject([
      { status: 'success', spend: 0.006, metadata: { attempted_retries: 2 } },
    ])
  })

  test('a provider that stays overloaded is an InternalServerError with its status', async () => {
    const call = client({ maxRetries: 0 }).messages.create(ask('fault=529 retry-after=0'))
    await expect(call).rejects.toThrow(Client.InternalServerError)
    await expect(call).rejects.toMatchObject({ status: 529 })
  })

  test('a stream that the provider breaks off throws, and what was produced is paid', async () => {
    const request = { ...ask('input=1000 chunks=10 fault=cut@3'), stream: true as const }
    const stream = await client().messages.create(request)
    await expect(collect(stream)).rejects.toThrow(Client.APIError)
    // 1,000 × $3/M + 12 × $15/M
    expect(await platform.rowsOf(user, 1)).toMatchObject([
      {
        status: 'failure',
        prompt_tokens: 1_000,
        completion_tokens: 12,
        spend: 0.00318,
        metadata: { ending: 'provider_cut' },
      },
    ])
  })

  test('an SDK that aborts a stream stops the provider, and what was produced is paid', async () => {
    const stream = client().messages.stream(ask('input=1000 chunks=10000 interval=20'))
    for await (const event of stream) if (event.type === 'content_block_delta') break
    const [row] = await platform.rowsOf(user, 1)
    expect(row).toMatchObject({ prompt_tokens: 1_000, metadata: { ending: 'client_gone' } })
    expect(row!.completion_tokens).toBeGreaterThan(0)
    expect(row!.spend).toBeCloseTo(0.003 + row!.completion_tokens * 0.000015, 9)
    expect(platform.simulator.meter.entries()).toMatchObject([{ state: 'aborted', billed: true }])
  })
})
