/** The provider's HTTP answer ends cleanly, but without its dialect's last event. */
import { describe, expect, test } from 'vitest'
import { expectStreamError } from '../dialect-cases.ts'
import { ask, expectRefused, lineOf, STREAMS, triesOf, WHOLES, type FailureWorld } from './world.ts'

export function cleanEnd(world: () => FailureWorld): void {
  describe('an answer that ends before its last event', () => {
    test.for(STREAMS)('$name: is no clean end for the client', async (mode) => {
      world().route({ retries: 2 })
      const answer = await ask(world(), mode, 'fault=fin@2')
      expectStreamError(mode.dialect, answer.text)
      expect(lineOf(world(), answer)).toMatchObject({ ending: 'provider_cut' })
      expect(triesOf(world(), answer)).toBe(1)
    })

    test.for(STREAMS)('$name: before any content is told as a 502', async (mode) => {
      world().route({})
      const answer = await ask(world(), mode, 'fault=fin@0')
      expectRefused(world(), mode.dialect, answer, 502, 'provider_cut')
    })

    test.for(STREAMS.filter(({ dialect }) => dialect.lastEvent === '[DONE]'))(
      '$name: is whole without [DONE] when a finish reason was told',
      async (mode) => {
        world().route({})
        const answer = await ask(world(), mode, 'fault=fin@last')
        expect(answer.text).toContain('"finish_reason":"stop"')
        expect(answer.text).not.toContain('"error"')
        expect(lineOf(world(), answer)).toMatchObject({ ending: 'complete', usage_source: 'provider' })
      },
    )

    test.for(STREAMS.filter(({ dialect }) => dialect.lastEvent !== '[DONE]'))(
      '$name: is broken when only the last event is missing',
      async (mode) => {
        world().route({})
        const answer = await ask(world(), mode, 'fault=fin@last')
        expectStreamError(mode.dialect, answer.text)
      },
    )

    test.for(WHOLES)('$name: a torn whole answer is told as a 502', async (mode) => {
      world().route({})
      const answer = await ask(world(), mode, 'fault=fin')
      expectRefused(world(), mode.dialect, answer, 502, 'provider_error')
    })
  })
}
