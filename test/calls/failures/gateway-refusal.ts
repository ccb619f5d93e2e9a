/** The gateway itself refuses: in the dialect's shape, and so that clients do not try again where it makes no sense. */
import { describe, expect, test } from 'vitest'
import { send } from '../client-call.ts'
import { DIALECT_CASES, expectErrorEnvelope } from '../dialect-cases.ts'
import { type FailureWorld } from './world.ts'

export function gatewayRefusal(world: () => FailureWorld): void {
  describe('a refusal of the gateway', () => {
    test.for(DIALECT_CASES)(
      '$name: an unknown key is a 401 that is not to be tried again',
      async (dialect) => {
        const headers = { authorization: 'Bearer sk-nobody' }
        const answer = await send(world().gateway.url + dialect.path, {
          body: dialect.body('Hi', false),
          headers,
        })
        expect(answer.status).toBe(401)
        expect(answer.headers['x-should-retry']).toBe('false')
        expectErrorEnvelope(dialect, answer.text)
      },
    )

    test.for(DIALECT_CASES)(
      '$name: a model that the key may not use is a 403 that is not to be tried again',
      async (dialect) => {
        world().route({})
        const key = await world().gateway.newKey({ models: ['another'] })
        const headers = { authorization: `Bearer ${key}` }
        const answer = await send(world().gateway.url + dialect.path, {
          body: dialect.body('Hi', true),
          headers,
        })
        expect(answer.status).toBe(403)
        expect(answer.headers['x-should-retry']).toBe('false')
        expectErrorEnvelope(dialect, answer.text)
      },
    )

    test.for(DIALECT_CASES)(
      '$name: a spent budget is a 429 that is not to be tried again, and no provider is called',
      async (dialect) => {
        world().route({})
        const { gateway } = world()
        const key = await gateway.newKey({ max_budget: 0.000001 })
        const headers = { authorization: `Bearer ${key}` }
        const url = gateway.url + dialect.path
        expect((await send(url, { body: dialect.body('Hi', false), headers })).status).toBe(200)
        const before = gateway.simulator.meter.entries().length
        const answer = await send(url, { body: dialect.body('Hi', true), headers })
        expect(answer.status).toBe(429)
        expect(answer.headers['x-should-retry']).toBe('false')
        expectErrorEnvelope(dialect, answer.text)
        expect(gateway.simulator.meter.entries()).toHaveLength(before)
      },
    )
  })
}
