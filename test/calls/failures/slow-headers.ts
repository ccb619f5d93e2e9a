/** The provider drips header lines and does not come to an end of them. */
import { describe, expect, test } from 'vitest'
import { ask, expectRefused, lineOf, MODES, type FailureWorld } from './world.ts'

export function slowHeaders(world: () => FailureWorld): void {
  describe('headers that do not come to an end', () => {
    test.for(MODES)('$name: end with the time-out as a 408 in the dialect', async (mode) => {
      world().route({})
      const answer = await ask(world(), mode, 'fault=slow-headers', '-hurried')
      expectRefused(world(), mode.dialect, answer, 408, 'timeout')
      expect(lineOf(world(), answer)).toMatchObject({ error_class: 'Timeout', attempts: 1 })
    })
  })
}
