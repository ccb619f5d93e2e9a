import fc from 'fast-check'
import { expect, test } from 'vitest'
import { callEnd, callStart } from '../../test/ledger/calls.ts'
import { readContent } from './call-content.ts'
import type { ContentTexts } from './call-row.ts'
import { WaitingContents } from './waiting-contents.ts'

const LIMITS = {
  maxTextLength: 1000,
  redact: (text: string) => text.replaceAll('canary-secret', '[redacted]'),
}

function kept(request: Buffer | undefined, response?: Buffer): { request: unknown; response: unknown } {
  const { content } = readWhole(request, response)
  const parse = (text: string | undefined): unknown => (text === undefined ? undefined : JSON.parse(text))
  return { request: parse(content.request), response: parse(content.response) }
}

function readWhole(
  requestBody: Buffer | undefined,
  responseBody?: Buffer,
): { content: ContentTexts; steps: number } {
  const reading = readContent({ requestBody, responseBody, bytes: 0 }, LIMITS)
  for (let steps = 0; ; steps += 1) {
    const step = reading.next()
    if (step.done === true) return { content: step.value, steps }
  }
}

function body(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value))
}

test('nothing is kept of a call whose bodies are not handed over', () => {
  expect(new WaitingContents(1000, LIMITS).take(callEnd(callStart()))).toBeUndefined()
})

test('bodies wait up to a limit of bytes; beyond it they are dropped and counted, until others are released', () => {
  const waiting = new WaitingContents(100, LIMITS)
  const end = callEnd(callStart(), { requestBody: Buffer.alloc(40), responseBody: Buffer.alloc(20) })
  const first = waiting.take(end)!
  expect(first.bytes).toBe(60)
  expect(waiting.take(end)).toBeUndefined()
  expect(waiting.dropped).toBe(1)
  waiting.release(first)
  expect(waiting.take(end)).toBeDefined()
  expect(waiting.dropped).toBe(1)
})

test('a large body is read in steps: one for each event, and one for each text', () => {
  const event = `data: ${JSON.stringify({ choices: [{ delta: { content: 'x' } }] })}\n\n`
  expect(readWhole(undefined, Buffer.from(event.repeat(1000))).steps).toBeGreaterThan(1000)
  expect(readWhole(body({ messages: Array.from({ length: 1000 }, () => 'text') })).steps).toBeGreaterThan(
    1000,
  )
})

test('short bodies are kept as they are', () => {
  const request = { model: 'fast', messages: [{ role: 'user', content: 'Hi' }], n: 1, stop: null, flag: true }
  expect(kept(body(request), body({ id: 'x' }))).toEqual({ request, response: { id: 'x' } })
})

test('a long text keeps its beginning and its end, and says how much is missing', () => {
  const text = 'a '.repeat(250) + 'b '.repeat(2000) + 'c '.repeat(400)
  const { request } = kept(body({ content: text }))
  const marked = `${'a '.repeat(175)}... (litellm_truncated 4300 chars) ...${'c '.repeat(325)}`
  expect(request).toEqual({ content: marked })
})

test('base64 data is replaced, in data URLs too', () => {
  const data = Buffer.alloc(3000, 7).toString('base64')
  const { request } = kept(body({ a: data, b: `data:image/png;base64,${data}` }))
  expect(request).toEqual({
    a: `... (base64 data, ${data.length} characters) ...`,
    b: `... (base64 data, ${data.length + 22} characters) ...`,
  })
})

test('a secret is taken out of every text, name and answer, also where a long text is cut', () => {
  fc.assert(
    fc.property(fc.nat(1500), fc.nat(1500), (before, after) => {
      const text = `${'x '.repeat(before)}canary-secret sk-canarycanarycanary${' y'.repeat(after)}`
      const json = JSON.stringify(
        kept(
          body({ [`k canary-secret`]: [text] }),
          Buffer.from(`data: ${JSON.stringify({ choices: [{ delta: { content: text } }] })}\n\n`),
        ),
      )
      expect(json).not.toMatch(/canary/)
    }),
  )
})

test('a member that is named as a secret is one, whatever its text looks like', () => {
  const tools = [{ headers: { Authorization: 'plain', 'x-api-key': 'plain' }, client_secret: 'plain' }]
  expect(kept(body({ model: 'gpt', api_key: 'plain', tools, token: 'word', secret: 1 })).request).toEqual({
    model: 'gpt',
    api_key: '[redacted]',
    tools: [
      { headers: { Authorization: '[redacted]', 'x-api-key': '[redacted]' }, client_secret: '[redacted]' },
    ],
    token: 'word',
    secret: 1,
  })
})

test('an answer that is neither JSON nor a stream is kept as text', () => {
  expect(kept(undefined, Buffer.from('<html>Bad gateway</html>')).response).toBe('<html>Bad gateway</html>')
})

test('a body too large to read is named by its size', () => {
  expect(kept(Buffer.alloc(5 * 1024 * 1024, 32)).request).toEqual({ omitted: '5242880 bytes' })
})

test('ten thousand levels of nesting are cut off', () => {
  const json = JSON.stringify(kept(Buffer.from('['.repeat(10_000) + ']'.repeat(10_000))).request)
  expect(json).toContain('nested too deeply')
  expect(json.length).toBeLessThan(200)
})

test('what PostgreSQL refuses in text is left out', () => {
  const { request } = kept(Buffer.from('{"a\\u0000b":"c\\u0000d\\ud800e"}'))
  expect(request).toEqual({ ab: 'cd\ufffde' })
})

test('a chat stream is put together', () => {
  const stream = [
    'data: {"choices":[{"delta":{"role":"assistant","content":"Hel"}}]}',
    'data: {"choices":[{"delta":{"content":"lo"}}]}',
    'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\\"a\\""}}]}}]}',
    'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]}',
    'data: {"choices":[],"usage":{"total_tokens":3}}',
    'data: [DONE]',
  ]
  expect(kept(undefined, Buffer.from(stream.join('\n\n'))).response).toEqual({
    text: 'Hello',
    reasoning: '',
    toolArguments: '{"a":1}',
    lastEvent: { choices: [], usage: { total_tokens: 3 } },
  })
})

test('a messages stream is put together', () => {
  const stream = [
    'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"Hm"}}',
    'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"Hi"}}',
    'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}',
    'event: message_stop\ndata: {"type":"message_stop"}',
  ]
  expect(kept(undefined, Buffer.from(stream.join('\r\n\r\n'))).response).toMatchObject({
    text: 'Hi',
    reasoning: 'Hm',
    lastEvent: { type: 'message_delta' },
  })
})

test('a responses stream gives its whole response', () => {
  const stream = [
    'data: {"type":"response.output_text.delta","delta":"Hi"}',
    'data: {"type":"response.completed","response":{"id":"r","output":[]}}',
  ]
  expect(kept(undefined, Buffer.from(stream.join('\n\n'))).response).toEqual({ id: 'r', output: [] })
})

test('a stream that was cut gives what had come', () => {
  const stream = 'data: {"choices":[{"delta":{"content":"Hel"}}]}\n\ndata: {"choices":[{"del'
  expect(kept(undefined, Buffer.from(stream)).response).toMatchObject({ text: 'Hel' })
})
