/** What goes through the gateway and what does not: bodies, streams and headers, up and down. */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { MASTER_KEY, startTestGateway, type TestGateway } from '../running-gateway.ts'
import { ClientCall, send } from './client-call.ts'
import { DIALECT_CASES } from './dialect-cases.ts'
import { ScriptedProvider } from './scripted-provider.ts'

let gateway: TestGateway
let provider: ScriptedProvider

beforeAll(async () => {
  provider = await ScriptedProvider.start()
  gateway = await startTestGateway({
    config: `
general_settings: { }
model_list:
  - { model_name: gpt, litellm_params: { model: openai/sim-gpt, api_base: '{openai}', api_key: sk-provider }, model_info: { id: gpt-1, input_cost_per_token: 0.000002, output_cost_per_token: 0.000008 } }
  - { model_name: same, litellm_params: { model: openai/same, api_base: '{openai}', api_key: sk-provider } }
  - { model_name: claude, litellm_params: { model: anthropic/sim-claude, api_base: '{anthropic}', api_key: sk-provider } }
  - { model_name: gpt-scripted, litellm_params: { model: openai/up, api_base: '${provider.url}/v1', api_key: sk-provider } }
  - { model_name: claude-scripted, litellm_params: { model: anthropic/up, api_base: '${provider.url}', api_key: sk-provider } }
`,
  })
})

afterAll(async () => {
  await gateway.stop()
  await provider.close()
})

const space = fc.stringMatching(/^[ \t\r\n]{0,3}$/)
/** JSON strings as text: raw, escaped, in and beyond the basic plane. */
const stringText = fc
  .array(
    fc.constantFrom(
      'a',
      'é',
      '漢',
      '😀',
      '\\u00e9',
      '\\ud83d\\ude00',
      '\\/',
      '\\"',
      '\\\\',
      '\\n',
      ' ',
      '}',
      ',',
      ':',
    ),
    {
      maxLength: 6,
    },
  )
  .map((pieces) => `"${pieces.join('')}"`)
const scalarText = fc.oneof(
  stringText,
  fc.constantFrom(
    '12345678901234567890',
    '1e400',
    '-0',
    '1.0',
    '0.10E+05',
    '1E-9',
    'true',
    'false',
    'null',
    '{}',
    '[]',
  ),
)
const valueText = fc.oneof(
  scalarText,
  fc
    .tuple(space, scalarText, space, scalarText)
    .map(([before, one, after, two]) => `[${before}${one}${after},${two}]`),
  fc
    .tuple(space, stringText, space, scalarText)
    .map(([before, name, after, value]) => `{${before}${name}${after}:${value}}`),
)
/** Members that no API knows, `__proto__` among them, each name once. */
const unknownMembers = fc.uniqueArray(
  fc.tuple(fc.stringMatching(/^(x_[a-zé漢 ]{1,8}|__proto__)$/), valueText),
  {
    maxLength: 6,
    selector: ([name]) => name,
  },
)

/** A body's text: the members in any order, with white space anywhere. */
function bodyText(known: readonly (readonly [string, string])[]): fc.Arbitrary<string> {
  return unknownMembers
    .chain((unknown) =>
      fc.tuple(
        fc.shuffledSubarray([...known, ...unknown], { minLength: known.length + unknown.length }),
        fc.array(space, { minLength: 40, maxLength: 40 }),
      ),
    )
    .map(([members, spaces]) => {
      let at = 0
      const next = (): string => spaces[at++ % spaces.length] ?? ''
      const texts = members.map(
        ([name, value]) => `${next()}${JSON.stringify(name)}${next()}:${next()}${value}${next()}`,
      )
      return `${next()}{${texts.join(',')}}${next()}`
    })
}

const MESSAGES = '[ {"content":"H\\u0069 \\ud83d\\ude00", "role":"user"} ]'

/** The last body that the simulator received. */
function lastBody(): string {
  return gateway.simulator.requests().at(-1)?.body.toString('utf8') ?? ''
}

