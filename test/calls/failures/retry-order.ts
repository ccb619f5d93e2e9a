/** Where and how often a failed call is tried again, when a model has two deployments. */
import { describe, expect, test } from 'vitest'
import { ClientCall, send } from '../client-call.ts'
import { lineOf, type FailureWorld } from './world.ts'

const OK = { choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } }
const TROUBLE = { error: { message: 'no', type: 'server_error' } }
const BODY = { model: 'gpt-pair', messages: [] }

export function retryOrder(world: () => FailureWorld): void {
  const url = (): string => `${world().gateway.url}/v1/chat/completions`

  describe('two deployments of one model', () => {
    test('the one that was not tried yet is tried next, and the first again only after both', async () => {
      world().route({ retries: 3 })
      const call = send(url(), { body: BODY })
      const order: string[] = []
      for (let attempt = 0; attempt < 4; attempt += 1) {
        const exchange = await world().provider.next()
        order.push(exchange.request.url ?? '')
        if (attempt < 3) exchange.json(500, TROUBLE)
        else exchange.json(200, OK)
      }
      const answer = await call
      expect(answer.status).toBe(200)
      expect(order.slice(0, 2).toSorted()).toEqual([
        '/first/v1/chat/completions',
        '/second/v1/chat/completions',
      ])
      expect(answer.headers['x-litellm-attempted-retries']).toBe('3')
      expect(lineOf(world(), answer)).toMatchObject({ attempts: 4, ending: 'complete' })
    })

    test('no try is made after the first content, though a deployment is left', async () => {
      world().route({ retries: 3 })
      const before = world().provider.received
      const call = new ClientCall(url(), { body: { ...BODY, stream: true } })
      const exchange = await world().provider.next()
      exchange.stream('data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n')
      await call.until((text) => text.includes('Hi'))
      exchange.cut()
      const answer = await call.ended
      expect(answer.text).toContain('"error"')
      expect(lineOf(world(), answer)).toMatchObject({ attempts: 1, ending: 'provider_cut' })
      expect(world().provider.received).toBe(before + 1)
    })

    test('no more tries are made than num_retries says', async () => {
      world().route({ retries: 1 })
      const before = world().provider.received
      const call = send(url(), { body: BODY })
      for (let attempt = 0; attempt < 2; attempt += 1) (await world().provider.next()).json(500, TROUBLE)
      const answer = await call
      expect(answer.status).toBe(500)
      expect(lineOf(world(), answer)).toMatchObject({ attempts: 2 })
      expect(world().provider.received).toBe(before + 2)
    })
  })
}
