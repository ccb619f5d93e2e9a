/** What each dialect's tap sees in a stream, and what it lets through to the client. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { DialectName, StreamTap } from './dialect.ts'
import { DIALECTS, scanMembers } from './index.ts'
import { MAX_EVENT_BYTES } from './sse.ts'
import { NO_USAGE } from './usage.ts'

function open(name: DialectName, request: object = {}): StreamTap {
  const members = scanMembers(Buffer.from(JSON.stringify({ model: 'a', stream: true, ...request })))
  return DIALECTS[name].openStream(DIALECTS[name].readRequest(members, undefined))
}

/** One character a byte. */
function bytesOf(piece: string | Buffer): string {
  return Buffer.from(piece as string).toString('latin1')
}

/** Pushes the pieces, ends the stream, and gives what the client would have got. */
function run(tap: StreamTap, ...pieces: (string | Buffer)[]): string {
  const passed = pieces.map((piece) => tap.push(bytesOf(piece)))
  return Buffer.from([...passed, tap.end()].join(''), 'latin1').toString()
}

function data(value: unknown): string {
  return `data: ${JSON.stringify(value)}\n\n`
}

function chunk(
  delta: object | undefined,
  finish: string | null = null,
  more: object = {},
  index = 0,
): string {
  const choices = delta === undefined ? [] : [{ index, delta, finish_reason: finish }]
  return data({ id: 'c', object: 'chat.completion.chunk', model: 'gpt-x', choices, ...more })
}

function event(name: string, value: object = {}): string {
  return `event: ${name}\n${data({ type: name, ...value })}`
}

const USAGE_CHUNK = chunk(undefined, null, {
  usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
  service_tier: 'default',
})
const DONE = 'data: [DONE]\n\n'
const ASKS = { stream_options: { include_usage: true } }

