import { describe, expect, test } from 'vitest'
import { isSoundChatAnswer, isSoundMessage, isSoundResponse } from './sound-answer.ts'

const whole = (value: object): Buffer => Buffer.from(JSON.stringify(value))
const events = (...list: readonly object[]): Buffer =>
  Buffer.from(`${list.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')}data: [DONE]\n\n`)

/** Arguments of a tool call, and whether they are JSON. */
const ARGUMENTS = [
  ['', true],
  ['{}', true],
  ['{"city":"Graz"}', true],
  ['{"city":"Gr', false],
] as const

describe('chat completions', () => {
  const chat = (end: string | null, message: object = { content: 'Hi' }): Buffer =>
    whole({ choices: [{ index: 0, message, finish_reason: end }] })
  const tool = (text: string): object => ({
    tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: text } }],
  })

  test.each([
    ['stop', true],
    ['length', true],
    ['eos', true],
    ['content_filter', false],
    ['malformed_function_call', false],
    [null, false],
  ] as const)('an answer that ended by %s: %s', (end, sound) => {
    expect(isSoundChatAnswer(chat(end), false)).toBe(sound)
    const stream = events(
      { choices: [{ index: 0, delta: { content: 'Hi' }, finish_reason: null }] },
      { choices: [{ index: 0, delta: {}, finish_reason: end }] },
    )
    expect(isSoundChatAnswer(stream, true)).toBe(sound)
  })

  test.each(ARGUMENTS)('a tool call with the arguments %j: %s', (text, sound) => {
    expect(isSoundChatAnswer(chat('tool_calls', tool(text)), false)).toBe(sound)
    expect(isSoundChatAnswer(chat('function_call', { function_call: { arguments: text } }), false)).toBe(
      sound,
    )
  })

  test.each(ARGUMENTS)('a streamed tool call with the arguments %j: %s', (text, sound) => {
    const piece = (part: string) => ({
      choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: part } }] } }],
    })
    const end = { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] }
    expect(isSoundChatAnswer(events(piece(text.slice(0, 3)), piece(text.slice(3)), end), true)).toBe(sound)
  })

  test('arguments of several tools and choices are kept apart', () => {
    const call = (index: number, tool: number, part: string) => ({
      choices: [{ index, delta: { tool_calls: [{ index: tool, function: { arguments: part } }] } }],
    })
    const end = (index: number) => ({ choices: [{ index, delta: {}, finish_reason: 'tool_calls' }] })
    const mixed = [call(0, 0, '{"a"'), call(0, 1, '{}'), call(1, 0, '[1'), call(0, 0, ':1}'), call(1, 0, ']')]
    expect(isSoundChatAnswer(events(...mixed, end(0), end(1)), true)).toBe(true)
  })

  test('an answer that its token limit cut within a tool call is not sound, even if the pieces are JSON', () => {
    expect(isSoundChatAnswer(chat('length', tool('{}')), false)).toBe(false)
  })

  test('a stream with an event that cannot be read, or with half an event, is not sound', () => {
    const end = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
    expect(isSoundChatAnswer(Buffer.from(`: a comment\n\n${end}data: [DONE]\n\n`), true)).toBe(true)
    for (const bad of ['data: {"choices":[{"delta":{"cont\n\n', 'data: oops\n\n', 'data: 7\n\n'])
      expect(isSoundChatAnswer(Buffer.from(bad + end), true)).toBe(false)
    expect(isSoundChatAnswer(Buffer.from(`${end}data: {"cho`), true)).toBe(false)
  })

  test('one bad choice of several spoils the answer', () => {
    const choices = [{ finish_reason: 'stop' }, { index: 1, finish_reason: 'content_filter' }]
    expect(isSoundChatAnswer(whole({ choices }), false)).toBe(false)
  })

  test('what is no answer is not sound', () => {
    for (const body of ['', 'null', '[]', '{"choices":7}']) {
      expect(isSoundChatAnswer(Buffer.from(body), false)).toBe(false)
      expect(isSoundChatAnswer(Buffer.from(body), true)).toBe(false)
    }
  })
})

describe('messages', () => {
  test.each([
    ['end_turn', true],
    ['stop_sequence', true],
    ['max_tokens', true],
    ['tool_use', true],
    ['refusal', false],
    ['pause_turn', false],
    [null, false],
  ] as const)('a message that ended by %s: %s', (end, sound) => {
    expect(isSoundMessage(whole({ type: 'message', content: [], stop_reason: end }), false)).toBe(sound)
    const stream = events(
      { type: 'message_start', message: { stop_reason: null } },
      { type: 'message_delta', delta: { stop_reason: end } },
    )
    expect(isSoundMessage(stream, true)).toBe(sound)
  })

  test.each(ARGUMENTS)('a streamed tool call with the input %j: %s', (text, sound) => {
    const piece = (part: string) => ({
      type: 'content_block_delta',
      index: 1,
      delta: { type: 'input_json_delta', partial_json: part },
    })
    const stream = events(
      { type: 'content_block_start', index: 1, content_block: { type: 'tool_use', input: {} } },
      piece(text.slice(0, 3)),
      piece(text.slice(3)),
      { type: 'message_delta', delta: { stop_reason: 'tool_use' } },
    )
    expect(isSoundMessage(stream, true)).toBe(sound)
  })

  test('a message that its token limit cut within a tool call is not sound', () => {
    const content = [{ type: 'tool_use', input: {} }]
    expect(isSoundMessage(whole({ content, stop_reason: 'max_tokens' }), false)).toBe(false)
    const stream = events(
      { type: 'content_block_start', index: 0, content_block: { type: 'tool_use' } },
      { type: 'message_delta', delta: { stop_reason: 'max_tokens' } },
    )
    expect(isSoundMessage(stream, true)).toBe(false)
  })
})

describe('responses', () => {
  const response = (status: string, text = '{}') => ({
    status,
    output: [{ type: 'function_call', arguments: text }, { type: 'message' }],
  })

  test.each([
    ['completed', true],
    ['incomplete', false],
    ['in_progress', false],
    ['queued', false],
    ['failed', false],
  ])('a response that is %s: %s', (status, sound) => {
    expect(isSoundResponse(whole(response(status)), false)).toBe(sound)
    expect(isSoundResponse(events({ type: `response.${status}`, response: response(status) }), true)).toBe(
      sound,
    )
  })

  test.each(ARGUMENTS)('a tool call with the arguments %j: %s', (text, sound) => {
    expect(isSoundResponse(whole(response('completed', text)), false)).toBe(sound)
    const end = { type: 'response.completed', response: response('completed', text) }
    expect(isSoundResponse(events(end), true)).toBe(sound)
  })
})
