/** The provider refuses the call: its own words and status reach the client, and the failure is written down. */
import { describe, expect, test, vi } from 'vitest'
import { send } from '../client-call.ts'
import { ask, lineOf, MODES, triesOf, type FailureWorld } from './world.ts'

const NO_CREDIT = {
  anthropic: {
    status: 400,
    body:
      '{"type": "error",  "error":{"type":"invalid_request_error","message":"Your credit balance is too low to access ' +
      'the Anthropic API."},"request_id":"req_1"}',
  },
  openai: {
    status: 429,
    body: '{ "error": {"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"} }\n',
  },
}

export function providerRefusal(world: () => FailureWorld): void {
  describe('a refusal of the provider', () => {
    test.for(MODES)(
      '$name: an account without credit reaches the client unmodified',
      async ({ dialect, stream }) => {
        world().route({})
        const { status, body } = NO_CREDIT[dialect.family]
        const call = send(world().gateway.url + dialect.path, {
          body: dialect.body('Hello', stream, `${dialect.model}-scripted`),
        })
        const exchange = await world().provider.next()
        exchange.answer(status, { 'content-type': 'application/json', 'request-id': 'req_1' }, body)
        const answer = await call
        expect(answer.status).toBe(status)
        expect(answer.text).toBe(body)
        expect(answer.headers['request-id']).toBe('req_1')
        expect(lineOf(world(), answer)).toMatchObject({
          ending: 'provider_error',
          status,
          level: 'error',
          cost: '0',
          error_provider: dialect.family,
        })
      },
    )

    test('an account without credit is counted in the metrics and kept in the call log as a failure', async () => {
      world().route({})
      const { gateway } = world()
      const body = {
        model: 'claude',
        max_tokens: 9,
        messages: [{ role: 'user', content: '[[sim fault=no-credit]]' }],
      }
      const answer = await send(`${gateway.url}/v1/messages`, { body })
      expect(answer.status).toBe(400)
      const metrics = await (await gateway.call('/metrics')).text()
      const failures = metrics
        .split('\n')
        .filter((line) => line.startsWith('litellm_deployment_failure_responses_total{'))
      expect(failures.join('\n')).toMatch(/requested_model="claude".*exception_status="400"/)
      const id = String(answer.headers['x-litellm-call-id'])
      const row = await vi.waitFor(
        async () => {
          const rows = (await (await gateway.call(`/spend/logs?request_id=${id}`)).json()) as Record<
            string,
            unknown
          >[]
          expect(rows).toHaveLength(1)
          return rows[0]
        },
        { timeout: 10_000, interval: 50 },
      )
      expect(row).toMatchObject({ request_id: id, status: 'failure', spend: 0 })
    })

    test.for(MODES.flatMap((mode) => [400, 401, 403, 404].map((status) => ({ ...mode, status }))))(
      '$name, $status: is passed on and not tried again',
      async (mode) => {
        world().route({ retries: 2 })
        const answer = await ask(world(), mode, `fault=${mode.status}`)
        expect(answer.status).toBe(mode.status)
        expect(triesOf(world(), answer)).toBe(1)
        expect(lineOf(world(), answer)).toMatchObject({ attempts: 1 })
      },
    )

    test("the provider's x-should-retry wins over its status, both ways", async () => {
      world().route({ retries: 1 })
      const body = { model: 'gpt-scripted', messages: [] }
      const url = `${world().gateway.url}/v1/chat/completions`
      const error = { error: { message: 'no', type: 'server_error' } }

      const stopped = send(url, { body })
      const first = await world().provider.next()
      first.json(500, error, { 'x-should-retry': 'false' })
      expect((await stopped).headers['x-should-retry']).toBe('false')

      const retried = send(url, { body })
      const second = await world().provider.next()
      second.json(400, error, { 'x-should-retry': 'true' })
      const third = await world().provider.next()
      third.json(200, { choices: [], usage: { prompt_tokens: 1, completion_tokens: 1 } })
      expect((await retried).status).toBe(200)
    })
  })
}
