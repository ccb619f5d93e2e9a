/** One event of the provider's stream is broken JSON; the stream goes on. */
import { describe, expect, test } from 'vitest'
import { ask, expectRefused, lineOf, STREAMS, WHOLES, type FailureWorld } from './world.ts'

export function malformedEvent(world: () => FailureWorld): void {
  describe('a malformed event', () => {
    test.for(STREAMS)('$name: goes through, and what follows is relayed and paid', async (mode) => {
      world().route({})
      const answer = await ask(world(), mode, 'tokens=20 chunk-tokens=4 fault=malformed@2')
      expect(answer.text).toContain(mode.dialect.lastEvent)
      expect(answer.text.split(mode.dialect.content).length).toBeGreaterThanOrEqual(6)
      expect(lineOf(world(), answer)).toMatchObject({
        ending: 'complete',
        usage_source: 'provider',
        completion_tokens: 20,
      })
    })

    test.for(WHOLES)('$name: a whole answer of broken JSON is told as a 502', async (mode) => {
      world().route({})
      const answer = await ask(world(), mode, 'fault=malformed')
      expectRefused(world(), mode.dialect, answer, 502, 'provider_error')
    })
  })
}
