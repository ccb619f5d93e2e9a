/** The provider answers 429. */
import { describe, expect, test } from 'vitest'
import { send } from '../client-call.ts'
import { ask, lineOf, MODES, triesOf, type FailureWorld } from './world.ts'

/** The wait is the same in all dialects; it is real time. */
const WAITING = MODES.filter(({ name }) => name === 'chat' || name === 'messages streamed')

export function rateLimited(world: () => FailureWorld): void {
  describe('a rate limit of the provider', () => {
    test.for(WAITING)('$name: is waited for as retry-after says, then the call succeeds', async (mode) => {
      world().route({ retries: 1 })
      const answer = await ask(world(), mode, 'fault=429 retry-after=1 times=1')
      expect(answer.status).toBe(200)
      expect(triesOf(world(), answer)).toBe(2)
      expect(lineOf(world(), answer)['duration_ms']).toBeGreaterThanOrEqual(999)
    })

    test.for(MODES)('$name: without retry-after is backed off from', async (mode) => {
      world().route({ retries: 1 })
      const answer = await ask(world(), mode, 'fault=429 retry-after=off times=1')
      expect(answer.status).toBe(200)
      expect(triesOf(world(), answer)).toBe(2)
    })

    test.for(MODES)("$name: that lasts reaches the client with the provider's retry-after", async (mode) => {
      world().route({})
      const answer = await ask(world(), mode, 'fault=429 retry-after=7')
      expect(answer.status).toBe(429)
      expect(answer.headers['retry-after']).toBe('7')
      expect(answer.text).toContain('The simulator was asked for status 429.')
      expect(lineOf(world(), answer)).toMatchObject({
        ending: 'provider_error',
        error_class: 'RateLimitError',
      })
    })

    test('with a wait of more than a minute is left to the client', async () => {
      world().route({ retries: 2 })
      const call = send(`${world().gateway.url}/v1/chat/completions`, {
        body: { model: 'gpt-scripted', messages: [] },
      })
      const before = world().provider.received
      const exchange = await world().provider.next()
      exchange.json(429, { error: { message: 'later', type: 'requests' } }, { 'retry-after': '120' })
      const answer = await call
      expect(answer.status).toBe(429)
      expect(world().provider.received).toBeLessThanOrEqual(before + 1)
      expect(lineOf(world(), answer)).toMatchObject({ attempts: 1 })
    })
  })
}
