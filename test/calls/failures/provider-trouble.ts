/** The provider answers with a status of its own trouble. */
import { describe, expect, test } from 'vitest'
import { ask, lineOf, MODES, triesOf, type FailureWorld } from './world.ts'

const CASES = MODES.flatMap((mode) =>
  [500, 503, 529].map((status) => ({ ...mode, status, name: `${mode.name}, ${status}` })),
)

export function providerTrouble(world: () => FailureWorld): void {
  describe('a status of 500 and more', () => {
    test.for(CASES)('$name: reaches the client with its status and body', async (mode) => {
      world().route({})
      const answer = await ask(world(), mode, `fault=${mode.status}`)
      expect(answer.status).toBe(mode.status)
      expect(answer.text).toContain(`The simulator was asked for status ${mode.status}.`)
      expect(lineOf(world(), answer)).toMatchObject({
        ending: 'provider_error',
        status: mode.status,
        cost: '0',
      })
      expect(triesOf(world(), answer)).toBe(1)
    })

    test.for(CASES.filter((mode) => mode.status === 503))(
      '$name: is overcome by another try',
      async (mode) => {
        world().route({ retries: 2 })
        const answer = await ask(world(), mode, `fault=${mode.status} times=1`)
        expect(answer.status).toBe(200)
        expect(triesOf(world(), answer)).toBe(2)
      },
    )
  })
}