describe('a stream of chat chunks', () => {
  const content =
    chunk({ role: 'assistant', content: '' }) + chunk({ content: 'Hel' }) + chunk({ content: 'lo' })
  const whole = content + chunk({}, 'stop') + USAGE_CHUNK + DONE

  test('is passed on unchanged to a client that asked for usage', () => {
    const tap = open('openai-chat', ASKS)
    expect(run(tap, whole)).toBe(whole)
    expect(tap.usage).toEqual({ ...NO_USAGE, inputTokens: 5, outputTokens: 2, serviceTier: 'standard' })
    expect(tap.responseModel).toBe('gpt-x')
    expect(tap.finished).toBe(true)
    expect(tap.outputBytes).toBe(5)
  })

  test('loses the chunk that only tells usage for a client that did not ask', () => {
    const tap = open('openai-chat')
    expect(run(tap, whole)).toBe(content + chunk({}, 'stop') + DONE)
    expect(tap.usage?.outputTokens).toBe(2)
  })

  test('keeps chunks without choices that are not about usage, and usage beside a choice', () => {
    const odd =
      chunk(undefined, null, { prompt_filter_results: [] }) + chunk({ content: 'a' }, null, { usage: null })
    const last = chunk({}, 'stop', { usage: { prompt_tokens: 1, completion_tokens: 1 } }) + DONE
    const tap = open('openai-chat')
    expect(run(tap, odd + last)).toBe(odd + last)
    expect(tap.usage).toEqual({ ...NO_USAGE, inputTokens: 1, outputTokens: 1 })
  })

  test('gives back at once what came in when it holds whole events', () => {
    const tap = open('openai-chat')
    for (const piece of [chunk({ content: 'a' }), chunk({ content: 'b' }) + chunk({ content: 'c' })])
      expect(tap.push(piece)).toBe(piece)
  })

  test('is passed on in whole events only, so that an error of the gateway can follow at any cut', () => {
    const tap = open('openai-chat')
    const piece = chunk({ content: 'a' })
    expect(tap.push(piece.slice(0, 20))).toBe('')
    expect(tap.push(piece.slice(20) + piece.slice(0, 9))).toBe(piece)
    expect(tap.end()).toBe('')
    expect(tap.finished).toBe(false)
  })

  test.each([
    ['a comment', ': OPENROUTER PROCESSING\n\n', false],
    ['a role', chunk({ role: 'assistant', content: '', refusal: null }), false],
    ['an empty list of tool calls', chunk({ tool_calls: [] }), false],
    ['text', chunk({ content: 'a' }), true],
    ['reasoning', chunk({ reasoning_content: 'a' }), true],
    [
      'a tool call',
      chunk({
        tool_calls: [{ index: 0, id: 'x', type: 'function', function: { name: 'f', arguments: '' } }],
      }),
      true,
    ],
    ['an end without text', chunk({}, 'content_filter'), true],
    ['DONE', DONE, true],
  ])('%s is content or not', (_what, piece, expected) => {
    const tap = open('openai-chat')
    tap.push(piece)
    expect(tap.contentSeen).toBe(expected)
  })

  test('counts text, reasoning and arguments as output, and neither role nor ids', () => {
    const tap = open('openai-chat')
    run(
      tap,
      chunk({ role: 'assistant', content: 'ab' }),
      chunk({ reasoning_content: 'cde' }),
      chunk({
        tool_calls: [
          { index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: '{"x":1}' } },
        ],
      }),
      chunk({ content: 'say "delta":{"content":"no"} \\' }),
    )
    expect(tap.outputBytes).toBe(2 + 3 + 1 + JSON.stringify('{"x":1}').length - 2 + 37)
  })

  describe('has ended', () => {
    test('with DONE', () => {
      const tap = open('openai-chat')
      tap.push(chunk({ content: 'a' }))
      expect(tap.finished).toBe(false)
      tap.push(DONE)
      expect(tap.finished).toBe(true)
    })

    test('with a finish reason on every choice asked for, where no DONE comes', () => {
      const tap = open('openai-chat', { n: 2 })
      tap.push(chunk({ content: 'a' }) + chunk({}, 'stop'))
      expect(tap.finished).toBe(false)
      tap.push(chunk({ content: 'b' }, null, {}, 1) + chunk({}, 'length', {}, 1))
      expect(tap.finished).toBe(true)
    })

    test('not with a finish reason beside content while more comes, but when the stream ends there', () => {
      const tap = open('openai-chat')
      tap.push(chunk({ content: 'a' }, 'stop'))
      expect(tap.finished).toBe(false)
      tap.end()
      expect(tap.finished).toBe(true)
    })

    test('with a last event that lacks its blank line, which is then added', () => {
      const tap = open('openai-chat')
      expect(run(tap, chunk({ content: 'a' }), 'data: [DONE]')).toBe(
        `${chunk({ content: 'a' })}data: [DONE]\n\n`,
      )
      expect(tap.finished).toBe(true)
    })

    test('not when it was cut, within an event or between two', () => {
      for (const cut of [chunk({ content: 'a' }), chunk({ content: 'a' }) + DONE.slice(0, 9), '']) {
        const tap = open('openai-chat')
        run(tap, cut)
        expect(tap.finished).toBe(false)
      }
    })
  })

  test.each([
    [{ message: 'slow', type: 'rate_limit_error', code: null }, 429],
    [{ message: 'gone', code: 502 }, 502],
    [{ message: 'busy', code: 'server_is_overloaded' }, 503],
    [{ message: 'long', type: 'invalid_request_error', code: 'context_length_exceeded' }, 400],
    [{ message: 'odd', code: 'what' }, 500],
    ['just text', 500],
  ])('that tells an error is not finished, and the error has a status: %j', (error, status) => {
    const tap = open('openai-chat')
    const text = data({ error })
    expect(run(tap, chunk({ content: 'a' }), text)).toBe(chunk({ content: 'a' }) + text)
    expect(tap.streamError).toMatchObject({
      status,
      message: typeof error === 'string' ? error : error.message,
    })
    expect(tap.finished).toBe(false)
  })

  test('with an error beside a choice is an error', () => {
    const tap = open('openai-chat')
    run(
      tap,
      chunk({ content: 'a' }),
      chunk({ content: '' }, 'error', { error: { code: 502, message: 'gone' } }),
    )
    expect(tap.streamError?.status).toBe(502)
  })

  test('with an event that is no JSON goes on', () => {
    const tap = open('openai-chat')
    const text = `${chunk({ content: 'a' })}data: {"broken\n\n${chunk({}, 'stop')}${DONE}`
    expect(run(tap, text)).toBe(text)
    expect(tap.finished).toBe(true)
  })

  test('with an event too large is given up with an error event, in bounded memory', () => {
    const tap = open('openai-chat')
    const first = tap.push(`${chunk({ content: 'a' })}data: `)
    const blank = 'x'.repeat(1024 * 1024)
    let last = ''
    for (let sent = 0; sent <= MAX_EVENT_BYTES; sent += blank.length) {
      last = tap.push(blank) || last
    }
    expect(first).toBe(chunk({ content: 'a' }))
    expect(last).toMatch(/^data: \{"error":.*16777216 bytes.*\n\n$/)
    expect(tap.streamError).toMatchObject({ status: 502 })
    expect(tap.push(blank)).toBe('')
    expect(tap.end()).toBe('')
  })
})

