/** Nobody listens at the provider's address. */
import { describe, expect, test } from 'vitest'
import { ask, expectRefused, lineOf, MODES, type FailureWorld } from './world.ts'

export function refusedConnection(world: () => FailureWorld): void {
  describe('a refused connection', () => {
    test.for(MODES)('$name: is told as a 502 in the dialect, without the address', async (mode) => {
      world().route({})
      const answer = await ask(world(), mode, 'tokens=1', '-nobody')
      expectRefused(world(), mode.dialect, answer, 502, 'provider_unreachable')
      expect(answer.text).not.toContain('127.0.0.1')
      expect(lineOf(world(), answer)).toMatchObject({
        attempts: 1,
        error_class: 'APIConnectionError',
        cost: '0',
      })
    })

    test.for(MODES.slice(0, 1))('is tried again as often as configured', async (mode) => {
      world().route({ retries: 1 })
      const answer = await ask(world(), mode, 'tokens=1', '-nobody')
      expect(lineOf(world(), answer)).toMatchObject({ attempts: 2, ending: 'provider_unreachable' })
    })
  })
}
