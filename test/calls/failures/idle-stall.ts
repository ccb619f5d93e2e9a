/** The provider falls silent within its answer. */
import { describe, expect, test } from 'vitest'
import { expectStreamError } from '../dialect-cases.ts'
import { ask, expectRefused, lineOf, STREAMS, triesOf, WHOLES, type FailureWorld } from './world.ts'

export function idleStall(world: () => FailureWorld): void {
  describe('silence within an answer', () => {
    test.for(STREAMS)('$name: ends as the error event after stream_idle_timeout', async (mode) => {
      world().route({ idleSeconds: 0.2, retries: 2 })
      const answer = await ask(world(), mode, 'fault=stall@2')
      expect(answer.status).toBe(200)
      expect(answer.text).toContain(mode.dialect.content)
      expectStreamError(mode.dialect, answer.text)
      expect(lineOf(world(), answer)).toMatchObject({ ending: 'timeout', attempts: 1 })
      expect(triesOf(world(), answer)).toBe(1)
    })

    test.for(WHOLES)('$name: is told as a 408', async (mode) => {
      world().route({ idleSeconds: 0.2 })
      const answer = await ask(world(), mode, 'fault=stall')
      expectRefused(world(), mode.dialect, answer, 408, 'timeout')
    })

    test.for(STREAMS.slice(0, 1))('does not end a stream that goes on', async (mode) => {
      world().route({ idleSeconds: 2 })
      const answer = await ask(world(), mode, 'chunks=4 interval=700')
      expect(answer.text).toContain(mode.dialect.lastEvent)
    })
  })
}