describe('a stream of legacy completions', () => {
  const piece = (text: string, finish: string | null = null) =>
    data({ id: 'c', model: 'gpt-x', choices: [{ index: 0, text, logprobs: null, finish_reason: finish }] })

  test('is read like chat', () => {
    const tap = open('openai-completions', { prompt: 'p' })
    expect(run(tap, piece('ab'), piece('c'), piece('', 'stop'), USAGE_CHUNK)).toBe(
      piece('ab') + piece('c') + piece('', 'stop'),
    )
    expect(tap.outputBytes).toBe(3)
    expect(tap.usage?.inputTokens).toBe(5)
    expect(tap.finished).toBe(true)
  })

  test('for a list of prompts is not taken as ended by the first finish reason', () => {
    const tap = open('openai-completions', { prompt: ['p', 'q'] })
    tap.push(piece('a') + piece('', 'stop'))
    expect(tap.finished).toBe(false)
    tap.push(DONE)
    expect(tap.finished).toBe(true)
  })
})

describe('a stream of Responses events', () => {
  const preamble =
    event('response.created', { response: { id: 'resp_1', model: 'gpt-x', instructions: 'long' } }) +
    event('response.in_progress', { response: { id: 'resp_1' } })
  const content =
    event('response.output_item.added', { output_index: 0, item: { type: 'message' } }) +
    event('response.output_text.delta', { delta: 'Hel' }) +
    event('response.function_call_arguments.delta', { delta: '{"a"' })
  const last = (name: string, more: object = {}) =>
    event(name, {
      sequence_number: 9,
      response: {
        model: 'gpt-x',
        service_tier: 'default',
        error: null,
        output: [{ type: 'web_search_call', action: { type: 'search' } }],
        usage: { input_tokens: 6, output_tokens: 3, total_tokens: 9 },
        ...more,
      },
    })
  const usage = {
    ...NO_USAGE,
    inputTokens: 6,
    outputTokens: 3,
    webSearchRequests: 1,
    serviceTier: 'standard',
  }

  test.each(['response.completed', 'response.incomplete'])('ends with %s, which tells usage', (name) => {
    const tap = open('openai-responses')
    const text = preamble + content + last(name)
    expect(run(tap, text)).toBe(text)
    expect(tap).toMatchObject({
      finished: true,
      usage,
      responseModel: 'gpt-x',
      contentSeen: true,
      outputBytes: 9,
    })
    expect(tap.streamError).toBeUndefined()
  })

  test('tells its usage also at the end of a long answer', () => {
    const tap = open('openai-responses')
    run(tap, last('response.completed', { output: [{ type: 'message', text: 'ü'.repeat(20_000) }] }))
    expect(tap).toMatchObject({ finished: true, usage: { ...usage, webSearchRequests: 0 } })
  })

  test('begins its content after the preamble', () => {
    const tap = open('openai-responses')
    tap.push(preamble)
    expect(tap.contentSeen).toBe(false)
    tap.push(content)
    expect(tap.contentSeen).toBe(true)
    expect(tap.finished).toBe(false)
  })

  test('that failed is an error with the usage it tells', () => {
    const tap = open('openai-responses')
    run(
      tap,
      preamble,
      last('response.failed', { error: { code: 'rate_limit_exceeded', message: 'slow down' } }),
    )
    expect(tap).toMatchObject({ usage, contentSeen: false })
    expect(tap.streamError).toEqual({ type: 'rate_limit_exceeded', message: 'slow down', status: 429 })
  })

  test.each([
    [{ code: 'server_error', message: 'no', param: null }, 'server_error', 500],
    [
      { error: { type: 'invalid_request_error', code: 'context_length_exceeded', message: 'no' } },
      'context_length_exceeded',
      400,
    ],
  ])('with an error event is an error: %j', (value, type, status) => {
    const tap = open('openai-responses')
    run(tap, preamble, event('error', value))
    expect(tap.streamError).toEqual({ type, message: 'no', status })
    expect(tap.finished).toBe(false)
  })

  test('is read by the type in the data where the event has no name', () => {
    const tap = open('openai-responses')
    run(tap, (preamble + content + last('response.completed')).replaceAll(/^event: .*\n/gm, ''))
    expect(tap).toMatchObject({ finished: true, usage, outputBytes: 9 })
  })
})

