/** The provider begins a stream and then thinks for longer than `stream_timeout`. */
import { describe, expect, test } from 'vitest'
import { ask, expectRefused, lineOf, STREAMS, triesOf, WHOLES, type FailureWorld } from './world.ts'

export function firstContentTimeout(world: () => FailureWorld): void {
  describe('no content within stream_timeout', () => {
    test.for(STREAMS)('$name: is told as a 408, no stream having begun', async (mode) => {
      world().route({})
      const answer = await ask(world(), mode, 'ttft=60000', '-first')
      expectRefused(world(), mode.dialect, answer, 408, 'timeout')
    })

    test.for(STREAMS.slice(0, 1))('is tried again', async (mode) => {
      world().route({ retries: 1 })
      const answer = await ask(world(), mode, 'ttft=60000', '-first')
      expect(answer.status).toBe(408)
      expect(triesOf(world(), answer)).toBe(2)
    })

    test.for(WHOLES)('$name: does not bound a whole answer', async (mode) => {
      world().route({})
      const answer = await ask(world(), mode, 'latency=500', '-first')
      expect(answer.status).toBe(200)
      expect(lineOf(world(), answer)).toMatchObject({ attempts: 1 })
    })

    test.for(STREAMS)('$name: does not bound a stream whose content has begun', async (mode) => {
      world().route({})
      const answer = await ask(world(), mode, 'chunks=6 interval=100', '-first')
      expect(answer.status).toBe(200)
      expect(answer.text).toContain(mode.dialect.lastEvent)
    })
  })
}
