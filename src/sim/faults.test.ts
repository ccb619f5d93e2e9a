/** Tests of the faults and of what the meter says of them: plain HTTP, real sockets. */
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { jsonEventsOf, sendPlain } from '../../test/sim/plain-client.ts'
import { startSimulator } from './simulator.ts'
import type { PlainAnswer } from '../../test/sim/plain-client.ts'
import type { MeterEntry } from './meter.ts'
import type { Simulator } from './simulator.ts'

let simulator: Simulator

beforeAll(async () => {
  simulator = await startSimulator()
})
beforeEach(() => simulator.meter.clear())
afterAll(() => simulator.close())

const MESSAGES = [{ role: 'user', content: 'How are you?' }]

function chat(instructions: string, body: object = {}): Promise<PlainAnswer> {
  const url = `${simulator.url}/v1/chat/completions`
  return sendPlain({ url, body: { model: `sim/any?${instructions}`, messages: MESSAGES, ...body } })
}

function messages(instructions: string, body: object = {}): Promise<PlainAnswer> {
  const url = `${simulator.url}/v1/messages`
  const whole = { model: `sim/any?${instructions}`, max_tokens: 1_000, messages: MESSAGES, ...body }
  return sendPlain({ url, body: whole })
}

function onlyEntry(): MeterEntry {
  const entries = simulator.meter.entries()
  expect(entries).toHaveLength(1)
  return entries[0]!
}

const STREAM = { stream: true }

test('a stream cut after N chunks breaks off, and the N chunks are billed', async () => {
  const answer = await chat('chunks=10&chunk-tokens=3&fault=cut@4', STREAM)
  expect(answer.ending).toBe('broken')
  expect(jsonEventsOf(answer.text)).toHaveLength(1 + 4)
  expect(onlyEntry()).toMatchObject({
    state: 'faulted',
    billed: true,
    outputTokensSent: 12,
    usage: { inputTokens: 3, outputTokens: 12 },
  })
})

test('a stream cut before any content bills nothing', async () => {
  const answer = await messages('fault=cut@0', STREAM)
  expect(answer.text).toContain('event: message_start')
  expect(answer.text).not.toContain('text_delta')
  expect(onlyEntry()).toMatchObject({ state: 'faulted', billed: false, usage: { inputTokens: 0 } })
})

test('a stream can end cleanly without its last event', async () => {
  const answer = await chat('tokens=8&fault=fin@end', STREAM)
  expect(answer.ending).toBe('whole')
  expect(answer.text).not.toContain('[DONE]')
  expect(answer.text).not.toContain('"finish_reason":"stop"')
  expect(onlyEntry()).toMatchObject({ state: 'faulted', billed: true, outputTokensSent: 8 })
})

test('a stream can be cut when usage was told but the last event was not', async () => {
  const answer = await messages('tokens=8&fault=cut@last', STREAM)
  expect(answer.ending).toBe('broken')
  expect(answer.text).toContain('event: message_delta')
  expect(answer.text).not.toContain('message_stop')
  expect(onlyEntry()).toMatchObject({ billed: true, outputTokensSent: 8 })
})

test('a stalled stream sends no more until its hold is over', async () => {
  const answer = await chat('chunks=5&fault=stall@2&hold=30', STREAM)
  expect(answer.ending).toBe('broken')
  expect(jsonEventsOf(answer.text)).toHaveLength(1 + 2)
})

test('a malformed event does not end the stream', async () => {
  const answer = await messages('chunks=3&fault=malformed@1', STREAM)
  expect(answer.text).toContain('data: {"type":"content_block_de\n\n')
  expect(answer.text.endsWith('event: message_stop\ndata: {"type":"message_stop"}\n\n')).toBe(true)
  expect(onlyEntry()).toMatchObject({ state: 'complete', billed: true })
})

test('an error event is the last thing of its stream', async () => {
  const openai = await chat('chunks=3&fault=error@1', STREAM)
  expect(jsonEventsOf(openai.text).at(-1)).toMatchObject({ error: { type: 'server_error' } })
  expect(openai.text).not.toContain('[DONE]')
  const anthropic = await messages('chunks=3&fault=error@1', STREAM)
  expect(jsonEventsOf(anthropic.text).at(-1)).toMatchObject({
    type: 'error',
    error: { type: 'overloaded_error' },
  })
  const responses = await sendPlain({
    url: `${simulator.url}/v1/responses`,
    body: { model: 'sim/any?chunks=3&fault=error@1', input: 'Hi', stream: true },
  })
  expect(jsonEventsOf(responses.text).at(-1)).toMatchObject({ type: 'error' })
})