describe('a stream of Anthropic events', () => {
  const start = event('message_start', {
    message: {
      model: 'claude-x',
      content: [],
      usage: { input_tokens: 10, cache_read_input_tokens: 90, output_tokens: 1 },
    },
  })
  const ping = event('ping')
  const block = event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } })
  const delta = (value: object) => event('content_block_delta', { index: 0, delta: value })
  const end = (usage: object) =>
    event('message_delta', { delta: { stop_reason: 'end_turn' }, usage }) + event('message_stop')

  test('tells usage twice, and the later figure replaces the earlier one', () => {
    const tap = open('anthropic-messages')
    const text =
      start + ping + block + delta({ type: 'text_delta', text: 'Hello' }) + end({ output_tokens: 7 })
    expect(run(tap, text)).toBe(text)
    expect(tap.usage).toEqual({ ...NO_USAGE, inputTokens: 10, cacheReadTokens: 90, outputTokens: 7 })
    expect(tap).toMatchObject({ finished: true, responseModel: 'claude-x', outputBytes: 5 })
  })

  test('is never added up: the last figure that is not null holds', () => {
    const tap = open('anthropic-messages')
    run(
      tap,
      start,
      end({
        input_tokens: 4,
        cache_read_input_tokens: null,
        cache_creation_input_tokens: 3,
        output_tokens: 7,
      }),
    )
    expect(tap.usage).toEqual({
      ...NO_USAGE,
      inputTokens: 4,
      cacheReadTokens: 90,
      cacheWrite5mTokens: 3,
      outputTokens: 7,
    })
  })

  test('tells its input before any output, for a stream that breaks off', () => {
    const tap = open('anthropic-messages')
    run(tap, start, block)
    expect(tap.usage).toEqual({ ...NO_USAGE, inputTokens: 10, cacheReadTokens: 90, outputTokens: 1 })
    expect(tap).toMatchObject({ finished: false, contentSeen: false })
  })

  test.each([
    ['an empty thinking block', { content_block: { type: 'thinking', thinking: '', signature: '' } }, false],
    ['a tool call', { content_block: { type: 'tool_use', id: 't', name: 'f', input: {} } }, true],
    ['redacted thinking', { content_block: { type: 'redacted_thinking', data: 'x' } }, true],
  ])('begins its content with %s or not', (_what, value, expected) => {
    const tap = open('anthropic-messages')
    tap.push(start + ping + event('content_block_start', { index: 0, ...value }))
    expect(tap.contentSeen).toBe(expected)
  })

  test('counts text, thinking and tool input as output, and no signature', () => {
    const tap = open('anthropic-messages')
    run(
      tap,
      delta({ type: 'text_delta', text: 'ab' }),
      delta({ type: 'thinking_delta', thinking: 'cde' }),
      delta({ type: 'input_json_delta', partial_json: '' }),
      delta({ type: 'input_json_delta', partial_json: '{x' }),
      delta({ type: 'signature_delta', signature: 'long' }),
    )
    expect(tap.outputBytes).toBe(7)
  })

  test.each([
    ['overloaded_error', 529],
    ['rate_limit_error', 429],
    ['api_error', 500],
    ['invalid_request_error', 400],
    ['new_error', 500],
  ])('with an error event is an error: %s is %i', (type, status) => {
    const tap = open('anthropic-messages')
    const text = start + event('error', { error: { type, message: 'no' } })
    expect(run(tap, text)).toBe(text)
    expect(tap.streamError).toEqual({ type, message: 'no', status })
    expect(tap.finished).toBe(false)
  })

  test('with events that are not known yet passes them on', () => {
    const tap = open('anthropic-messages')
    const text = start + event('brand_new', { x: 1 }) + end({ output_tokens: 1 })
    expect(run(tap, text)).toBe(text)
    expect(tap.finished).toBe(true)
  })
})

