/** The provider takes the request and resets the connection. */
import { describe, expect, test } from 'vitest'
import { ask, expectRefused, lineOf, MODES, triesOf, type FailureWorld } from './world.ts'

export function resetBeforeHeaders(world: () => FailureWorld): void {
  describe('a reset before any header', () => {
    test.for(MODES)('$name: is told as a 502 in the dialect', async (mode) => {
      world().route({})
      const answer = await ask(world(), mode, 'fault=reset')
      expectRefused(world(), mode.dialect, answer, 502, 'provider_unreachable')
      expect(triesOf(world(), answer)).toBe(1)
    })

    test.for(MODES)('$name: is overcome by another try', async (mode) => {
      world().route({ retries: 1 })
      const answer = await ask(world(), mode, 'fault=reset times=1')
      expect(answer.status).toBe(200)
      if (mode.stream) expect(answer.text).toContain(mode.dialect.lastEvent)
      expect(answer.headers['x-litellm-attempted-retries']).toBe('1')
      expect(lineOf(world(), answer)).toMatchObject({
        attempts: 2,
        ending: 'complete',
      })
    })
  })
}
