/** The provider answers with a redirect, which would carry the credential elsewhere. */
import { describe, expect, test } from 'vitest'
import { send } from '../client-call.ts'
import { expectRefused, MODES, type FailureWorld } from './world.ts'

const CASES = MODES.flatMap((mode) =>
  [301, 307].map((status) => ({ ...mode, status, name: `${mode.name}, ${status}` })),
)

export function redirect(world: () => FailureWorld): void {
  describe('a redirect', () => {
    test.for(CASES)('$name: is not followed, and is told as a 502', async ({ dialect, stream, status }) => {
      world().route({ retries: 2 })
      const body = dialect.body('Hello', stream, `${dialect.model}-scripted`)
      const before = world().provider.received
      const call = send(world().gateway.url + dialect.path, { body })
      const exchange = await world().provider.next()
      exchange.answer(status, { location: `${world().provider.url}/v1/elsewhere` }, '')
      expectRefused(world(), dialect, await call, 502, 'provider_error')
      expect(world().provider.received).toBe(before + 1)
    })
  })
}
