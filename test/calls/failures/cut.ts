/** The provider's connection breaks within its answer. */
import { describe, expect, test } from 'vitest'
import { expectStreamError } from '../dialect-cases.ts'
import { ask, expectRefused, lineOf, STREAMS, triesOf, WHOLES, type FailureWorld } from './world.ts'

export function cut(world: () => FailureWorld): void {
  describe('a connection cut within an answer', () => {
    test.for(STREAMS)('$name: ends as the error event after the content that came', async (mode) => {
      world().route({ retries: 2 })
      const answer = await ask(world(), mode, 'chunks=9 fault=cut@3')
      expect(answer.whole).toBe(true)
      expect(answer.text.split(mode.dialect.content)).toHaveLength(4)
      expectStreamError(mode.dialect, answer.text)
      expect(lineOf(world(), answer)).toMatchObject({ ending: 'provider_cut', usage_source: 'estimated' })
      expect(triesOf(world(), answer)).toBe(1)
    })

    test.for(STREAMS)('$name: ends as the error event when all content had come', async (mode) => {
      world().route({ retries: 2 })
      const answer = await ask(world(), mode, 'fault=cut@end')
      expectStreamError(mode.dialect, answer.text)
      expect(triesOf(world(), answer)).toBe(1)
    })

    test.for(STREAMS)('$name: before any content is told as a 502', async (mode) => {
      world().route({})
      const answer = await ask(world(), mode, 'fault=cut@0')
      expectRefused(world(), mode.dialect, answer, 502, 'provider_cut')
    })

    test.for(STREAMS)('$name: before any content is overcome by another try', async (mode) => {
      world().route({ retries: 1 })
      const answer = await ask(world(), mode, 'fault=cut@0 times=1')
      expect(answer.text).toContain(mode.dialect.lastEvent)
      expect(triesOf(world(), answer)).toBe(2)
    })

    test.for(WHOLES)('$name: within a whole answer is told as a 502', async (mode) => {
      world().route({})
      const answer = await ask(world(), mode, 'fault=cut')
      expectRefused(world(), mode.dialect, answer, 502, 'provider_cut')
    })
  })
}
