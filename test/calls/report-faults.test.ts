/** What counts and reports calls may fail: their clients do not notice. */
import { expect, test, vi } from 'vitest'
import { NodeExchange } from '../../src/calls/node-exchange.ts'
import { FrontExchange } from '../../src/server/front/front-exchange.ts'
import { SIMULATED_MODELS, startTestGateway } from '../running-gateway.ts'

test('answers and streams end as ever when a part of the gateway fails to take the call up', async () => {
  const gateway = await startTestGateway({ config: SIMULATED_MODELS })
  try {
    gateway.gateway.telemetry.onCallSettled({
      callSettled() {
        throw new Error('a full disk, a bad label, anything')
      },
    })
    for (const stream of [false, true]) {
      const body = { model: 'gpt', stream, messages: [{ role: 'user', content: 'Tell me.' }] }
      const answer = await gateway.call('/v1/chat/completions', body)
      expect(answer.status).toBe(200)
      expect(await answer.text()).toContain(stream ? 'data: [DONE]' : '"usage"')
    }
    const refused = await gateway.call('/v1/chat/completions', { model: 'unknown', messages: [] })
    expect([refused.status, await refused.text()]).toEqual([400, expect.stringContaining('unknown')])
    const page = await (await gateway.call('/metrics')).text()
    expect(page).toContain('sluice_call_report_failures_total{part="listeners"} 3')
  } finally {
    await gateway.stop()
  }
})

test('a client whose answer cannot be written is not left waiting, and its call is booked', async () => {
  const gateway = await startTestGateway({ config: SIMULATED_MODELS })
  try {
    const body = { model: 'gpt', messages: [{ role: 'user', content: 'Tell me.' }] }
    for (const [exchange, path] of [
      [FrontExchange, '/v1/chat/completions'],
      [NodeExchange, '/openai/deployments/gpt/chat/completions'],
    ] as const) {
      const broken = vi.spyOn(exchange.prototype, 'writeHead').mockImplementationOnce(() => {
        throw new TypeError('a character that HTTP does not allow')
      })
      await expect(gateway.call(path, body)).rejects.toThrow()
      broken.mockRestore()
    }
    const page = await (await gateway.call('/metrics')).text()
    expect(page).toContain('sluice_call_report_failures_total{part="answer"} 2')
    await gateway.gateway.ledger.flush()
    expect(gateway.logLines()).toContainEqual(
      expect.objectContaining({ event: 'call', ending: 'complete', status: 200 }),
    )
  } finally {
    await gateway.stop()
  }
})