describe('a body on its way up', () => {
  test('goes up byte for byte when the model has the same name there', async () => {
    await fc.assert(
      fc.asyncProperty(
        bodyText([
          ['model', '"same"'],
          ['messages', MESSAGES],
        ]),
        async (body) => {
          const answer = await send(`${gateway.url}/v1/chat/completions`, { body })
          expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 200 })
          expect(lastBody()).toBe(body)
        },
      ),
      { numRuns: 60 },
    )
  })

  test.for(DIALECT_CASES)('$name: goes up byte for byte but for the model', async (dialect) => {
    const input =
      dialect.name === 'responses' ? 'input' : dialect.name === 'completions' ? 'prompt' : 'messages'
    const value = input === 'messages' ? MESSAGES : '"H\\u0069"'
    const model = JSON.stringify(dialect.model)
    const members = [
      ['model', model],
      [input, value],
      ['max_tokens', '50'],
    ] as const
    const known = dialect.name === 'responses' ? members.slice(0, 2) : members
    await fc.assert(
      fc.asyncProperty(bodyText(known), async (body) => {
        const answer = await send(gateway.url + dialect.path, { body })
        expect({ status: answer.status, text: answer.text }).toMatchObject({ status: 200 })
        const at = new RegExp(`("model"\\s*:\\s*)${model}`)
        expect(lastBody()).toBe(body.replace(at, `$1"sim-${dialect.model}"`))
      }),
      { numRuns: 25 },
    )
  })

  test('of a chat stream gets stream_options at its end, and nothing else', async () => {
    const body = '{ "stream" :true,\n"model": "same" , "messages":[], "x": 1.0e2 }'
    expect((await send(`${gateway.url}/v1/chat/completions`, { body })).status).toBe(200)
    expect(lastBody()).toBe(
      '{ "stream" :true,\n"model": "same" , "messages":[], "x": 1.0e2,"stream_options":{"include_usage":true} }',
    )
  })

  test('keeps the other members of stream_options', async () => {
    const body = '{"stream":true,"stream_options":{"include_obfuscation":false},"model":"same","messages":[]}'
    expect((await send(`${gateway.url}/v1/chat/completions`, { body })).status).toBe(200)
    expect(JSON.parse(lastBody())).toMatchObject({
      stream_options: { include_obfuscation: false, include_usage: true },
    })
  })

  test("goes up without the gateway's own members and the caller's credentials in it", async () => {
    const body =
      '{"model":"same","tags":["a"],"messages":[],"api_key":"sk-canary","litellm_metadata":{"a":1},"num_retries":0,"seed":7}'
    expect((await send(`${gateway.url}/v1/chat/completions`, { body })).status).toBe(200)
    expect(lastBody()).toBe('{"model":"same","messages":[],"seed":7}')
  })
})

describe('headers and query on their way up', () => {
  const upstream = (): Map<string, string> =>
    new Map(
      gateway.simulator
        .requests()
        .at(-1)
        ?.headers.map(([name, value]) => [name.toLowerCase(), value]),
    )

  test.for(['authorization', 'x-api-key', 'x-litellm-api-key', 'api-key', 'x-goog-api-key'])(
    'a key in %s opens the gateway and stays there',
    async (name) => {
      const headers = {
        authorization: undefined,
        [name]: name === 'authorization' ? `Bearer ${MASTER_KEY}` : MASTER_KEY,
      }
      const answer = await send(`${gateway.url}/v1/chat/completions`, {
        body: { model: 'gpt', messages: [] },
        headers,
      })
      expect(answer.status).toBe(200)
      expect(JSON.stringify(gateway.simulator.requests().at(-1)?.headers)).not.toContain(MASTER_KEY)
      expect(upstream().get('authorization')).toBe('Bearer sk-provider')
    },
  )

  test('only what is known goes up: no credential, no hop-by-hop header, no header of the client', async () => {
    const answer = await send(
      `${gateway.url}/v1/messages?beta=true&key=canary&api_key=canary&access_token=canary`,
      {
        body: { model: 'claude', max_tokens: 9, messages: [] },
        headers: {
          'x-api-key': 'canary',
          'api-key': 'canary',
          'x-goog-api-key': 'canary',
          cookie: 'session=canary',
          'proxy-authorization': 'Basic canary',
          'x-forwarded-for': 'canary',
          'x-odd': 'canary',
          te: 'trailers',
          'user-agent': 'canary/1',
          'x-stainless-lang': 'canary',
          'anthropic-version': '2023-06-01',
          'anthropic-beta': 'one,two',
          'anthropic-not-yet-invented': 'kept',
          'anthropic-dangerous-direct-browser-access': 'true',
        },
      },
    )
    expect(answer.status).toBe(200)
    const received = gateway.simulator.requests().at(-1)
    expect(received?.path).toBe('/v1/messages?beta=true')
    expect(JSON.stringify(received?.headers)).not.toContain('canary')
    expect([...upstream().keys()].toSorted()).toEqual([
      'accept',
      'accept-encoding',
      'anthropic-beta',
      'anthropic-not-yet-invented',
      'anthropic-version',
      'connection',
      'content-length',
      'content-type',
      'host',
      'x-api-key',
      'x-client-request-id',
    ])
    expect(upstream().get('anthropic-beta')).toBe('one,two')
    expect(upstream().get('x-api-key')).toBe('sk-provider')
  })

  test("a client's anthropic-version wins, and one is sent where it names none", async () => {
    const body = { model: 'claude', max_tokens: 9, messages: [] }
    await send(`${gateway.url}/v1/messages`, { body, headers: { 'anthropic-version': '2099-01-01' } })
    expect(upstream().get('anthropic-version')).toBe('2099-01-01')
    await send(`${gateway.url}/v1/messages`, { body })
    expect(upstream().get('anthropic-version')).toBe('2023-06-01')
  })

  test('the provider is told the call id that the client is told', async () => {
    const answer = await send(`${gateway.url}/v1/chat/completions`, {
      body: { model: 'gpt', messages: [] },
      headers: { 'x-litellm-call-id': 'forged' },
    })
    expect(answer.headers['x-litellm-call-id']).toMatch(/^[0-9a-f-]{36}$/)
    expect(upstream().get('x-client-request-id')).toBe(answer.headers['x-litellm-call-id'])
  })
})

