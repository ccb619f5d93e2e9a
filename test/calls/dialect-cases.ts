/** The dialects as a test sees them: how to ask, and how the wire looks when all is well or when it is not. */
import { expect } from 'vitest'

export interface DialectCase {
  readonly name: 'chat' | 'completions' | 'responses' | 'messages' | 'embeddings' | 'count_tokens'
  readonly family: 'openai' | 'anthropic'
  readonly path: string
  /** Model of the configuration that speaks this dialect: `gpt` or `claude`. */
  readonly model: string
  /** A request whose last user text is `text`. */
  body(text: string, stream: boolean, model?: string): Record<string, unknown>
  /** What only a stream that ended well contains. */
  readonly lastEvent: string
  /** What the first content of the simulator's stream contains. */
  readonly content: string
}

const CHAT: DialectCase = {
  name: 'chat',
  family: 'openai',
  path: '/v1/chat/completions',
  model: 'gpt',
  body: (text, stream, model = 'gpt') => ({ model, stream, messages: [{ role: 'user', content: text }] }),
  lastEvent: '[DONE]',
  content: '"delta":{"content":',
}

const COMPLETIONS: DialectCase = {
  ...CHAT,
  name: 'completions',
  path: '/v1/completions',
  body: (text, stream, model = 'gpt') => ({ model, stream, prompt: text }),
  content: '"text":"',
}

const RESPONSES: DialectCase = {
  ...CHAT,
  name: 'responses',
  path: '/v1/responses',
  body: (text, stream, model = 'gpt') => ({ model, stream, input: text }),
  lastEvent: 'response.completed',
  content: 'event: response.output_text.delta',
}

const MESSAGES: DialectCase = {
  name: 'messages',
  family: 'anthropic',
  path: '/v1/messages',
  model: 'claude',
  body: (text, stream, model = 'claude') => ({
    model,
    stream,
    max_tokens: 1_000,
    messages: [{ role: 'user', content: text }],
  }),
  lastEvent: 'message_stop',
  content: 'event: content_block_delta',
}

export const DIALECT_CASES: readonly DialectCase[] = [CHAT, COMPLETIONS, RESPONSES, MESSAGES]

/** Dialects that have no streams. */
export const WHOLE_CASES: readonly DialectCase[] = [
  {
    ...CHAT,
    name: 'embeddings',
    path: '/v1/embeddings',
    body: (text, _stream, model = 'gpt') => ({ model, input: text }),
  },
  { ...MESSAGES, name: 'count_tokens', path: '/v1/messages/count_tokens' },
]

/** Fails unless the text is an error in the dialect's envelope. */
export function expectErrorEnvelope(dialect: DialectCase, text: string): { type: string; message: string } {
  const answer = JSON.parse(text) as { type?: string; error: Record<string, unknown> }
  expect(typeof answer.error['message']).toBe('string')
  expect(typeof answer.error['type']).toBe('string')
  if (dialect.family === 'anthropic') expect(answer.type).toBe('error')
  else expect(answer.error).toHaveProperty('code')
  return answer.error as { type: string; message: string }
}

/** Fails unless the stream ends with the dialect's own error event, and nowhere says that it ended well. */
export function expectStreamError(dialect: DialectCase, text: string): void {
  expect(text).not.toContain(dialect.lastEvent)
  const events = text.split('\n\n').filter((event) => event !== '')
  const last = events.at(-1) ?? ''
  const data = JSON.parse(last.slice(last.indexOf('data: ') + 6)) as Record<string, unknown>
  switch (dialect.name) {
    case 'messages':
      expect(last).toMatch(/^event: error\n/)
      expect(data).toMatchObject({
        type: 'error',
        error: { type: expect.any(String), message: expect.any(String) },
      })
      return
    case 'responses':
      expect(events.at(-2)).toMatch(/^event: error\n/)
      expect(last).toMatch(/^event: response\.failed\n/)
      expect(data).toMatchObject({ type: 'response.failed', response: { status: 'failed' } })
      return
    case 'chat':
    case 'completions':
    case 'embeddings':
    case 'count_tokens':
      expect(data).toMatchObject({ error: { type: expect.any(String), message: expect.any(String) } })
  }
}
