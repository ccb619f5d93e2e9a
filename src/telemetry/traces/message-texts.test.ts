/** Prompts and answers of every dialect, as messages. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { plainText, readMessageTexts, type MessageTexts } from './message-texts.ts'

function read(request: unknown, answer?: unknown): MessageTexts {
  const bytes = (value: unknown): Buffer =>
    Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
  return readMessageTexts(
    { request: bytes(request), answer: answer === undefined ? undefined : bytes(answer) },
    (text) => text.replaceAll('secret', '***'),
  )
}

const user = (content: string): unknown => ({ role: 'user', parts: [{ type: 'text', content }] })
const assistant = (content: string): unknown => ({ role: 'assistant', parts: [{ type: 'text', content }] })

describe('a request', () => {
  test.each([
    ['chat', { messages: [{ role: 'user', content: 'a' }] }, [user('a')]],
    [
      'chat with parts and an image',
      {
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'a' },
              { type: 'image_url', image_url: {} },
            ],
          },
        ],
      },
      [
        {
          role: 'user',
          parts: [
            { type: 'text', content: 'a' },
            { type: 'text', content: '(image_url)' },
          ],
        },
      ],
    ],
    [
      'Messages with a system prompt and a tool result',
      {
        system: 's',
        messages: [{ role: 'user', content: [{ type: 'tool_result', content: 'r' }] }],
      },
      [
        { role: 'system', parts: [{ type: 'text', content: 's' }] },
        { role: 'user', parts: [{ type: 'tool_call_response', response: 'r' }] },
      ],
    ],
    [
      'Responses of one text',
      { input: 'a', instructions: 'i' },
      [{ role: 'system', parts: [{ type: 'text', content: 'i' }] }, user('a')],
    ],
    [
      'Responses of items',
      {
        input: [
          { type: 'message', role: 'user', content: 'a' },
          { type: 'function_call_output', output: 'o' },
        ],
      },
      [user('a'), { role: 'user', parts: [{ type: 'tool_call_response', response: 'o' }] }],
    ],
    ['completions', { prompt: 'a' }, [user('a')]],
    [
      'embeddings of several texts',
      { input: ['a', 'b'] },
      [
        {
          role: 'user',
          parts: [
            { type: 'text', content: 'a' },
            { type: 'text', content: 'b' },
          ],
        },
      ],
    ],
  ])('of %s is read', (_, request, expected) => {
    expect(read(request).input).toEqual(expected)
  })

  test('tells its parameters, and no messages or names among them', () => {
    expect(
      read({ model: 'm', user: 'u', temperature: 0, stream: true, messages: [], input: 'a' }).parameters,
    ).toEqual({
      temperature: 0,
      stream: true,
    })
  })
})

describe('an answer', () => {
  test.each([
    ['chat', { choices: [{ message: { role: 'assistant', content: 'b' } }] }, [assistant('b')]],
    ['completions', { choices: [{ text: 'b' }] }, [assistant('b')]],
    [
      'a tool call of chat',
      {
        choices: [
          {
            message: {
              content: null,
              tool_calls: [{ type: 'function', function: { name: 'f', arguments: '{}' } }],
            },
          },
        ],
      },
      [{ role: 'assistant', parts: [{ type: 'tool_call', name: 'f', arguments: '{}' }] }],
    ],
    [
      'Messages',
      {
        content: [
          { type: 'thinking', thinking: 't' },
          { type: 'text', text: 'b' },
          { type: 'tool_use', name: 'f', input: { a: 1 } },
        ],
      },
      [
        {
          role: 'assistant',
          parts: [
            { type: 'reasoning', content: 't' },
            { type: 'text', content: 'b' },
            { type: 'tool_call', name: 'f', arguments: '{"a":1}' },
          ],
        },
      ],
    ],
    [
      'Responses',
      { output: [{ type: 'message', content: [{ type: 'output_text', text: 'b' }] }] },
      [assistant('b')],
    ],
    [
      'a stream of chat',
      'data: {"choices":[{"delta":{"content":"b"}}]}\n\ndata: {"choices":[{"delta":{"content":"c"}}]}\n\ndata: [DONE]\n\n',
      [assistant('bc')],
    ],
    [
      'a stream of Responses',
      'event: response.completed\ndata: {"type":"response.completed","response":{"output":[{"type":"message","content":[{"type":"output_text","text":"b"}]}]}}\n\n',
      [assistant('b')],
    ],
    ['embeddings', { data: [{ embedding: [1] }] }, []],
  ])('of %s is read', (_, answer, expected) => {
    expect(read({}, answer).output).toEqual(expected)
  })
})

test('secrets are taken out of all texts', () => {
  const texts = read(
    { messages: [{ role: 'user', content: 'my secret' }] },
    { content: [{ type: 'tool_use', name: 'f', input: { a: 'secret' } }] },
  )
  expect(JSON.stringify(texts)).not.toContain('secret')
  expect(plainText(texts.input)).toBe('my ***')
})

test('a body that is too large is not read', () => {
  const { input } = read({ messages: [{ role: 'user', content: 'a'.repeat(300_000) }] })
  expect(plainText(input)).toMatch(/^\(3000\d\d bytes that are not shown\)$/)
})

test('whatever JSON comes, nothing is thrown', () => {
  fc.assert(
    fc.property(
      fc.jsonValue(),
      fc.jsonValue(),
      fc.constantFrom('messages', 'input', 'system'),
      (one, other, name) => {
        read({ [name]: one, messages: [one] }, { choices: [one], content: other, output: [other] })
        read(one, other)
      },
    ),
  )
})
