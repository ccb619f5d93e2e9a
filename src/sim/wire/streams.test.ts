/** Tests of the streams' grammar, dialect by dialect, as it stands on the wire. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventsOf, jsonEventsOf, sendPlain } from '../../../test/sim/plain-client.ts'
import { startSimulator } from '../simulator.ts'
import type { Simulator } from '../simulator.ts'

let simulator: Simulator

beforeAll(async () => {
  simulator = await startSimulator()
})
afterAll(() => simulator.close())

const MESSAGES = [{ role: 'user', content: 'How are you?' }]

async function stream(path: string, body: object): Promise<string> {
  const answer = await sendPlain({ url: simulator.url + path, body: { stream: true, ...body } })
  expect(answer.status).toBe(200)
  expect(answer.headers['content-type']).toContain('text/event-stream')
  expect(answer.ending).toBe('whole')
  return answer.text
}

test('a chat stream begins with the role, tells usage with no choices when asked, and ends with [DONE]', async () => {
  const body = {
    model: 'sim/any?tokens=6&chunks=3',
    messages: MESSAGES,
    stream_options: { include_usage: true },
  }
  const text = await stream('/v1/chat/completions', body)
  const events = jsonEventsOf(text)
  expect(events[0]).toMatchObject({ choices: [{ delta: { role: 'assistant', content: '' } }], usage: null })
  expect(events.slice(1, 4)).toMatchObject(
    ['You ask ', 'and the ', 'sim can '].map((content) => ({ choices: [{ delta: { content } }] })),
  )
  expect(events[4]).toMatchObject({ choices: [{ delta: {}, finish_reason: 'stop' }] })
  expect(events[5]).toMatchObject({
    choices: [],
    usage: { prompt_tokens: 3, completion_tokens: 6, total_tokens: 9 },
  })
  expect(events).toHaveLength(6)
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
})

test('a chat stream says nothing of usage unless asked', async () => {
  expect(await stream('/v1/chat/completions', { model: 'sim/any', messages: MESSAGES })).not.toContain(
    'usage',
  )
})

test('a chat tool call names itself in its first fragment only', async () => {
  const tools = [{ type: 'function', function: { name: 'weather', parameters: {} } }]
  const messages = [{ role: 'user', content: 'Please call tool weather {"city":"Paris","days":3}' }]
  const events = jsonEventsOf(await stream('/v1/chat/completions', { model: 'sim/any', messages, tools }))
  expect(events[1]).toMatchObject({
    choices: [
      {
        delta: { tool_calls: [{ index: 0, type: 'function', function: { name: 'weather', arguments: '' } }] },
      },
    ],
  })
  const later = events.slice(2, -1)
  expect(later.length).toBeGreaterThan(1)
  expect(JSON.stringify(later)).not.toContain('"id":"call_')
  expect(events.at(-1)).toMatchObject({ choices: [{ finish_reason: 'tool_calls' }] })
})

test('a completions stream is text choices and [DONE]', async () => {
  const text = await stream('/v1/completions', { model: 'sim/any?tokens=2&chunks=1', prompt: 'How are you?' })
  expect(jsonEventsOf(text)).toMatchObject([
    { object: 'text_completion', choices: [{ text: 'You ask ' }] },
    { choices: [{ text: '', finish_reason: 'stop' }] },
  ])
  expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
})

test('an Anthropic stream names each event, in order, thinking before text', async () => {
  const body = {
    model: 'sim/any?tokens=4&chunks=1&reasoning=2',
    max_tokens: 100,
    thinking: { type: 'adaptive' },
    messages: MESSAGES,
  }
  const text = await stream('/v1/messages', body)
  expect(eventsOf(text).map((event) => event.event)).toEqual([
    'message_start',
    'content_block_start',
    'ping',
    'content_block_delta',
    'content_block_delta',
    'content_block_stop',
    'content_block_start',
    'content_block_delta',
    'content_block_stop',
    'message_delta',
    'message_stop',
  ])
  const events = jsonEventsOf(text)
  expect(events[3]).toMatchObject({ index: 0, delta: { type: 'thinking_delta', thinking: 'You ask ' } })
  expect(events[4]).toMatchObject({ index: 0, delta: { type: 'signature_delta' } })
  expect(events[7]).toMatchObject({ index: 1, delta: { type: 'text_delta', text: 'You ask and the ' } })
  expect(events[9]).toMatchObject({
    delta: { stop_reason: 'end_turn' },
    usage: { input_tokens: 3, output_tokens: 6, output_tokens_details: { thinking_tokens: 2 } },
  })
})

test('a thinking block whose display is omitted is a signature without text', async () => {
  const thinking = { type: 'adaptive', display: 'omitted' }
  const body = { model: 'sim/any?reasoning=7&tokens=1', max_tokens: 100, thinking, messages: MESSAGES }
  const events = jsonEventsOf(await stream('/v1/messages', body))
  expect(events[3]).toMatchObject({ delta: { type: 'thinking_delta', thinking: '' } })
  expect(events[4]).toMatchObject({ delta: { type: 'signature_delta' } })
  expect(events.at(-2)).toMatchObject({ usage: { output_tokens: 8 } })
})

test('Anthropic tool arguments begin with an empty fragment and join to the input', async () => {
  const tools = [{ name: 'Bash', input_schema: { type: 'object' } }]
  const messages = [{ role: 'user', content: 'call tool Bash {"command":"echo hi"}' }]
  const events = jsonEventsOf(
    await stream('/v1/messages', { model: 'sim/any', max_tokens: 100, tools, messages }),
  )
  const fragments = events
    .map((event) => /"partial_json":("(?:[^"\\]|\\.)*")/.exec(JSON.stringify(event))?.[1])
    .filter((fragment) => fragment !== undefined)
    .map((fragment): string => JSON.parse(fragment))
  expect(fragments[0]).toBe('')
  expect(fragments.length).toBeGreaterThan(2)
  expect(fragments.join('')).toBe('{"command":"echo hi"}')
  expect(events.at(-2)).toMatchObject({ delta: { stop_reason: 'tool_use' } })
})

test('a Responses stream numbers its events and gives full items and usage at its end', async () => {
  const body = {
    model: 'sim/any?tokens=4&chunks=2&reasoning=3',
    input: 'How are you?',
    reasoning: { summary: 'auto' },
  }
  const text = await stream('/v1/responses', body)
  const events = jsonEventsOf(text)
  const types = eventsOf(text).map((event) => event.event)
  expect(events).toMatchObject(types.map((type, index) => ({ type, sequence_number: index })))
  expect(types).toEqual([
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.reasoning_summary_part.added',
    'response.reasoning_summary_text.delta',
    'response.reasoning_summary_text.done',
    'response.reasoning_summary_part.done',
    'response.output_item.done',
    'response.output_item.added',
    'response.content_part.added',
    'response.output_text.delta',
    'response.output_text.delta',
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.completed',
  ])
  const message = { type: 'message', content: [{ type: 'output_text', text: 'You ask and the ' }] }
  expect(events[14]).toMatchObject({ output_index: 1, item: message })
  expect(events[15]).toMatchObject({
    response: {
      status: 'completed',
      output: [{ type: 'reasoning' }, message],
      usage: {
        input_tokens: 3,
        output_tokens: 7,
        output_tokens_details: { reasoning_tokens: 3 },
        total_tokens: 10,
      },
    },
  })
})

test('a Responses stream calls a custom tool with plain text', async () => {
  const tools = [{ type: 'custom', name: 'apply_patch' }]
  const text = await stream('/v1/responses', { model: 'sim/any', input: 'call tool apply_patch', tools })
  expect(text).toContain('event: response.custom_tool_call_input.delta')
  expect(jsonEventsOf(text).at(-1)).toMatchObject({
    response: { output: [{ type: 'custom_tool_call', name: 'apply_patch', input: 'all you ask for' }] },
  })
})

test('an answer that the caller bounds says so in each dialect', async () => {
  const chat = await stream('/v1/chat/completions', {
    model: 'sim/any',
    messages: MESSAGES,
    max_completion_tokens: 5,
  })
  expect(chat).toContain('"finish_reason":"length"')
  expect(await stream('/v1/messages', { model: 'sim/any', messages: MESSAGES, max_tokens: 5 })).toContain(
    '"stop_reason":"max_tokens"',
  )
  const responses = await stream('/v1/responses', { model: 'sim/any', input: 'Hi', max_output_tokens: 5 })
  expect(jsonEventsOf(responses).at(-1)).toMatchObject({
    type: 'response.incomplete',
    response: { usage: { output_tokens: 5 }, incomplete_details: { reason: 'max_output_tokens' } },
  })
})

test('whole answers tell the same usage as streams', async () => {
  const model = 'sim/any?tokens=11&reasoning=3&cached=7&audio-in=2&audio-out=5&tier=priority'
  const call = { url: `${simulator.url}/v1/chat/completions` }
  const whole = await sendPlain({ ...call, body: { model, messages: MESSAGES } })
  const options = { stream: true, stream_options: { include_usage: true } }
  const streamed = await sendPlain({ ...call, body: { model, messages: MESSAGES, ...options } })
  const parsed: { usage: object; service_tier: string } = JSON.parse(whole.text)
  expect(parsed.service_tier).toBe('priority')
  expect(parsed.usage).toMatchObject({
    prompt_tokens: 12,
    completion_tokens: 19,
    total_tokens: 31,
    prompt_tokens_details: { cached_tokens: 7, audio_tokens: 2 },
    completion_tokens_details: { reasoning_tokens: 3, audio_tokens: 5 },
  })
  expect(jsonEventsOf(streamed.text).at(-1)).toMatchObject({ usage: parsed.usage })
})
