/** The provider sends its dialect's error event within a stream, or an error under a status of 200. */
import { describe, expect, test } from 'vitest'
import { send, ClientCall } from '../client-call.ts'
import { expectStreamError } from '../dialect-cases.ts'
import { ask, expectRefused, lineOf, STREAMS, triesOf, WHOLES, type FailureWorld } from './world.ts'

export function errorEvent(world: () => FailureWorld): void {
  describe('an error event', () => {
    test.for(STREAMS)(
      "$name: after content reaches the client in the provider's words, once",
      async (mode) => {
        world().route({ retries: 2 })
        const answer = await ask(world(), mode, 'fault=error@2')
        expect(answer.text).toContain('Overloaded')
        expect(answer.text).not.toContain(mode.dialect.lastEvent)
        expect(answer.text.split('"error":{').length + answer.text.split('event: error').length).toBeLessThan(
          5,
        )
        if (mode.dialect.name !== 'responses') expectStreamError(mode.dialect, answer.text)
        expect(lineOf(world(), answer)).toMatchObject({ ending: 'provider_error', attempts: 1 })
        expect(triesOf(world(), answer)).toBe(1)
      },
    )

    test.for(STREAMS)('$name: before content is told with the status that fits it', async (mode) => {
      world().route({})
      const answer = await ask(world(), mode, 'fault=error@0')
      // OpenAI's event carries no status: `server_error` is a 500.
      const status = mode.dialect.family === 'anthropic' ? 529 : 500
      expect(answer.status).toBe(status)
      expect(answer.headers['content-type']).toMatch(/^application\/json/)
      expect(answer.text).toContain('Overloaded')
    })

    test.for(STREAMS)('$name: before content is overcome by another try', async (mode) => {
      world().route({ retries: 1 })
      const answer = await ask(world(), mode, 'fault=error@0 times=1')
      expect(answer.text).toContain(mode.dialect.lastEvent)
      expect(triesOf(world(), answer)).toBe(2)
    })

    test.for(WHOLES)('$name: an error under a status of 200 is told as a 502', async (mode) => {
      world().route({})
      const answer = await ask(world(), mode, 'fault=error')
      expectRefused(world(), mode.dialect, answer, 502, 'provider_error')
    })

    test("an error event reaches the client in the provider's words although the connection is cut after it", async () => {
      world().route({})
      const call = new ClientCall(`${world().gateway.url}/v1/chat/completions`, {
        body: { model: 'gpt-scripted', stream: true, messages: [] },
      })
      const exchange = await world().provider.next()
      exchange.stream('data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n')
      await call.until((text) => text.includes('Hi'))
      await exchange.write('data: {"error":{"message":"the farm burns","type":"server_error"}}\n\n')
      exchange.cut()
      const answer = await call.ended
      expect(answer.text).toContain('the farm burns')
      expect(answer.text.split('"error"')).toHaveLength(2)
    })

    test('a stream whose connection is cut after its last event is whole', async () => {
      world().route({})
      const call = send(`${world().gateway.url}/v1/messages`, {
        body: { model: 'claude-scripted', stream: true, max_tokens: 9, messages: [] },
      })
      const exchange = await world().provider.next()
      exchange.stream(WHOLE_MESSAGE)
      await exchange.write('')
      exchange.cut()
      const answer = await call
      expect(answer.text).toBe(WHOLE_MESSAGE)
      expect(lineOf(world(), answer)).toMatchObject({ ending: 'complete', completion_tokens: 1 })
    })
  })
}

const WHOLE_MESSAGE = [
  { type: 'message_start', message: { model: 'm', usage: { input_tokens: 3, output_tokens: 1 } } },
  { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
  { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hi' } },
  { type: 'content_block_stop', index: 0 },
  { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 1 } },
  { type: 'message_stop' },
]
  .map((data) => `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`)
  .join('')