test('a caller that leaves is billed for what it was sent', async () => {
  const left = Promise.withResolvers<undefined>()
  const call = sendPlain({
    url: `${simulator.url}/v1/chat/completions`,
    body: { model: 'sim/any?chunks=100&chunk-tokens=2&interval=5', messages: MESSAGES, stream: true },
    leaveWhen(text) {
      if (text.split('\n\n').length <= 4) return false
      left.resolve(undefined)
      return true
    },
  })
  await left.promise
  await call
  await expect.poll(() => onlyEntry().state).toBe('aborted')
  const entry = onlyEntry()
  expect(entry.outputTokensSent).toBeGreaterThanOrEqual(6)
  expect(entry.outputTokensSent).toBeLessThan(200)
  expect(entry.usage).toMatchObject({ inputTokens: 3, outputTokens: entry.outputTokensSent })
})

test('a caller that leaves before a whole answer is not billed', async () => {
  const url = `${simulator.url}/v1/chat/completions`
  const controller = new AbortController()
  const call = fetch(url, {
    method: 'POST',
    headers: { authorization: 'Bearer x' },
    body: JSON.stringify({ model: 'sim/any?latency=600000', messages: MESSAGES }),
    signal: controller.signal,
  })
  await expect.poll(() => simulator.meter.entries().length).toBe(1)
  controller.abort()
  await expect(call).rejects.toThrow()
  await expect.poll(() => onlyEntry().state).toBe('aborted')
  expect(onlyEntry().billed).toBe(false)
})

test.each([
  [429, 'rate_limit_error', 'rate_limit_exceeded'],
  [500, 'api_error', null],
  [503, 'api_error', 'server_is_overloaded'],
  [529, 'overloaded_error', null],
])(
  'status %i comes in the words of each dialect and bills nothing',
  async (status, anthropicType, openaiCode) => {
    const anthropic = await messages(`fault=${status}`)
    expect(anthropic.status).toBe(status)
    expect(JSON.parse(anthropic.text)).toMatchObject({ type: 'error', error: { type: anthropicType } })
    const openai = await chat(`fault=${status}`, STREAM)
    expect(openai.status).toBe(status)
    expect(JSON.parse(openai.text)).toMatchObject({ error: { code: openaiCode } })
    expect(simulator.meter.entries().map((entry) => entry.billed)).toEqual([false, false])
  },
)

test('a 429 says when to retry, as it is told', async () => {
  expect((await chat('fault=429')).headers['retry-after']).toBe('1')
  expect((await chat('fault=429&retry-after=7')).headers['retry-after']).toBe('7')
  expect((await chat('fault=429&retry-after=off')).headers['retry-after']).toBeUndefined()
})

test('an empty account is told as the providers tell it', async () => {
  const anthropic = await messages('fault=no-credit')
  expect(anthropic.status).toBe(400)
  expect(JSON.parse(anthropic.text)).toMatchObject({
    error: { type: 'invalid_request_error', message: expect.stringContaining('credit balance is too low') },
  })
  expect(JSON.parse((await chat('fault=no-credit')).text)).toMatchObject({
    error: { code: 'insufficient_quota' },
  })
})

test('a fault with times strikes so often, lets one attempt through, and begins anew', async () => {
  const statuses: number[] = []
  for (let attempt = 0; attempt < 6; attempt += 1) statuses.push((await chat('fault=503&times=2')).status)
  expect(statuses).toEqual([503, 503, 200, 503, 503, 200])
})

test('attempts are told apart by the call id of a gateway', async () => {
  const attempt = async (callId: string) => {
    const headers = { authorization: 'Bearer x', 'x-client-request-id': callId }
    const body = { model: 'sim/any?fault=503&times=1', messages: MESSAGES }
    return (await sendPlain({ url: `${simulator.url}/v1/chat/completions`, headers, body })).status
  }
  expect([await attempt('a'), await attempt('b'), await attempt('a'), await attempt('b')]).toEqual([
    503, 503, 200, 200,
  ])
  expect(simulator.meter.entries().map((entry) => entry.callId)).toEqual(['a', 'b', 'a', 'b'])
})

test('a reset comes before any header', async () => {
  expect((await chat('fault=reset')).ending).toBe('no-head')
})

test('slow headers never come to an end', async () => {
  expect((await chat('fault=slow-headers&hold=30')).ending).toBe('no-head')
})

test('an HTML page comes with either status', async () => {
  const page = await chat('fault=html')
  expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html'])
  expect((await chat('fault=html502')).status).toBe(502)
})

test.each(['cut', 'stall'])('a whole answer can break off half-way: %s', async (name) => {
  const answer = await chat(`fault=${name}&hold=30`)
  expect(answer.ending).toBe('broken')
  expect(answer.text.length).toBeGreaterThan(0)
  expect(onlyEntry()).toMatchObject({ state: 'faulted', billed: false })
})

test('a whole answer can be broken JSON, or an error under status 200', async () => {
  const broken = await chat('fault=malformed')
  expect([broken.status, broken.ending]).toEqual([200, 'whole'])
  expect(() => JSON.parse(broken.text)).toThrow(SyntaxError)
  expect(JSON.parse((await chat('fault=error')).text)).toHaveProperty('error.message')
})