const SAMPLES: [DialectName, object, string][] = [
  [
    'openai-chat',
    {},
    chunk({ role: 'assistant' }) +
      ': comment\n\n' +
      chunk({ content: 'grün 🎈' }) +
      chunk({ tool_calls: [{ index: 0, function: { arguments: '{"a":1}' } }] }).replaceAll('\n', '\r\n') +
      chunk({}, 'tool_calls') +
      USAGE_CHUNK +
      DONE,
  ],
  [
    'openai-responses',
    {},
    event('response.created', { response: { model: 'x' } }) +
      event('response.output_text.delta', { delta: 'grün' }) +
      event('response.completed', { response: { model: 'x', usage: { input_tokens: 1, output_tokens: 2 } } }),
  ],
  [
    'anthropic-messages',
    {},
    event('message_start', {
      message: { model: 'x', usage: { input_tokens: 1, output_tokens: 1 } },
    }).replaceAll('\n', '\r\n') +
      event('content_block_delta', { delta: { type: 'text_delta', text: '🎈' } }) +
      event('message_delta', { usage: { output_tokens: 5 } }) +
      event('message_stop'),
  ],
]

test.each(SAMPLES)(
  'any cutting of a stream of %s gives the same bytes and the same facts',
  (name, request, text) => {
    const bytes = Buffer.from(text)
    const facts = (tap: StreamTap) => ({
      usage: tap.usage,
      model: tap.responseModel,
      finished: tap.finished,
      outputBytes: tap.outputBytes,
      contentSeen: tap.contentSeen,
      error: tap.streamError,
    })
    const whole = open(name, request)
    const passed = run(whole, bytes)
    expect(facts(whole)).toMatchObject({ finished: true, contentSeen: true, model: expect.any(String) })
    fc.assert(
      fc.property(fc.array(fc.nat({ max: bytes.length }), { maxLength: 12 }), (cuts) => {
        const places = [0, ...cuts, bytes.length].toSorted((a, b) => a - b)
        const tap = open(name, request)
        const out = run(tap, ...places.slice(1).map((end, i) => bytes.subarray(places[i], end)))
        expect(out).toBe(passed)
        expect(facts(tap)).toEqual(facts(whole))
      }),
      { numRuns: 500 },
    )
  },
)

describe('why a stream ended', () => {
  test.each<[DialectName, string, string]>([
    ['openai-chat', 'data: {"choices":[{"delta":{},"finish_reason":"length"}]}\n\n', 'length'],
    ['openai-completions', 'data: {"choices":[{"text":"a","finish_reason":"stop"}]}\n\n', 'stop'],
    [
      'anthropic-messages',
      'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":1}}\n\n',
      'tool_use',
    ],
    [
      'openai-responses',
      'event: response.completed\ndata: {"type":"response.completed","response":{"status":"completed"}}\n\n',
      'completed',
    ],
  ])('is what %s says in its last events', (name, events, reason) => {
    const tap = open(name)
    tap.push(events)
    expect(tap.finishReason).toBe(reason)
  })
})
