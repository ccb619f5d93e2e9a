/** A proxy between gateway and provider answers with a web page. */
import { describe, expect, test } from 'vitest'
import { ask, expectRefused, MODES, triesOf, type FailureWorld } from './world.ts'

export function htmlPage(world: () => FailureWorld): void {
  describe('an HTML page', () => {
    test.for(MODES)('$name: under a status of 200 is told as a 502 in the dialect', async (mode) => {
      world().route({})
      const answer = await ask(world(), mode, 'fault=html')
      expectRefused(world(), mode.dialect, answer, 502, 'provider_error')
      expect(answer.text).not.toContain('<html>')
    })

    test.for(MODES)('$name: under a status of 502 never reaches the client', async (mode) => {
      world().route({})
      const answer = await ask(world(), mode, 'fault=html502')
      expectRefused(world(), mode.dialect, answer, 502, 'provider_error')
      expect(answer.text).not.toContain('<html>')
    })

    test.for(MODES)('$name: is overcome by another try', async (mode) => {
      world().route({ retries: 1 })
      const answer = await ask(world(), mode, 'fault=html502 times=1')
      expect(answer.status).toBe(200)
      expect(triesOf(world(), answer)).toBe(2)
    })
  })
}
