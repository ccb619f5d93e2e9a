/** The whole call takes longer than `timeout`, though the provider is never silent. */
import { describe, expect, test } from 'vitest'
import { expectStreamError } from '../dialect-cases.ts'
import { ask, expectRefused, lineOf, STREAMS, triesOf, WHOLES, type FailureWorld } from './world.ts'

export function totalTimeout(world: () => FailureWorld): void {
  describe('a call that takes longer than its timeout', () => {
    test.for(STREAMS)('$name: ends as the error event, however busy the stream', async (mode) => {
      world().route({ retries: 2 })
      const answer = await ask(world(), mode, 'chunks=100000 interval=10', '-hurried')
      expect(answer.status).toBe(200)
      expectStreamError(mode.dialect, answer.text)
      expect(answer.text).toContain('The time for this call has run out.')
      expect(lineOf(world(), answer)).toMatchObject({ ending: 'timeout', usage_source: 'estimated' })
    })

    test.for(WHOLES)('$name: is told as a 408, and not tried again', async (mode) => {
      world().route({ retries: 2 })
      const answer = await ask(world(), mode, 'latency=60000', '-hurried')
      expectRefused(world(), mode.dialect, answer, 408, 'timeout')
      expect(triesOf(world(), answer)).toBe(1)
    })
  })
}