const CONTENT = 'data: {"choices":[ {"index":0,"delta":{"content":"Zwölf 😀"}} ], "x_unknown": 1.0}\n\n'
const FINISH = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\r\n\r\n'
const USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}\n\n'
const COMMENT = ': a comment of the provider\n\n'

/** Streams bytes through the gateway, cut where `cuts` say. */
async function relay(body: unknown, stream: string, cuts: readonly number[]): Promise<string> {
  const call = send(`${gateway.url}/v1/chat/completions`, { body })
  const exchange = await provider.next()
  const bytes = Buffer.from(stream)
  const places = [...new Set(cuts.map((cut) => cut % bytes.length))]
    .filter((place) => place > 0)
    .toSorted((a, b) => a - b)
  exchange.stream('')
  let from = 0
  for (const place of [...places, bytes.length]) {
    await exchange.write(bytes.subarray(from, place))
    from = place
  }
  exchange.end()
  return (await call).text
}

describe('an answer on its way down', () => {
  test('whole comes down byte for byte', async () => {
    const odd =
      '{ "id":"1",\n "choices" : [], "usage":{"prompt_tokens":1,"completion_tokens":1}, "big":12345678901234567890, "é":"\\u00e9" }\n'
    const call = send(`${gateway.url}/v1/chat/completions`, { body: { model: 'gpt-scripted', messages: [] } })
    ;(await provider.next()).answer(200, { 'content-type': 'application/json; charset=utf-8' }, odd)
    const answer = await call
    expect(answer.text).toBe(odd)
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8')
    expect(answer.headers['content-length']).toBe(String(Buffer.byteLength(odd)))
  })

  const asking = {
    model: 'gpt-scripted',
    stream: true,
    messages: [],
    stream_options: { include_usage: true },
  }
  const { stream_options: _options, ...notAsking } = asking

  test('streamed comes down byte for byte, wherever the network cuts it', async () => {
    const stream = `${COMMENT}${CONTENT}${COMMENT}${CONTENT}${FINISH}${USAGE}data: [DONE]\n\n`
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(5_000), { maxLength: 12 }), async (cuts) => {
        expect(await relay(asking, stream, cuts)).toBe(stream)
      }),
      { numRuns: 25 },
    )
  })

  test('streamed loses the usage that only the gateway asked for, and nothing else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(5_000), { maxLength: 12 }), async (cuts) => {
        const text = await relay(notAsking, `${COMMENT}${CONTENT}${FINISH}${USAGE}data: [DONE]\n\n`, cuts)
        expect(text).toBe(`${COMMENT}${CONTENT}${FINISH}data: [DONE]\n\n`)
      }),
      { numRuns: 25 },
    )
  })

  test('the first content reaches the client while the provider is still at work', async () => {
    const call = new ClientCall(`${gateway.url}/v1/chat/completions`, { body: asking })
    const exchange = await provider.next()
    exchange.stream(CONTENT)
    await call.until((text) => text.includes('choices'))
    exchange.end(`${FINISH}${USAGE}data: [DONE]\n\n`)
    expect((await call.ended).text).toContain('[DONE]')
  })
})

