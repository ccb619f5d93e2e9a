/** A whole gateway tells another system of its calls. */
import { expect, test, vi } from 'vitest'
import { MASTER_KEY, SIMULATED_MODELS, startTestGateway } from '../running-gateway.ts'
import { startCallReceiver } from './call-receiver.ts'

const CHAT = { model: 'gpt', messages: [{ role: 'user', content: 'Say hello, and nothing of the canary.' }] }

test('each call is told once, with its cost and its caller, and without its prompt', async () => {
  await using receiver = await startCallReceiver()
  const gateway = await startTestGateway({
    config: `${SIMULATED_MODELS}
litellm_settings: { callbacks: [generic_api] }
general_settings: { store_prompts_in_spend_logs: true }
`,
    environment: {
      GENERIC_LOGGER_ENDPOINT: `${receiver.url}/logs`,
      GENERIC_LOGGER_HEADERS: 'x-log-key=canary-header',
    },
  })
  try {
    const key = await gateway.newKey({ key_alias: 'exported' })
    const headers = { authorization: `Bearer ${key}` }
    const answers = await Promise.all(
      [1, 2, 3].map(() => gateway.call('/v1/chat/completions', CHAT, headers)),
    )
    await gateway.call('/v1/chat/completions', { ...CHAT, model: 'unknown' }, headers)
    await gateway.gateway.stop(1_000)
    const calls = receiver.received.flatMap(({ body }) => JSON.parse(body) as Record<string, unknown>[])
    const ids = answers.map((answer) => answer.headers.get('x-litellm-call-id'))
    expect(calls.filter(({ status }) => status === 'success').map(({ id }) => id)).toEqual(
      expect.arrayContaining(ids),
    )
    expect(calls.map(({ status }) => String(status)).toSorted()).toEqual([
      'failure',
      'success',
      'success',
      'success',
    ])
    for (const call of calls) expect(call['metadata']).toMatchObject({ user_api_key_alias: 'exported' })
    expect(receiver.received[0]?.headers['x-log-key']).toBe('canary-header')
    expect(JSON.stringify(calls)).not.toContain('canary')
    expect(JSON.stringify(gateway.logLines())).not.toContain('canary-header')
  } finally {
    await gateway.stop()
  }
})

test('a call that the stop cuts, and whose client has left before, is told too', async () => {
  await using receiver = await startCallReceiver()
  const gateway = await startTestGateway({
    config: `${SIMULATED_MODELS}
  - model_name: endless
    litellm_params: { model: 'openai/sim/endless?chunks=100000&interval=20', api_base: '{openai}', api_key: sk-provider }
litellm_settings: { callbacks: [generic_api] }
general_settings: { cancel_on_disconnect: false }
`,
    environment: { GENERIC_LOGGER_ENDPOINT: `${receiver.url}/logs` },
  })
  try {
    // It opens connections to the receiver: what is told after the stop has ended them is lost.
    await gateway.call('/v1/chat/completions', CHAT)
    await receiver.count(1)
    const leaving = new AbortController()
    const answer = await fetch(`${gateway.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${MASTER_KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...CHAT, model: 'endless', stream: true }),
      signal: leaving.signal,
    })
    await answer.body?.getReader().read()
    leaving.abort()
    await vi.waitFor(() => expect(gateway.gateway.requestsInFlight()).toBe(0))
    await gateway.gateway.stop(0)
    const calls = receiver.received.flatMap(({ body }) => JSON.parse(body) as Record<string, unknown>[])
    expect(calls).toMatchObject([
      { call_type: 'acompletion', model_group: 'gpt' },
      { call_type: 'acompletion', model_group: 'endless' },
    ])
  } finally {
    await gateway.stop()
  }
})
