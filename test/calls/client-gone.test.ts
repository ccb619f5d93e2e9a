/** The client leaves, or reads slowly: what the provider sees of it, and what is booked. */
import { hash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { startTestGateway, type TestGateway } from '../running-gateway.ts'
import { ClientCall } from './client-call.ts'
import { ScriptedProvider } from './scripted-provider.ts'

let gateway: TestGateway
let provider: ScriptedProvider

const config = (cancels: boolean): string => `
general_settings: { cancel_on_disconnect: ${cancels} }
router_settings: { num_retries: 1 }
model_list:
  - { model_name: gpt, litellm_params: { model: openai/up, api_base: '${provider.url}/v1', api_key: sk-provider }, model_info: { input_cost_per_token: 0.000001, output_cost_per_token: 0.000002 } }
`

beforeAll(async () => {
  provider = await ScriptedProvider.start()
  gateway = await startTestGateway({ config: config(true) })
})

afterAll(async () => {
  await gateway.stop()
  await provider.close()
})

function open(stream: boolean): ClientCall {
  return new ClientCall(`${gateway.url}/v1/chat/completions`, {
    body: { model: 'gpt', stream, messages: [] },
  })
}

/** Leaves, and waits until the gateway has seen it: then only the request that asks is in flight. */
async function leave(call: ClientCall): Promise<void> {
  call.leave()
  await call.ended
  await vi.waitFor(
    async () => {
      const answer = await gateway.call('/health/backlog')
      expect(await answer.json()).toEqual({ in_flight_requests: 1 })
    },
    { timeout: 10_000, interval: 10 },
  )
}

/** The line of the call that the provider knows by its request id. */
async function lineOf(exchange: {
  request: { headers: Record<string, unknown> }
}): Promise<Record<string, unknown>> {
  const id = exchange.request.headers['x-client-request-id']
  return await vi.waitFor(
    () => {
      const line = gateway.logLines().find((each) => each['call_id'] === id)
      if (line === undefined) throw new Error(`no line of call ${String(id)} yet`)
      return line
    },
    { timeout: 10_000, interval: 10 },
  )
}

const CONTENT = 'data: {"choices":[{"index":0,"delta":{"content":"four"}}]}\n\n'
const END =
  'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n' +
  'data: {"choices":[],"usage":{"prompt_tokens":30,"completion_tokens":20}}\n\ndata: [DONE]\n\n'
const WHOLE = { choices: [], usage: { prompt_tokens: 30, completion_tokens: 20 } }

describe('a client that leaves cancels the provider', () => {
  beforeAll(() => gateway.reconfigure(config(true)))

  test.for([false, true])('while nothing has come yet (streamed: %s)', async (stream) => {
    const call = open(stream)
    const exchange = await provider.next()
    call.leave()
    await exchange.closed
    expect(await lineOf(exchange)).toMatchObject({ ending: 'client_gone', status: 499, attempts: 1 })
  })

  test('while a stream has begun without content', async () => {
    const call = open(true)
    const exchange = await provider.next()
    exchange.stream(': thinking\n\n')
    await exchange.write(': thinking\n\n')
    call.leave()
    await exchange.closed
    expect(await lineOf(exchange)).toMatchObject({ ending: 'client_gone', ttft_ms: null })
  })

  test('in the middle of a stream, and pays for what was produced', async () => {
    const call = open(true)
    const exchange = await provider.next()
    exchange.stream(CONTENT.repeat(3))
    await call.until((text) => text.split('four').length === 4)
    call.leave()
    await exchange.closed
    expect(await lineOf(exchange)).toMatchObject({
      ending: 'client_gone',
      usage_source: 'estimated',
      completion_tokens: 3,
    })
  })

  test('in the middle of a whole answer', async () => {
    const call = open(false)
    const exchange = await provider.next()
    exchange.response.writeHead(200, { 'content-type': 'application/json' })
    await exchange.write('{"choices":[')
    call.leave()
    await exchange.closed
    expect(await lineOf(exchange)).toMatchObject({ ending: 'client_gone' })
  })

  test('while the next try is waited for: none is made', async () => {
    const call = open(false)
    const exchange = await provider.next()
    exchange.json(429, { error: { message: 'later', type: 'requests' } }, { 'retry-after': '1' })
    await exchange.closed
    await leave(call)
    expect(await lineOf(exchange)).toMatchObject({ ending: 'client_gone', attempts: 1 })
  })
})

describe('with cancel_on_disconnect: false the answer is read to its end and billed exactly', () => {
  beforeAll(() => gateway.reconfigure(config(false)))
  afterAll(() => gateway.reconfigure(config(true)))

  test('in the middle of a stream', async () => {
    const call = open(true)
    const exchange = await provider.next()
    exchange.stream(CONTENT)
    await call.until((text) => text.includes('four'))
    await leave(call)
    await exchange.write(CONTENT.repeat(19))
    exchange.end(END)
    expect(await lineOf(exchange)).toMatchObject({
      ending: 'client_gone',
      usage_source: 'provider',
      prompt_tokens: 30,
      completion_tokens: 20,
      cost: '0.00007',
    })
  })

  test.for([false, true])('before anything has come (streamed: %s)', async (stream) => {
    const call = open(stream)
    const exchange = await provider.next()
    await leave(call)
    if (stream) {
      exchange.stream(CONTENT)
      exchange.end(END)
    } else {
      exchange.json(200, WHOLE)
    }
    expect(await lineOf(exchange)).toMatchObject({
      ending: 'client_gone',
      usage_source: 'provider',
      completion_tokens: 20,
    })
  })
})

describe('a client that reads slowly', () => {
  /** 64 MB, far more than all socket buffers between provider and client hold. */
  const EVENT = `data: {"choices":[{"index":0,"delta":{"content":"${'x'.repeat(65_000)}"}}]}\n\n`
  const EVENTS = 1_000

  test('stops the provider, and gets its stream whole when it reads on', async () => {
    const call = open(true)
    const exchange = await provider.next()
    exchange.stream(EVENT)
    await call.until((text) => text !== '')
    call.pause()
    const written = { events: 1 }
    const writing = (async () => {
      for (; written.events < EVENTS; written.events += 1) await exchange.write(EVENT)
    })()
    await standstill(() => written.events)
    expect(written.events * EVENT.length).toBeLessThan(32 * 1_048_576)
    call.resume()
    await writing
    exchange.end(END)
    const answer = await call.ended
    const expected = hash('sha256', EVENT.repeat(EVENTS) + END.replace(/data: \{"choices":\[\],.*\n\n/, ''))
    expect(hash('sha256', answer.body)).toBe(expected)
  })

  test('and then leaves frees the provider', async () => {
    const call = open(true)
    const exchange = await provider.next()
    exchange.stream(EVENT)
    await call.until((text) => text !== '')
    call.pause()
    let written = 1
    const writing = (async () => {
      for (; written < EVENTS; written += 1) await Promise.race([exchange.write(EVENT), exchange.closed])
    })()
    await standstill(() => written)
    call.leave()
    await exchange.closed
    await writing
    expect(await lineOf(exchange)).toMatchObject({ ending: 'client_gone' })
  })
})

/** Waits until a count no longer changes. Too early an end of the wait makes a test weaker, never wrong. */
async function standstill(count: () => number): Promise<void> {
  let last = -1
  await vi.waitFor(
    () => {
      const now = count()
      const still = now === last
      last = now
      if (!still) throw new Error('still moving')
    },
    { timeout: 20_000, interval: 300 },
  )
}
