import { afterEach, expect, test } from 'vitest'
import { SIMULATED_MODELS, startTestGateway, type TestGateway } from '../../test/running-gateway.ts'

let gateway: TestGateway

afterEach(async () => await gateway.stop())

const SETTINGS = `${SIMULATED_MODELS}
general_settings:
  enable_drain_endpoint: true
  drain_endpoint_token: the-token
`

async function drain(headers: Record<string, string>): Promise<Response> {
  return await fetch(`${gateway.url}/health/drain`, { headers })
}

test('a drain is offered only where it is configured', async () => {
  gateway = await startTestGateway()
  expect((await gateway.call('/health/drain')).status).toBe(404)
  expect((await gateway.call('/health/readiness')).status).toBe(200)
})

test('a drain needs the token, or the key of an administrator', async () => {
  gateway = await startTestGateway({ config: SETTINGS })
  const key = await gateway.newKey({ user_id: 'someone' })
  expect((await drain({})).status).toBe(401)
  expect((await drain({ 'x-drain-token': 'another' })).status).toBe(401)
  expect((await drain({ authorization: `Bearer ${key}` })).status).toBeGreaterThanOrEqual(401)
  expect((await gateway.call('/health/readiness')).status).toBe(200)
  expect((await gateway.call('/health/drain')).status).toBe(200)
})

test('a drain takes the process out of the traffic, waits for what is in flight, and still serves who comes', async () => {
  gateway = await startTestGateway({ config: SETTINGS })
  const call = await gateway.call('/v1/chat/completions', {
    model: 'gpt',
    stream: true,
    messages: [{ role: 'user', content: 'Tell me' }],
  })
  const reader = call.body!.getReader()
  await reader.read()
  const answer = drain({ 'x-drain-token': 'the-token' })
  // Whoever asks for readiness from now on is told, and a connection is good for one more answer.
  let readiness = await gateway.call('/health/readiness')
  while (readiness.status === 200) readiness = await gateway.call('/health/readiness')
  expect(await readiness.json()).toMatchObject({ status: 'draining' })
  expect(readiness.headers.get('connection')).toBe('close')
  const late = await gateway.call('/v1/chat/completions', { model: 'gpt', messages: [] })
  expect(late.status).toBe(200)
  await late.text()
  while (!(await reader.read()).done);
  expect(await (await answer).json()).toEqual({ status: 'drained', in_flight_requests: 0 })
})
