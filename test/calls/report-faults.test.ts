/** What counts and reports calls may fail: their clients do not notice. */
import { expect, test } from 'vitest'
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