describe('headers on their way down', () => {
  const ODD = {
    'set-cookie': 'session=1',
    server: 'cloud',
    'x-odd': '1',
    'anthropic-organization-id': 'org-1',
    'strict-transport-security': 'max-age=1',
    'access-control-allow-origin': '*',
    'x-litellm-call-id': 'forged',
    'x-litellm-response-cost': '0',
    'request-id': 'req_1',
    'retry-after': '3',
    'anthropic-ratelimit-tokens-remaining': '12',
    'x-ratelimit-remaining-requests': '13',
  }

  test.for([false, true])(
    "the provider's odd headers do not come down, its limits do (streamed: %s)",
    async (stream) => {
      const call = send(`${gateway.url}/v1/messages`, {
        body: { model: 'claude-scripted', stream, max_tokens: 9, messages: [] },
      })
      const exchange = await provider.next()
      if (stream) {
        exchange.stream('event: content_block_delta\ndata: {"delta":{"text":"Hi"}}\n\n', ODD)
        exchange.end('event: message_stop\ndata: {"type":"message_stop"}\n\n')
      } else {
        exchange.json(200, { type: 'message', usage: { input_tokens: 1, output_tokens: 1 } }, ODD)
      }
      const { headers } = await call
      const names = Object.keys(headers)
      expect(names).not.toContain('set-cookie')
      for (const name of [
        'server',
        'x-odd',
        'anthropic-organization-id',
        'strict-transport-security',
        'access-control-allow-origin',
      ]) {
        expect(names.filter((each) => each.includes(name))).toEqual([])
      }
      expect(headers['x-litellm-call-id']).not.toContain('forged')
      expect(headers).toMatchObject({
        'request-id': 'req_1',
        'retry-after': '3',
        'anthropic-ratelimit-tokens-remaining': '12',
        'llm_provider-anthropic-ratelimit-tokens-remaining': '12',
        'x-ratelimit-remaining-requests': '13',
        'llm_provider-x-ratelimit-remaining-requests': '13',
      })
    },
  )

  test('of the gateway tell id, model, cost, spend, overhead and version', async () => {
    const key = await gateway.newKey({ max_budget: 10 })
    const body = { model: 'gpt', messages: [{ role: 'user', content: '[[sim input=1000 tokens=100]]' }] }
    const ask = async () =>
      await send(`${gateway.url}/v1/chat/completions`, { body, headers: { authorization: `Bearer ${key}` } })
    const first = await ask()
    const second = await ask()
    expect(first.headers).toMatchObject({
      'x-litellm-call-id': expect.stringMatching(/^[0-9a-f-]{36}$/),
      'x-litellm-model-id': 'gpt-1',
      'x-litellm-model-group': 'gpt',
      'x-litellm-model-api-base': `${gateway.simulator.url}/v1`,
      'x-litellm-response-cost': '0.0028',
      'x-litellm-key-spend': '0.0028',
      'x-litellm-key-max-budget': '10',
      'x-litellm-overhead-duration-ms': expect.stringMatching(/^\d+\.\d{3}$/),
      'x-litellm-response-duration-ms': expect.stringMatching(/^\d+\.\d{3}$/),
      'x-litellm-version': expect.stringMatching(/^\d+\.\d+\.\d+/),
    })
    expect(second.headers['x-litellm-key-spend']).toBe('0.0056')
    expect(second.headers['x-litellm-call-id']).not.toBe(first.headers['x-litellm-call-id'])
  })

  test('of the gateway count no pause between two attempts as its overhead', async () => {
    const { headers } = await send(`${gateway.url}/v1/chat/completions`, {
      body: { model: 'gpt', messages: [{ role: 'user', content: '[[sim fault=500 times=1]]' }] },
    })
    expect(headers['x-litellm-attempted-retries']).toBe('1')
    const elsewhereMs =
      Number(headers['x-litellm-response-duration-ms']) - Number(headers['x-litellm-overhead-duration-ms'])
    // The shortest first pause.
    expect(elsewhereMs).toBeGreaterThan(370)
  })

  test('of a stream tell no cost, for it is not known yet', async () => {
    const { headers } = await send(`${gateway.url}/v1/chat/completions`, {
      body: { model: 'gpt', stream: true, messages: [] },
    })
    expect(headers).not.toHaveProperty('x-litellm-response-cost')
    expect(headers).toMatchObject({
      'x-litellm-model-id': 'gpt-1',
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no',
    })
  })
})
